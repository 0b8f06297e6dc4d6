"""The figure of a probe: losses, growth of parameter changes, and sharpness against the edge of stability."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom.files import whole_file
from deepzoom.pictures.png import KEY

from .probe import Probe

EXACT, PLAIN, FIRST, SECOND, MARK = "#1f4e79", "#e07b39", "#2a7f62", "#8fbf9f", "#888888"


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
        ax.grid(alpha=0.25, linewidth=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.01)
    sharpness.set_xlabel("step")
    sharpness.set_xlim(0, max(1, found.scene.steps))
    figure.suptitle(title, fontsize=11)
    with whole_file(path) as file:
        figure.savefig(file, format="png", metadata={KEY: found.scene.to_toml()})


def _draw_losses(ax: Any, found: Probe) -> None:
    exact, steps = found.exact.losses, found.scene.steps
    plain = np.where(np.isfinite(found.float64), found.float64, np.nan)
    ax.plot(plain, color=PLAIN, linewidth=1.2, label="float64")
    ax.plot(exact, color=EXACT, linewidth=1.6, label=f"exact ({found.exact.bits} bits)")
    positive = exact[exact > 0]
    if len(positive):
        ax.set_yscale("log")
        low, high = float(positive.min()), float(positive.max())
        shown = plain[(plain > 0) & (plain < 1e6 * high) & (plain > 1e-6 * low)]
        low, high = min([low, *shown]), max([high, *shown])
        room = 10.0 ** (0.05 * (math.log10(high) - math.log10(low)) + 0.05)
        ax.set_ylim(low / room, high * room)
        _plain_numbers(ax, high / low if low > 1e-3 and high < 1e3 else math.inf)
    ax.set_ylabel("loss")
    for step, style, text in ((found.parted, "--", "float64 parts"), (found.horizon, ":", "horizon")):
        if step is not None and step < steps:
            ax.axvline(step, color=MARK, linestyle=style, linewidth=1.2, label=f"{text}: step {step}")
    ax.legend(fontsize=8, framealpha=0.8, edgecolor="none")
    ax.set_title("Loss", loc="left", fontsize=10)


def _plain_numbers(ax: Any, ratio: float) -> None:
    """Write ticks of a short logarithmic axis as 0.2 or 20, not as powers of ten."""
    if ratio < 1000:
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, place: f"{v:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())


def _draw_growth(ax: Any, found: Probe) -> None:
    growth = found.exact.growth / math.log(10.0)
    ends = found.exact.exponents[-1] if len(found.exact.losses) else (math.nan, math.nan)
    for k, (colour, name) in enumerate(((FIRST, "strong"), (SECOND, "weak"))):
        column = np.where(np.isfinite(growth[:, k]), growth[:, k], np.nan)
        if np.isfinite(column).any():
            ax.plot(column, color=colour, linewidth=1.6, label=f"{name} direction: {ends[k]:+.4g} per step")
    ax.set_ylabel("log10 of the growth")
    ax.legend(fontsize=8, framealpha=0.8, edgecolor="none")
    ax.set_title("How a change of the parameters grows (finite-time Lyapunov exponents)", loc="left", fontsize=10)


def _draw_sharpness(ax: Any, found: Probe) -> None:
    steps, sharpness, edges = found.at, found.sharpness, found.edges
    ax.plot(steps, sharpness, color=EXACT, linewidth=1.6, marker=".", markersize=4, label="sharpness")
    if np.isfinite(edges).any():
        ax.plot(steps, edges, color=PLAIN, linewidth=1.2, linestyle="--", label="edge of stability, 2 / learning rate")
    values = np.concatenate([v[np.isfinite(v)] for v in (sharpness, edges)])
    if len(values) and values.min() > 0 and values.max() > 20 * values.min():
        ax.set_yscale("log")
        _plain_numbers(ax, values.max() / values.min() if values.min() > 1e-3 and values.max() < 1e3 else math.inf)
    ax.set_ylabel("largest eigenvalue")
    ax.legend(fontsize=8, framealpha=0.8, edgecolor="none")
    ax.set_title("Sharpness against the edge of stability", loc="left", fontsize=10)
