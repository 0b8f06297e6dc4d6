"""The figure of a probe: losses, growth of parameter changes, and sharpness against the edge of stability."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom.files import whole_file
from deepzoom.pictures.png import KEY

from .probe import Probe

EXACT, PLAIN, EDGE, FIRST, SECOND, MARK = "#1b4965", "#f0a37f", "#c1440e", "#2a7f62", "#8fbf9f", "#888888"


def write_probe(path: Path, found: Probe, title: str) -> None:
    """Write a PNG of three diagrams over the steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 8.5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    losses, growth, sharpness = figure.subplots(3, 1, sharex=True)
    _draw_losses(losses, found)
    _draw_growth(growth, found)
    _draw_sharpness(sharpness, found)
    for ax in (losses, growth, sharpness):
        _legend(ax)
        ax.grid(alpha=0.25, linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.01)
    sharpness.set_xlabel("step")
    sharpness.set_xlim(0, max(1, min(found.scene.steps, 1.5 * len(found.exact.losses) + 2)))
    figure.suptitle(title, fontsize=11)
    with whole_file(path) as file:
        figure.savefig(file, format="png", metadata={KEY: found.scene.to_toml()})


def _legend(ax: Any) -> None:
    """On the line of the title, where it hides no curve."""
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower right", bbox_to_anchor=(1.01, 0.985), ncols=4, fontsize=8, frameon=False, columnspacing=1)


Curve = tuple[Any, Any, dict[str, Any]]
"""Steps, values, and how the line looks."""


def _draw(ax: Any, what: str, curves: list[Curve], range_of: list[int]) -> None:
    """Draw curves of positive values on a logarithmic axis, else on a plain one.

    range_of: the curves whose whole range is shown; others only within a thousand times of it.
    """
    values = np.concatenate([curves[k][1] for k in range_of])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if low <= 0 or high < 3 * low:
        for steps, ys, look in curves:
            ax.plot(steps, np.where(np.isfinite(ys), ys, np.nan), **look)
        ax.set_ylabel(what)
        return
    decades = math.log10(high) - math.log10(low)
    for steps, ys, look in curves:
        with np.errstate(divide="ignore", invalid="ignore"):
            ys = np.log10(np.where(ys > 0, ys, np.nan))
        near = (ys > math.log10(low) - 3) & (ys < math.log10(high) + 3)
        ax.plot(steps, np.where(near, ys, np.nan), **look)
    if decades > 15:  # more than powers of ten on an axis can hold
        ax.set_ylabel(f"log10 of the {what}")
        return
    from matplotlib.ticker import FixedLocator

    bottom, top = ax.get_ylim()
    marks = [1, 2, 5] if decades < 3 else [1]
    ticks = [d + math.log10(m) for d in range(math.floor(bottom), math.ceil(top) + 1) for m in marks]
    ax.set_yticks(ticks[:: max(1, len(ticks) // 8)])
    ax.yaxis.set_minor_locator(FixedLocator(ticks))
    ax.set_ylim(bottom, top)
    ax.yaxis.set_major_formatter(lambda v, place: f"{10**v:.3g}".replace("e+0", "e").replace("e-0", "e-"))
    ax.set_ylabel(what)


def _draw_losses(ax: Any, found: Probe) -> None:
    exact, plain = found.exact.losses, found.float64
    curves = [
        (np.arange(len(plain)), plain, {"color": PLAIN, "linewidth": 2.4, "label": "float64"}),
        (np.arange(len(exact)), exact, {"color": EXACT, "linewidth": 1.2, "label": f"exact ({found.exact.bits} bits)"}),
    ]
    _draw(ax, "loss", curves, [1])
    for step, style, text in ((found.parted, "--", "float64 wrong from"), (found.horizon, ":", "horizon:")):
        if step is not None and step < found.scene.steps:
            ax.axvline(step, color=MARK, linestyle=style, linewidth=1.2, label=f"{text} step {step}")
    ax.set_title("Loss", loc="left", fontsize=10)


def _draw_growth(ax: Any, found: Probe) -> None:
    growth = found.exact.growth / math.log(10.0)
    ends = found.exact.exponents[-1] if len(found.exact.losses) else (math.nan, math.nan)
    for k, (colour, name) in enumerate(((FIRST, "strong"), (SECOND, "weak"))):
        column = np.where(np.isfinite(growth[:, k]), growth[:, k], np.nan)
        if np.isfinite(column).any():
            ax.plot(column, color=colour, linewidth=1.6, label=f"{name} direction, exponent {ends[k]:+.4g}")
    ax.set_ylabel("log10 of the growth")
    ax.set_title("Growth of a small change", loc="left", fontsize=10)


def _draw_sharpness(ax: Any, found: Probe) -> None:
    look = {"color": EXACT, "linewidth": 1.6, "marker": ".", "markersize": 4, "label": "sharpness"}
    curves = [(found.at, found.sharpness, look)]
    if np.isfinite(found.edges).any():
        edge = {"color": EDGE, "linewidth": 1.2, "linestyle": "--", "label": "edge of stability, 2 / learning rate"}
        curves.append((found.at, found.edges, edge))
    _draw(ax, "largest eigenvalue", curves, list(range(len(curves))))
    ax.set_title("Sharpness", loc="left", fontsize=10)
