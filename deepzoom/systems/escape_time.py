"""What an escape-time system is: a formula that pixels iterate until they leave a circle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..coordinates import Rational, parse_decimal
from ..errors import InputError
from ..formula import source
from ..formula.expression import Complex
from ..scene import View
from .base import Axis, Setting, System, checked_settings

MOST_STEPS = 1_000_000_000


@dataclass(frozen=True)
class EscapeTimeMap:
    """One escape-time system: its step, once.

    step(z, c, power): the next iterate. settings: what ``--set`` changes. julia: pixels are starts z_0, and c is the
    same for all; otherwise they are c, and z_0 = 0, the critical point.
    """

    name: str
    title: str
    step: Callable[[Complex, Complex, int], Complex]
    settings: Mapping[str, Setting]
    julia: bool = False
    steps: int = 20_000


class EscapeTimeSystem(System):
    """An escape-time map with its settings."""

    def __init__(self, kind: EscapeTimeMap, given: Mapping[str, str], steps: int | None) -> None:
        plane = "z" if kind.julia else "c"
        axes = (Axis(f"Re {plane}", False), Axis(f"Im {plane}", False))
        super().__init__(kind.name, kind.title, axes, kind.steps)
        self.kind = kind
        self.settings_known = kind.settings  # type: ignore[misc]
        self.steps = kind.steps if steps is None else steps
        if not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"--steps: {self.steps} is not from 1 to {MOST_STEPS:,}.")
        chosen = checked_settings(kind.name, kind.settings, given)
        self.power = _power(chosen.get("power", "2"))
        self.formula = kind.step(Complex.variable("z"), Complex.variable("c"), self.power)
        self.c: tuple[Rational, Rational] | None = None
        self.radius = 2.0
        if kind.julia:
            self.c = parse_decimal(chosen["cx"], "--set cx"), parse_decimal(chosen["cy"], "--set cy")
            self.radius = max(2.0, float(self.c[0] ** 2 + self.c[1] ** 2) ** 0.5)

    @property
    def degree(self) -> float:
        """How fast iterates grow once far out: |z| becomes |z|**degree."""
        return float(self.power)

    def start(self, x: Rational, y: Rational) -> tuple[tuple[Rational, Rational], tuple[Rational, Rational]]:
        """(z_0, c) of the point (x, y) of the plane."""
        zero = Fraction(0), Fraction(0)
        return ((x, y), self.c) if self.c is not None else (zero, (x, y))

    def key(self) -> str:
        text = source.value(self.formula) + repr((self.kind.julia, str(self.c)))
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, view: View, steps: int) -> None:
        if max(abs(view.x), abs(view.y)) + view.largest_difference() > 1e100:
            raise InputError("--center: this view lies beyond 1e100, where every pixel escapes at once.")


POWER = Setting("2", "the power of z, a whole number from 2 to 30")


def _power(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 2 <= int(text) <= 30:
        raise InputError(f"--set power: {text!r} is not a whole number from 2 to 30.")
    return int(text)
