"""A scene: all that a picture is made from. It is a plain value, written as TOML into every picture and data file."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tomli_w
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom.coordinates import Rational, format_decimal, parse_decimal, rounded, scaled_float, with_digits
from deepzoom.errors import InputError

from . import sample_positions
from .colours import DEFAULT_PALETTE, Colouring
from .shape import IDENTITY, Shape

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """What part of the plane, at how many pixels.

    x, y: exact centre; depth: the view's full height in plane units before stretching (exact, positive). Pixel (row i,
    column j) is sampled at centre + depth * shape (u, v), u = (j + 1/2 - W/2) / H, v = (H/2 - i - 1/2) / H; y grows
    upward. flip turns the picture over: v has the other sign. samples: points of each pixel (``sampling.offsets``) that
    have flat numbers: a pixel's own, row * width + column, is that of its middle, and ``pixels`` more that of the next.
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
        """From decimal texts and ``WxH``. Raises InputError where one of them is not right."""
        d = parse_decimal(depth, "--depth")
        if d <= 0:
            raise InputError(f"--depth: {depth} is not above zero; it is the view's height, such as 1e-20.")
        width, height = parse_size(size) if isinstance(size, str) else size
        return cls(parse_decimal(x, "--center x"), parse_decimal(y, "--center y"), d, width, height)

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def _multiples(
        self, pixels: NDArray[np.int64], about: tuple[int, int] = (0, 0)
    ) -> tuple[list[NDArray[Any]], int, Rational]:
        """([x, y], most, unit): differences of flat numbers from the centre.

        They are whole multiples of a unit, and below ``most``. about: half pixels from the centre to take them from.
        """
        parts, finer = math.lcm(*(int(e.denominator) for e in self.shape.entries)), sample_positions.parts(self.samples)
        xu, xv, yu, yv = (int(e * parts) for e in self.shape.entries)
        most = finer * max(map(abs, (xu, xv, yu, yv))) * (self.width + self.height + abs(about[0]) + abs(about[1]))
        sample, pixel = np.divmod(pixels, self.pixels)
        row, column = np.divmod(pixel, self.width)
        right, above = 2 * sample_positions.offsets(self.samples)[sample].T
        across, up = finer * (2 * column + 1 - self.width) + right, finer * (self.height - 2 * row - 1) + above
        if self.flip:
            up = -up
        if most >= 1 << 63:
            across, up = across.astype(object), up.astype(object)
        across, up = across - finer * about[0], up - finer * about[1]
        return [xu * across + xv * up, yu * across + yv * up], most, self.depth / (2 * self.height * parts * finer)

    def differences(self, pixels: NDArray[np.int64], about: tuple[int, int] = (0, 0)) -> tuple[Floats, Floats, int]:
        """(dx, dy, e): the pixels' differences from ``beside(about)``, by default the centre, times 2**-e; below 1."""
        (x, y), most, unit = self._multiples(pixels, about)
        mantissa, exponent = scaled_float(unit)
        shift = most.bit_length()
        mantissa = math.ldexp(mantissa, -shift)
        return x.astype(np.float64) * mantissa, y.astype(np.float64) * mantissa, exponent + shift

    def points(self, pixels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """x and y of the pixels, each the nearest float64 to the exact coordinate."""
        multiples, _, unit = self._multiples(pixels)

        def at(centre: Rational, counts: NDArray[Any]) -> Floats:
            some, places = np.unique(counts, return_inverse=True)
            return np.array([float(centre + int(n) * unit) for n in some])[places]

        return at(self.x, multiples[0]), at(self.y, multiples[1])

    def beside(self, about: tuple[int, int]) -> tuple[Rational, Rational]:
        """The exact point so many half pixels to the right and up from the centre, before stretching."""
        x, y = self.shape.times(mpq(about[0], 2 * self.height), mpq(about[1], 2 * self.height))
        return self.x + self.depth * x, self.y + self.depth * y

    def point(self, number: int) -> tuple[Rational, Rational]:
        """Exact (x, y) of a flat number."""
        sample, pixel = divmod(number, self.pixels)
        row, column = divmod(pixel, self.width)
        right, up = (
            mpq(int(k), sample_positions.parts(self.samples)) for k in sample_positions.offsets(self.samples)[sample]
        )
        return self.at(column + right, row - up)

    def at(self, column: float | Rational, row: float | Rational) -> tuple[Rational, Rational]:
        """Exact (x, y) at the middle of a pixel; half columns and rows reach the edges."""
        u = (mpq(column) + mpq(1, 2) - mpq(self.width, 2)) / self.height
        v = (mpq(self.height, 2) - mpq(row) - mpq(1, 2)) / self.height
        x, y = self.shape.times(u, -v if self.flip else v)
        return self.x + self.depth * x, self.y + self.depth * y

    def smallest_difference(self) -> Rational:
        """The innermost pixel's distance from the centre along one axis, or half a pixel where one lies on it."""
        return self.depth * self.shape.least / (2 * self.height)

    def largest_difference(self) -> Rational:
        """The outermost pixel's distance from the centre along one axis, at most."""
        xu, xv, yu, yv = map(abs, self.shape.entries)
        reach = max(xu * self.width + xv * self.height, yu * self.width + yv * self.height)
        return self.depth * reach / (2 * self.height)

    def spans(self) -> tuple[Rational, Rational, float]:
        """(long, short, degrees): what the picture's height spans in its long and its short direction.

        In plane units, exact for the float64 that ``Shape.spans`` gives; degrees: of the long direction.
        """
        long, short, degrees = self.shape.spans
        return self.depth * mpq(long), self.depth * mpq(short), degrees

    def spanned(self) -> str | None:
        """The same in a sentence; None where it spans the depth in all directions."""
        long, short, degrees = self.spans()
        if long < short * mpq(1001, 1000):
            return None
        return (
            f"One height of the picture spans {with_digits(long, 3)} along {degrees:.4g} degrees, and"
            f" {with_digits(short, 3)} across."
        )

    def zoomed(self, column: float, row: float, factor: Rational) -> View:
        """The view ``factor`` times deeper, centred on a pixel but for 2**-40 of the height: short decimal numbers."""
        depth = rounded(self.depth / factor, self.depth / factor / 2**50)
        x, y = (rounded(v, depth / 2**40) for v in self.at(column, row))
        return replace(self, x=x, y=y, depth=depth)


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) from ``WxH``. Raises InputError for anything else, and for more pixels than memory could hold."""
    parts = text.lower().split("x")
    numbers = [float(p) if _NUMBER.fullmatch(p) else -1.0 for p in parts]
    if len(parts) != 2 or any(not 1 <= n < 1e30 or n != int(n) for n in numbers):
        raise InputError(f"--size: {text!r} is not WIDTHxHEIGHT in whole pixels of at least 1, such as 512x512.")
    width, height = (int(n) for n in numbers)
    needed = width * height * BYTES_PER_PIXEL
    if width * height > MOST_PIXELS:
        raise InputError(
            f"--size: {text!r} would need {in_bytes(needed)} of memory; at most {MOST_PIXELS:,} pixels"
            f" ({in_bytes(MOST_PIXELS * BYTES_PER_PIXEL)}) are supported."
        )
    return width, height


BYTES_PER_PIXEL, BYTES_PER_SAMPLE = 128, 40
"""Memory of a render per pixel, and per further sample: the field, and colouring it."""
MOST_PIXELS = 1 << 28


def check_samples(view: View) -> None:
    """Raise InputError for a number of samples that is none, or where memory could not hold those of all pixels."""
    if not 1 <= view.samples <= sample_positions.MOST_SAMPLES:
        raise InputError(f"--samples: {view.samples} is not from 1 to {sample_positions.MOST_SAMPLES}, such as 16.")
    most, needed = MOST_PIXELS * BYTES_PER_PIXEL, BYTES_PER_PIXEL + (view.samples - 1) * BYTES_PER_SAMPLE
    if view.pixels * needed > most:
        raise InputError(
            f"--samples: {view.samples} of {view.width}x{view.height} pixels may need {in_bytes(view.pixels * needed)}"
            f" of memory, of {in_bytes(most)} at most; give fewer, or a smaller --size."
        )


_NUMBER = re.compile(r"\d+\.?\d*(e\+?\d{1,3})?", re.ASCII)


def in_bytes(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        if count < 1024 or unit == "EiB":
            return f"{count:,.0f} {unit}"
        count /= 1024
    raise AssertionError


TRUST = ("off", "sample", "settle")


@dataclass(frozen=True)
class Scene:
    """All that a picture is made from: system, settings, view, run and colours.

    settings: the system's settings that differ from its defaults, by name. bits: of the reference, None to choose.
    palette: name of a colour map of matplotlib, or of the file that ``colouring.colours`` came from.
    digest: of the file that the system stands in (FILE.py:NAME, the file without its folder), else None. distance:
    whether the field is to hold distances to the set's border. horizon: whether it is to hold, of a training
    system, the step at which float64 loses each pixel. trust: one of ``TRUST``: how far pixels are checked;
    raises InputError for another.
    """

    system: str
    view: View
    steps: int
    settings: Mapping[str, str] = field(default_factory=dict)
    backend: str = "auto"
    bits: int | None = None
    palette: str = DEFAULT_PALETTE
    colouring: Colouring = field(default_factory=Colouring)
    digest: str | None = None
    distance: bool = False
    trust: str = "sample"
    horizon: bool = False

    def __post_init__(self) -> None:
        if self.trust not in TRUST:
            raise InputError(f"--trust: {self.trust!r} is none of {', '.join(TRUST)}.")

    def to_toml(self) -> str:
        """The scene as TOML text; ``Scene.from_toml`` reads it back to an equal scene."""
        run: dict[str, Any] = {"steps": self.steps, "backend": self.backend}
        if self.bits is not None:
            run["bits"] = self.bits
        if self.distance:
            run["distance"] = True
        if self.horizon:
            run["horizon"] = True
        if self.trust != Scene.trust:
            run["trust"] = self.trust
        if self.view.samples > 1:
            run["samples"] = self.view.samples
        return tomli_w.dumps(
            {
                "deepzoom": {"format": FORMAT},
                "system": {
                    "name": self.system,
                    **({} if self.digest is None else {"digest": self.digest}),
                    "settings": dict(self.settings),
                },
                "view": {
                    "x": format_decimal(self.view.x),
                    "y": format_decimal(self.view.y),
                    "depth": format_decimal(self.view.depth),
                    "size": f"{self.view.width}x{self.view.height}",
                    **({"flip": True} if self.view.flip else {}),
                    **({} if self.view.shape == IDENTITY else {"shape": self.view.shape.texts()}),
                },
                "run": run,
                "colour": {"palette": self.palette, **self.colouring.to_table()},
            }
        )

    @classmethod
    def from_toml(cls, text: str, source: str = "scene") -> Scene:
        """Read a scene back; ``source`` names it in errors.

        Raises InputError where the text is broken, incomplete or has unknown keys.
        """
        try:
            tables = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError: also an integer of thousands of digits
            raise InputError(f"{source} is not valid TOML: {error}.") from None
        found = _flattened(tables, source)
        unknown = sorted(set(found) - set(_KEYS) - {k for k in found if k.startswith("system.settings.")})
        if unknown:
            raise InputError(f"{source} has an unknown key {unknown[0]!r}; known are {', '.join(_KEYS)}.")
        for key, (kind, required) in _KEYS.items():
            kinds = (int, float) if kind is float else kind
            if key in found and (not isinstance(found[key], kinds) or isinstance(found[key], bool) != (kind is bool)):
                raise InputError(f"{source}: {key} = {found[key]!r} should be of type {kind.__name__}.")
            if required and key not in found:
                raise InputError(f"{source} lacks the key {key!r}.")
        if found["deepzoom.format"] != FORMAT:
            raise InputError(f"{source} has format {found['deepzoom.format']}; this version reads format {FORMAT}.")
        prefix = "system.settings."
        try:
            view = View.parse(found["view.x"], found["view.y"], found["view.depth"], found["view.size"])
            shape = Shape.parse(found["view.shape"]) if "view.shape" in found else IDENTITY
            colours = {k.removeprefix("colour."): v for k, v in found.items() if k.startswith("colour.")}
            colouring = Colouring.from_table(colours)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        samples = found.get("run.samples", 1)
        if not 1 <= samples <= sample_positions.MOST_SAMPLES:
            raise InputError(f"{source}: samples = {samples} is not from 1 to {sample_positions.MOST_SAMPLES}.")
        view = replace(view, flip=found.get("view.flip", False), shape=shape, samples=samples)
        trust = found.get("run.trust", Scene.trust)
        if trust not in TRUST:
            raise InputError(f"{source}: trust = {trust!r} is none of {', '.join(TRUST)}.")
        return cls(
            system=found["system.name"],
            view=view,
            steps=found["run.steps"],
            settings={k[len(prefix) :]: str(v) for k, v in found.items() if k.startswith(prefix)},
            backend=found.get("run.backend", "auto"),
            bits=found.get("run.bits"),
            palette=found.get("colour.palette", DEFAULT_PALETTE),
            colouring=colouring,
            digest=found.get("system.digest"),
            distance=found.get("run.distance", False),
            trust=trust,
            horizon=found.get("run.horizon", False),
        )


FORMAT = 1
_KEYS: dict[str, tuple[type, bool]] = {
    "deepzoom.format": (int, True),
    "system.name": (str, True),
    "system.digest": (str, False),
    "view.x": (str, True),
    "view.y": (str, True),
    "view.depth": (str, True),
    "view.size": (str, True),
    "view.flip": (bool, False),
    "view.shape": (list, False),
    "run.steps": (int, True),
    "run.backend": (str, False),
    "run.bits": (int, False),
    "run.distance": (bool, False),
    "run.horizon": (bool, False),
    "run.trust": (str, False),
    "run.samples": (int, False),
    "colour.palette": (str, False),
    "colour.colours": (list, False),
    "colour.colouring": (str, False),
    "colour.cycle": (float, False),
    "colour.slope": (float, False),
    "colour.interior": (str, False),
    "colour.mark-unsettled": (bool, False),
}


def _flattened(tables: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Keys of two levels joined by a dot; settings stand one deeper."""
    found: dict[str, Any] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(f"{source} has an unknown key {name!r}.")
        for key, value in table.items():
            if (name, key) == ("system", "settings") and isinstance(value, dict):
                found.update({f"system.settings.{k}": v for k, v in value.items()})
            else:
                found[f"{name}.{key}"] = value
    return found
