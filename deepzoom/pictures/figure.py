"""Figures: a picture with its axes, as published."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import Rational, log2, with_digits
from deepzoom.files import whole_file
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY
from deepzoom.scene.view import View
from deepzoom.systems.base import Axis

from .png import KEY


def end_labels(low: Rational, high: Rational) -> tuple[str, str]:
    """Decimal texts of the two ends of an axis, precise to about a ten-thousandth of the distance between them."""
    apart = log2(high - low)

    def text(value: Rational) -> str:
        if value == 0:
            return "0"
        return _plain(with_digits(value, max(4, math.ceil((log2(abs(value)) - apart) * math.log10(2)) + 5)))

    return text(low), text(high)


def _plain(text: str) -> str:
    """A number in scientific notation, written without its exponent if that stays short."""
    mantissa, exponent = text.split("e")
    if not -3 <= int(exponent) <= 2:
        return f"{mantissa}e{int(exponent)}"
    places = max(0, len(mantissa.lstrip("-")) - 2 - int(exponent))
    return f"{gmpy2.mpfr(text, 8 * len(text) + 64):.{places}f}"


def _parameter(coordinate: Rational, axis: Axis, depth: Rational) -> Rational:
    """The parameter that a coordinate stands for, with many more digits than the view's ends need."""
    if not axis.power_of_ten:
        return coordinate
    with gmpy2.context(gmpy2.get_context(), precision=128 + max(0, round(-log2(depth)))):
        return gmpy2.mpq(gmpy2.exp10(gmpy2.mpfr(coordinate)))


def _label_ends(ax: Any, view: View, axes: tuple[Axis, Axis]) -> None:
    """Write the parameters' values at the ends of both axes."""
    corners = zip(view.at(-0.5, view.height - 0.5), view.at(view.width - 0.5, -0.5), strict=True)
    x, y = (end_labels(*(_parameter(c, axis, view.depth) for c in ends)) for ends, axis in zip(corners, axes))
    small = 9 if max(map(len, x)) < 28 else 6
    ax.set_xticks([0, 1], list(x), fontsize=small)
    ax.set_yticks([0, 1], list(y), rotation=90, fontsize=small)
    first, last = ax.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    first, last = ax.get_yticklabels()
    first.set_verticalalignment("bottom")
    last.set_verticalalignment("top")


def _direction(side: str, way: tuple[Rational, Rational], length: Rational) -> str:
    """How far one side of a stretched or turned picture goes along each axis of the plane."""
    return f"{side}: {_signed(way[0] * length)} in x, {_signed(way[1] * length)} in y"


def _signed(value: Rational) -> str:
    return f"{'-' if value < 0 else '+'}{_plain(with_digits(abs(value), 3))}" if value else "0"


def _logarithm(axis: Axis) -> str:
    """The name of the coordinate along an axis."""
    return f"log10 of {axis.label}" if axis.power_of_ten else axis.label


def write_figure(path: Path, rgb: NDArray[np.float64], scene: Scene, axes: tuple[Axis, Axis], title: str) -> None:
    """Write the picture with two axes, as in the publication: their names, and the parameters' values at the ends."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    view = scene.view
    names = [f"{axis.label} (log scale)" if axis.power_of_ten else axis.label for axis in axes]
    width = 6.0
    figure = Figure(figsize=(width, max(3.0, width * view.height / view.width + 0.9)), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    ax.imshow(rgb, extent=(0, 1, 0, 1), aspect=view.height / view.width, interpolation="nearest")
    if view.shape == IDENTITY:
        _label_ends(ax, view, axes)
        ax.set_xlabel(names[0])
        ax.set_ylabel(names[1])
        shown = ""
    else:  # the picture's axes are not those of the plane
        ax.set_xticks([])
        ax.set_yticks([])
        right, up = ((view.shape.xu, view.shape.yu), (view.shape.xv, view.shape.yv))
        ax.set_xlabel(_direction("width", right, view.depth * view.width / view.height))
        ax.set_ylabel(_direction("height", up if not view.flip else (-up[0], -up[1]), view.depth))
        shown = f"\nx: {_logarithm(axes[0])}, y: {_logarithm(axes[1])}"
    long, short, degrees = view.spans()
    size = f"view {with_digits(view.depth, 3)} high"
    if view.spanned() is not None:
        size = f"one height: {with_digits(long, 3)} along {degrees:.4g}°, {with_digits(short, 3)} across"
    ax.set_title(f"{title}\n{size}, {scene.steps} steps{shown}", fontsize=10)
    with whole_file(path) as file:
        figure.savefig(file, format="png", metadata={KEY: scene.to_toml()})
