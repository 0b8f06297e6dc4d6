"""Escape-time systems: a formula that each pixel iterates until it leaves a circle or reaches an attractor."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache

from deepzoom.coordinates import Rational, parse_decimal
from deepzoom.errors import InputError
from deepzoom.formula import source
from deepzoom.formula.centred import Centred, centred
from deepzoom.formula.critical import critical_points, is_critical
from deepzoom.formula.expression import Complex, in_range
from deepzoom.scene.view import View

from .base import Axis, Setting, System, checked_settings

MOST_STEPS = 1_000_000_000
_SAME, _MOST_LISTED = 1e-12, 6

Point = tuple[Rational, Rational]
ORIGIN: Point = (Fraction(0), Fraction(0))


@dataclass(frozen=True)
class Step:
    """A step of an iteration: ``formula`` of z and c. degree, gain: far out, it takes |z| to gain * |z|**degree."""

    formula: Complex
    degree: float = 2.0
    gain: float = 1.0


@dataclass(frozen=True)
class Iteration:
    """The iteration of a pixel: ``formula`` of z and c, until |z| > radius or z is within ``NEAR`` of a target.

    If ``still`` is not 0, the iteration also ends when a step is shorter than that. c: the same for all pixels, which
    are then starts z_0; None if pixels are c and start at ``start``. critical: the start of the reference orbit that
    pixels rebase to. origin: K; iterates are stored minus K, which is ``critical`` by default.

    degree, gain: far out, a step takes |z| to gain * |z|**degree. targets: attractors; near one, a step raises the
    distance to the power ``order``, or multiplies it by ``order`` if that is below 1.

    further: steps of other formulas that follow before ``formula`` comes again. loop: the index of the step that comes
    after the last of these instead; those before it come only once.
    """

    formula: Complex
    degree: float = 2.0
    gain: float = 1.0
    radius: float = 2.0
    c: Point | None = None
    start: Point = ORIGIN
    critical: Point = ORIGIN
    origin: Point | None = None
    targets: tuple[complex, ...] = ()
    order: float = 2.0
    still: float = 0.0
    further: tuple[Step, ...] = ()
    loop: int = 0

    @property
    def turns(self) -> tuple[Step, ...]:
        """The steps that take turns; ``turn`` says which of them an orbit makes when."""
        return Step(self.formula, self.degree, self.gain), *self.further

    def turn(self, n: int) -> int:
        """The index, among ``turns``, of the step after n others."""
        count = 1 + len(self.further)
        return n if n < count else self.loop + (n - self.loop) % (count - self.loop)

    @property
    def mean_degree(self) -> float:
        """The geometric mean of the degrees of the steps that come again."""
        again = self.turns[self.loop :]
        return math.prod(step.degree for step in again) ** (1 / len(again))

    @property
    def k(self) -> Point:
        """The point K; iterates are stored minus K."""
        return self.critical if self.origin is None else self.origin

    @property
    def ends(self) -> range:
        """The numbers of the ends that orbits can have: 0 is escape, attractors are numbered from 1."""
        attractors = max(len(self.targets), int(self.still > 0))
        return range(0 if math.isfinite(self.radius) else 1, 1 + attractors)

    @property
    def has_distances(self) -> bool:
        """Whether each end tells how far the border is: an attractor does if steps raise the distance to a power."""
        return not self.still and (not self.targets or self.order > 1)

    @cached_property
    def centred(self) -> tuple[Centred, ...]:
        """The formula of each of ``turns`` in terms of z - K, which is what pixels iterate."""
        made: dict[int, Centred] = {}
        for step in self.turns:
            if id(step.formula) not in made:
                made[id(step.formula)] = centred(step.formula, Fraction(self.k[0]), Fraction(self.k[1]))
        return tuple(made[id(step.formula)] for step in self.turns)


NEAR, FAR = 1e-3, 1e10
"""An iterate this close to a target counts as there. Beyond ``FAR``, the first iterate gives the smooth count."""


@dataclass(frozen=True)
class EscapeTimeMap:
    """An escape-time system before its settings are known; ``build`` makes its iteration from their values."""

    name: str
    title: str
    build: Callable[[Mapping[str, str]], Iteration]
    settings: Mapping[str, Setting]
    steps: int = 20_000


@lru_cache(maxsize=64)
def _iteration(build: Callable[[Mapping[str, str]], Iteration], settings: tuple[tuple[str, str], ...]) -> Iteration:
    """What ``build`` makes; the same object each time, so that what follows from it is found once."""
    return build(dict(settings))


class EscapeTimeSystem(System):
    """An escape-time map with its settings."""

    kind = "escape-time"
    resolved = 2.0**30  # smooth counts must be right to 1e-7

    def __init__(self, kind: EscapeTimeMap, given: Mapping[str, str], steps: int | None) -> None:
        self.iteration = _iteration(kind.build, tuple(checked_settings(kind.name, kind.settings, given).items()))
        self.ends = self.iteration.ends
        i = self.iteration
        try:
            served = all(map(in_range, (*(s.formula for s in i.turns), *(c.f for c in i.centred))))
        except OverflowError:
            served = False
        if not served:
            raise InputError("--set: with these values the formula has a number beyond 1e100, or one below 1e-100.")
        plane = "c" if self.iteration.c is None else "z"
        super().__init__(kind.name, kind.title, (Axis(f"Re {plane}", False), Axis(f"Im {plane}", False)), kind.steps)
        self.settings_known = kind.settings  # type: ignore[misc]
        self.steps = kind.steps if steps is None else steps
        if not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"--steps: {self.steps} is not from 1 to {MOST_STEPS:,}.")

    def start(self, x: Rational, y: Rational) -> tuple[Point, Point]:
        """(z_0, c) for the point (x, y) of the plane."""
        c = self.iteration.c
        return (self.iteration.start, (x, y)) if c is None else ((x, y), c)

    def remark(self) -> str | None:
        """A remark if orbits do not begin at a critical point although the formula has some; else None."""
        i = self.iteration
        if i.c is None and is_critical(i.formula, *i.start):
            return None
        start = complex(float(i.start[0]), float(i.start[1]))
        known = critical_points(i.formula) if i.c is None else None
        if not known or min(abs(p - start) for p in known) < _SAME:
            return None
        listed = ", ".join(f"{p.real:.12g}{p.imag:+.12g}i" for p in known[:_MOST_LISTED])
        more = "" if len(known) <= _MOST_LISTED else f" and {len(known) - _MOST_LISTED} more"
        return (
            f"Orbits begin at {start.real:.12g}{start.imag:+.12g}i, but the critical points of the"
            f" {'first ' if i.further else ''}formula are {listed}{more}."
        )

    def key(self) -> str:
        i = self.iteration
        constants: dict[Fraction, str] = {}
        text = (
            "".join(source.value(step.formula, constants) for step in i.turns)
            + repr(constants)
            + repr((str(i.c), str(i.start), str(i.critical), str(i.k), i.radius, i.targets, i.still))
            + (repr(i.loop) if i.loop else "")
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, view: View, steps: int) -> None:
        if max(abs(view.x), abs(view.y)) + view.largest_difference() > 1e100:
            raise InputError("--center: this view lies beyond 1e100; give a centre nearer to the origin.")


POWER = Setting("2", "the power of z, a whole number from 2 to 30")


def power_of(settings: Mapping[str, str]) -> int:
    """The setting ``power``."""
    text = settings["power"]
    if not text.isascii() or not text.isdigit() or not 2 <= int(text) <= 30:
        raise InputError(f"--set power: {text!r} is not a whole number from 2 to 30.")
    return int(text)


def point_of(settings: Mapping[str, str], name: str) -> Point:
    """The complex number of the settings ``name``x and ``name``y."""
    x, y = (parse_decimal(settings[f"{name}{axis}"], f"--set {name}{axis}") for axis in "xy")
    for axis, value in (("x", x), ("y", y)):
        if abs(value) > 10**100:
            raise InputError(f"--set {name}{axis}: {settings[f'{name}{axis}']} is beyond 1e100.")
    return x, y


Z, C = Complex.variable("z"), Complex.variable("c")
