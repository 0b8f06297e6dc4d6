"""What part of the plane a picture shows, at how many pixels, and where each pixel lies."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom.coordinates import Rational, parse_decimal, rounded, scaled_float, with_digits
from deepzoom.errors import InputError

from . import sample_positions
from .shape import IDENTITY, Shape

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """A part of the plane, and how many pixels show it.

    x, y: exact centre; depth: the view's full height in plane units before stretching (exact, positive). Pixel (row i,
    column j) is sampled at centre + depth * shape (u, v), u = (j + 1/2 - W/2) / H, v = (H/2 - i - 1/2) / H; y grows
    upward. flip: v has the other sign, which turns the picture upside down. samples: points per pixel
    (``sample_positions.offsets``). Each point has a flat number: row * width + column + k * pixels for sample k of a
    pixel, where sample 0 is its middle.
    """

    x: Rational
    y: Rational
    depth: Rational
    width: int
    height: int
    flip: bool = False
    shape: Shape = IDENTITY
    samples: int = 1

    @classmethod
    def parse(cls, x: str, y: str, depth: str, size: str | tuple[int, int]) -> View:
        """A view from decimal texts and ``WxH``. Raises InputError for a text that it cannot read."""
        d = parse_decimal(depth, "--depth")
        if d <= 0:
            raise InputError(f"--depth: {depth} is not above zero; give the view's height, such as 1e-20.")
        width, height = parse_size(size) if isinstance(size, str) else size
        return cls(parse_decimal(x, "--center x"), parse_decimal(y, "--center y"), d, width, height)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def _multiples(
        self, pixels: NDArray[np.int64], about: tuple[int, int] = (0, 0)
    ) -> tuple[list[NDArray[Any]], int, Rational]:
        """([x, y], most, unit): differences of flat numbers from the centre, as whole multiples of ``unit``.

        The multiples are below ``most``. about: take the differences from this point instead, given in half pixels from
        the centre.
        """
        parts, finer = math.lcm(*(int(e.denominator) for e in self.shape.entries)), sample_positions.parts(self.samples)
        xu, xv, yu, yv = (int(e * parts) for e in self.shape.entries)
        most = finer * max(map(abs, (xu, xv, yu, yv))) * (self.width + self.height + abs(about[0]) + abs(about[1]))
        across, up = self._steps(pixels)
        if most >= 1 << 63:
            across, up = across.astype(object), up.astype(object)
        across, up = across - finer * about[0], up - finer * about[1]
        return [xu * across + xv * up, yu * across + yv * up], most, self.depth / (2 * self.height * parts * finer)

    def _steps(self, pixels: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Distances of flat numbers from the centre to the right and up, before stretching.

        They are whole numbers of parts of half a pixel; ``sample_positions.parts`` says how many parts that has.
        """
        finer = sample_positions.parts(self.samples)
        sample, pixel = np.divmod(pixels, self.pixels)
        row, column = np.divmod(pixel, self.width)
        right, above = 2 * sample_positions.offsets(self.samples)[sample].T
        across, up = finer * (2 * column + 1 - self.width) + right, finer * (self.height - 2 * row - 1) + above
        return across, -up if self.flip else up

    def heights(self, pixels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """(u, v): distances of flat numbers from the centre to the right and up, before stretching, in heights."""
        across, up = self._steps(pixels)
        unit = 2 * self.height * sample_positions.parts(self.samples)
        return across / unit, up / unit

    def differences(self, pixels: NDArray[np.int64], about: tuple[int, int] = (0, 0)) -> tuple[Floats, Floats, int]:
        """(dx, dy, e): the pixels' differences from ``beside(about)``, by default the centre, are (dx, dy) * 2**-e.

        dx and dy are float64 below 1 in size.
        """
        (x, y), most, unit = self._multiples(pixels, about)
        mantissa, exponent = scaled_float(unit)
        shift = most.bit_length()
        mantissa = math.ldexp(mantissa, -shift)
        return x.astype(np.float64) * mantissa, y.astype(np.float64) * mantissa, exponent + shift

    def offsets(self, pixels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """(dx, dy): distances of flat numbers from the centre along x and y, in units of the depth, at any depth."""
        multiples, most, unit = self._multiples(pixels)
        whole = int(self.depth / unit)
        # Python's own integers divide to the nearest float64
        dx, dy = (m / (whole if most >= 1 << 63 else float(whole)) for m in multiples)
        return dx.astype(np.float64), dy.astype(np.float64)

    def points(self, pixels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """(x, y) of the pixels: for each exact coordinate the nearest float64."""
        multiples, _, unit = self._multiples(pixels)

        def at(centre: Rational, counts: NDArray[Any]) -> Floats:
            some, places = np.unique(counts, return_inverse=True)
            return np.array([float(centre + int(n) * unit) for n in some])[places]

        return at(self.x, multiples[0]), at(self.y, multiples[1])

    def beside(self, about: tuple[int, int]) -> tuple[Rational, Rational]:
        """The exact point that lies ``about`` half pixels (right, up) from the centre, counted before stretching."""
        x, y = self.shape.times(mpq(about[0], 2 * self.height), mpq(about[1], 2 * self.height))
        return self.x + self.depth * x, self.y + self.depth * y

    def nearest(self, x: float, y: float, e: int) -> tuple[int, int]:
        """The ``about`` of ``beside`` for the point closest to (x, y) 2**e beside the centre."""
        mantissa, exponent = scaled_float(self.depth / (2 * self.height))
        unit = math.ldexp(1.0 / mantissa, max(-1000, min(1000, e - exponent)))
        xu, xv, yu, yv = map(float, self.shape.entries)
        turn = xu * yv - xv * yu
        return round((yv * x - xv * y) * unit / turn), round((xu * y - yu * x) * unit / turn)

    def point(self, number: int) -> tuple[Rational, Rational]:
        """Exact (x, y) of a flat number."""
        sample, pixel = divmod(number, self.pixels)
        row, column = divmod(pixel, self.width)
        right, up = (
            mpq(int(k), sample_positions.parts(self.samples)) for k in sample_positions.offsets(self.samples)[sample]
        )
        return self.at(column + right, row - up)

    def at(self, column: float | Rational, row: float | Rational) -> tuple[Rational, Rational]:
        """Exact (x, y) at the middle of a pixel; columns and rows may be fractions: -0.5 is an edge."""
        u = (mpq(column) + mpq(1, 2) - mpq(self.width, 2)) / self.height
        v = (mpq(self.height, 2) - mpq(row) - mpq(1, 2)) / self.height
        x, y = self.shape.times(u, -v if self.flip else v)
        return self.x + self.depth * x, self.y + self.depth * y

    def half_size(self) -> Rational:
        """Distance from the picture's middle to the end of its longer side, in heights."""
        return mpq(max(self.width, self.height), 2 * self.height)

    def smallest_difference(self) -> Rational:
        """The innermost pixel's distance from the centre along one axis; half a pixel if one lies on the centre."""
        return self.depth * self.shape.least / (2 * self.height)

    def largest_difference(self) -> Rational:
        """An upper bound of the outermost pixel's distance from the centre along one axis."""
        xu, xv, yu, yv = map(abs, self.shape.entries)
        reach = max(xu * self.width + xv * self.height, yu * self.width + yv * self.height)
        return self.depth * reach / (2 * self.height)

    def spans(self) -> tuple[Rational, Rational, float]:
        """(long, short, degrees): what the picture's height spans in the direction of most and of least stretch.

        In plane units: the exact product of the depth and the float64 of ``Shape.spans``. degrees: the long direction.
        """
        long, short, degrees = self.shape.spans
        return self.depth * mpq(long), self.depth * mpq(short), degrees

    def spanned(self) -> str | None:
        """A sentence about ``spans``; None for a view that is not stretched."""
        long, short, degrees = self.spans()
        if long < short * mpq(1001, 1000):
            return None
        return (
            f"The picture's height spans {with_digits(long, 3)} along {degrees:.4g} degrees, and"
            f" {with_digits(short, 3)} across."
        )

    def zoomed(self, column: float, row: float, factor: Rational) -> View:
        """The view ``factor`` times deeper, centred on a pixel.

        The centre is rounded, by at most 2**-40 of the height, so that its decimal numbers stay short.
        """
        depth = rounded(self.depth / factor, self.depth / factor / 2**50)
        x, y = (rounded(v, depth / 2**40) for v in self.at(column, row))
        return replace(self, x=x, y=y, depth=depth)


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) from ``WxH``. Raises InputError for anything else, and for more than ``MOST_IN_TILES`` pixels."""
    parts = text.lower().split("x")
    numbers = [float(p) if _NUMBER.fullmatch(p) else -1.0 for p in parts]
    if len(parts) != 2 or any(not 1 <= n < 1e30 or n != int(n) for n in numbers):
        raise InputError(f"--size: {text!r} is not WIDTHxHEIGHT in whole pixels of at least 1, such as 512x512.")
    width, height = (int(n) for n in numbers)
    if width * height > MOST_IN_TILES:
        raise _too_large(text, width * height)
    return width, height


def _too_large(size: str, pixels: int) -> InputError:
    return InputError(
        f"--size: {size!r} would need {in_bytes(pixels * BYTES_PER_PIXEL)} of memory; at most {MOST_PIXELS:,} pixels"
        f" ({in_bytes(MOST_PIXELS * BYTES_PER_PIXEL)}) are supported, or {MOST_IN_TILES:,} with --tiles."
    )


BYTES_PER_PIXEL, BYTES_PER_SAMPLE = 128, 40
"""Memory that a render needs per pixel and per further sample: for the field and for colouring it."""
MOST_PIXELS, MOST_IN_TILES = 1 << 28, 1 << 36
"""The most pixels of a view that is held in memory, and of one that is rendered in tiles."""


def check_in_memory(view: View) -> None:
    """Raise InputError for a view with more than ``MOST_PIXELS`` pixels."""
    if view.pixels > MOST_PIXELS:
        raise _too_large(f"{view.width}x{view.height}", view.pixels)


def check_samples(view: View, in_memory: bool = True) -> None:
    """Raise InputError for a number of samples out of range, or (in memory) one that could need too much memory."""
    if not 1 <= view.samples <= sample_positions.MOST_SAMPLES:
        raise InputError(
            f"--samples: {view.samples} is not a number from 1 to {sample_positions.MOST_SAMPLES}, such as 16."
        )
    most, needed = MOST_PIXELS * BYTES_PER_PIXEL, BYTES_PER_PIXEL + (view.samples - 1) * BYTES_PER_SAMPLE
    if in_memory and view.pixels * needed > most:
        raise InputError(
            f"--samples: {view.samples} in {view.width}x{view.height} pixels may need {in_bytes(view.pixels * needed)}"
            f" of memory, more than the {in_bytes(most)} allowed; give fewer, or a smaller --size."
        )


_NUMBER = re.compile(r"\d+\.?\d*(e\+?\d{1,3})?", re.ASCII)


def in_bytes(count: float) -> str:
    """A number of bytes as people read it, such as ``4 GiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        if count < 1024 or unit == "EiB":
            return f"{count:,.0f} {unit}"
        count /= 1024
    raise AssertionError
