"""Figures of a measurement: what was counted against size, with the fit, its residuals and its interval."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.files import whole_file

from .box_counting import Counted
from .uncertainty_exponent import Fit

_POINTS, _LINE, _BAND = "#1b4965", "#c1440e", "#f2c9b0"


def _panels(heights: list[int], title: str) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 1.7 * sum(heights)), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    panels[0].set_title(title, fontsize=10)
    return figure, list(panels)


def _write(figure: Any, path: Path) -> None:
    with whole_file(path) as file:
        figure.savefig(file, format=path.suffix.lstrip(".").lower())


def _band(ax: Any, value: float, low: float, high: float) -> None:
    ax.axhspan(low, high, color=_BAND, zorder=0, label="95 % interval")
    ax.axhline(value, color=_LINE, zorder=1)


def write_uncertainty(path: Path, fit: Fit, title: str) -> None:
    """The share of pairs that differ against their distance, the residuals, and the local dimension."""
    figure, (shares, rest, local) = _panels([3, 1, 2], title)
    ten = math.log(10)
    x, y, error = fit.log_eps / ten, fit.log_share / ten, fit.error / ten
    shares.errorbar(x, y, error, fmt="o", color=_POINTS, markersize=4, label="pairs with different fates")
    line = (fit.offset + (2 - fit.dimension) * fit.log_eps) / ten
    half = (fit.high - fit.low) / 2 * np.abs(x - x.mean())
    shares.fill_between(x, line - half, line + half, color=_BAND, zorder=0)
    shares.plot(x, line, color=_LINE, label=f"D = {fit.dimension:.3f}, {fit.low:.3f} to {fit.high:.3f}")
    shares.set_ylabel("log10 of the share")
    shares.legend(fontsize=8)
    rest.errorbar(x, fit.residuals / ten, error, fmt="o", color=_POINTS, markersize=4)
    rest.axhline(0, color=_LINE)
    rest.set_ylabel("residual")
    middle = (x[1:] + x[:-1]) / 2
    _band(local, fit.dimension, fit.low, fit.high)
    for some, colour, name in ((fit.constant, _POINTS, None), (~fit.constant, _LINE, "not constant")):
        if some.any():
            local.errorbar(
                middle[some], fit.local[some], fit.local_error[some], fmt="o", color=colour, markersize=4, label=name
            )
    local.set_ylabel("local dimension")
    local.set_ylim(0.5, 2.5)
    local.legend(fontsize=8)
    local.set_xlabel("log10 of the distance between the points of a pair")
    local.invert_xaxis()
    _write(figure, path)


def write_boxes(path: Path, counted: Counted, title: str) -> None:
    """The number of boxes against their size, and the local slopes."""
    figure, (counts, slopes) = _panels([3, 2], title)
    sizes: NDArray[np.float64] = counted.sizes.astype(np.float64)
    counts.plot(sizes, counted.counts, "o", color=_POINTS, markersize=4)
    counts.set_xscale("log")
    counts.set_yscale("log")
    counts.set_ylabel("boxes on the border")
    slopes.plot(sizes, counted.slopes, "o", color=_POINTS, markersize=4)
    _band(slopes, counted.dimension, counted.low, counted.high)
    slopes.set_ylabel("local slope")
    slopes.set_xlabel("box size in pixels")
    slopes.legend(fontsize=8)
    _write(figure, path)
