"""What a measurement found, as facts for ``--json`` and as lines for people."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from deepzoom.coordinates import format_decimal
from deepzoom.scene.scene import Scene

from .descent import Descent
from .uncertainty_exponent import Fit


def facts_of(scene: Scene, descent: Descent, fit: Fit) -> dict[str, Any]:
    """What ``--json`` prints. Distances are log10 of units of the plane before stretching, as they may underflow."""
    counts, ten = descent.counts(), math.log(10)
    return {
        "method": "uncertainty exponent",
        "system": scene.system,
        "x": format_decimal(scene.view.x),
        "y": format_decimal(scene.view.y),
        "depth": format_decimal(scene.view.depth),
        "steps": scene.steps,
        "trust": scene.trust,
        "filaments": scene.distance,
        "seed": descent.seed,
        "dimension": fit.dimension,
        "low": fit.low,
        "high": fit.high,
        "exponent": 2 - fit.dimension,
        "misfit": fit.misfit,
        "decades": float(fit.log_eps[0] - fit.log_eps[-1]) / ten,
        "log10_distance": (fit.log_eps / ten).tolist(),
        "log10_share": (fit.log_share / ten).tolist(),
        "log10_error": (fit.error / ten).tolist(),
        "residual": (fit.residuals / ten).tolist(),
        "local": fit.local.tolist(),
        "local_error": fit.local_error.tolist(),
        "constant": fit.constant.tolist(),
        "differ": counts[:, 0].tolist(),
        "counted": counts[:, 1].tolist(),
        "pairs": counts[:, 2].tolist(),
        "settled": [None if not n else s / n for s, _, n in counts[:, 3:].tolist()],
        "repaired": [None if not n else r / n for _, r, n in counts[:, 3:].tolist()],
        "seconds": round(descent.seconds, 3),
    }


def power_of_ten(logarithm: float) -> str:
    """A number from its log10, as text with three digits: float64 may not hold it."""
    exponent = math.floor(logarithm)
    return f"{10 ** (logarithm - exponent):.2f}e{exponent}"


def rows_of(facts: dict[str, Any]) -> list[list[str]]:
    """A row for each distance; the local dimension stands beside the distance where it begins."""
    rows = []
    for k, distance in enumerate(facts["log10_distance"]):
        shares = facts["settled"][k], facts["repaired"][k]
        row = [
            power_of_ten(distance), power_of_ten(facts["log10_share"][k]), f"{facts['differ'][k]:,}",
            f"{facts['counted'][k]:,}", *("?" if s is None else f"{s:.1%}" for s in shares),
        ]  # fmt: skip
        if k < len(facts["local"]):
            away = "" if facts["constant"][k] else "not constant"
            row += [f"{facts['local'][k]:.3f}", f"{facts['local_error'][k]:.3f}", away]
        rows.append(row + [""] * (9 - len(row)))
    return rows


def lines_of(facts: dict[str, Any]) -> list[str]:
    """The result in some sentences."""
    lines = [
        f"dimension  {facts['dimension']:.4f}",
        f"interval   {facts['low']:.4f} to {facts['high']:.4f} (95 %), over {facts['decades']:.1f} decades",
        f"misfit     {facts['misfit']:.2f} (residuals in units of their errors; the fit is good up to about 1)",
    ]
    left_out = 1 - sum(facts["counted"]) / sum(facts["pairs"])
    worst = 1 - float(np.min(np.array(facts["counted"]) / np.array(facts["pairs"])))
    if left_out:
        lines.append(
            f"left out   {left_out:.2%} of all pairs, at most {worst:.2%} at one distance, as a point of theirs is not"
            f" settled{' or has no distance' if facts['filaments'] else ''}: those lie on the border, so the dimension"
            " may be larger"
        )
    changes = facts["constant"].count(False)
    if changes:
        lines.append(f"local      {changes} of {len(facts['constant'])} local dimensions differ from the fit")
    return lines
