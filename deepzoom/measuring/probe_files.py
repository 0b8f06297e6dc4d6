"""What a probe found, for programs: as JSON, as arrays in an .npz file, as a table in a .csv file."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom.coordinates import Rational, format_decimal, rounded
from deepzoom.files import whole_file

from .probe import Probe

_MORE_BITS = 64


def facts_of(found: Probe) -> dict[str, Any]:
    """All figures by name, without infinities and NaN: they are None."""
    exact = found.exact
    return {
        "system": found.scene.system,
        "x": coordinate(found.x, exact.bits),
        "y": coordinate(found.y, exact.bits),
        "steps": found.scene.steps,
        "bits": exact.bits,
        "fate": exact.fate,
        "measure": exact.measure,
        "parted": found.parted,
        "horizon": found.horizon,
        "exponents": numbers(exact.exponents[-1]) if len(exact.losses) else None,
        "losses": numbers(exact.losses),
        "losses_float64": numbers(found.float64),
        "growth": [numbers(column) for column in exact.growth.T],
        "sharpness_steps": found.at.tolist(),
        "sharpness": numbers(found.sharpness),
        "edge": numbers(found.edges),
    }


def coordinate(value: Rational, bits: int) -> str:
    """A coordinate in decimal: exact, or where its decimals never end, with more than a run of ``bits`` can see."""
    try:
        return format_decimal(value)
    except ValueError:
        return format_decimal(rounded(value, type(value)(1, 2 ** (bits + _MORE_BITS))))


def numbers(values: Any) -> list[float | None]:
    """Floats, with None for what JSON cannot hold."""
    return [v if math.isfinite(v) else None for v in values.tolist()]


def write_numbers(path: Path, found: Probe) -> None:
    """Write an .npz file of arrays, or a .csv file with a row for each step, by the name's ending."""
    with whole_file(path) as file:
        if path.suffix.lower() == ".npz":
            np.savez(file, **_arrays(found))
        else:
            file.write(_table(found).encode())


def _arrays(found: Probe) -> dict[str, Any]:
    exact = found.exact
    facts = {k: v for k, v in facts_of(found).items() if isinstance(v, str | int | float)}
    return facts | {
        "losses": exact.losses, "losses_float64": found.float64, "growth": exact.growth,
        "sharpness_steps": found.at, "sharpness": found.sharpness, "edge": found.edges,
        "scene": np.array(found.scene.to_toml()),
    }  # fmt: skip


def _table(found: Probe) -> str:
    """A row for each step, with what is known before it; a field is empty where there is no number."""
    exact, text = found.exact, io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["step", "loss", "loss_float64", "growth_1", "growth_2", "sharpness", "edge"])
    known = {step: pair for step, *pair in zip(found.at.tolist(), found.sharpness.tolist(), found.edges.tolist())}
    for step in range(max(len(found.float64), len(exact.growth))):
        values = [
            exact.losses[step] if step < len(exact.losses) else math.nan,
            found.float64[step] if step < len(found.float64) else math.nan,
            *(exact.growth[step] if step < len(exact.growth) else (math.nan, math.nan)),
            *known.get(step, (math.nan, math.nan)),
        ]
        rows.writerow([step, *(repr(float(v)) if math.isfinite(v) else "" for v in values)])
    return text.getvalue()
