"""Markus-Lyapunov fractals: the growth rate of the logistic map whose parameter goes through a sequence of A and B.

x_0 = 1/2, x_(n+1) = r_n x_n (1 - x_n), r_n being the plane's x for A and its y for B. With W steps
of warm-up the exponent is the mean of log|r_n (1 - 2 x_n)| over n = W + 1 .. W + N (Markus and Hess, Computers &
Graphics 13, 1989): below 0 the orbit settles, above 0 it is chaotic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from deepzoom.errors import InputError
from deepzoom.scene.view import View

from .base import Axis, Setting, System, checked_settings

NAME = "lyapunov"
MOST_LETTERS, MOST_STEPS = 1000, 1_000_000
FAR = 10.0
"""|x| beyond which an orbit has left for infinity."""
SETTINGS = {
    "sequence": Setting("AB", "which parameter each step takes, over and over"),
    "warmup": Setting("200", "steps before those that count"),
}


class LyapunovSystem(System):
    """The sequence as ``letters`` (bool: B), ``warmup`` and ``steps``."""

    settings_known = SETTINGS

    def __init__(self, given: Mapping[str, str], steps: int | None) -> None:
        super().__init__(NAME, "logistic map, its parameter in turn A and B", (Axis("A", False), Axis("B", False)), 400)
        self.steps = self.default_steps if steps is None else steps
        if not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"--steps: {self.steps} is not from 1 to {MOST_STEPS:,}.")
        settings = checked_settings(NAME, SETTINGS, given)
        sequence, warmup = settings["sequence"], settings["warmup"]
        if not 1 <= len(sequence) <= MOST_LETTERS or set(sequence) - set("AB"):
            raise InputError(
                f"--set sequence: {sequence[:40]!r} is not made of 1 to {MOST_LETTERS} letters A and B, such as AABAB."
            )
        if not warmup.isascii() or not warmup.isdigit() or int(warmup[:8]) > MOST_STEPS or len(warmup) > 8:
            raise InputError(f"--set warmup: {warmup!r} is not a whole number from 0 to {MOST_STEPS:,}.")
        self.letters = tuple(letter == "B" for letter in sequence)
        self.warmup = int(warmup)

    def key(self) -> str:
        return hashlib.sha256(repr((self.letters, self.warmup)).encode()).hexdigest()

    def check(self, view: View, steps: int) -> None:
        if max(abs(view.x), abs(view.y)) + view.largest_difference() > 1000:
            raise InputError("--center: this view leaves [-1000, 1000]; orbits stay bounded from 0 to 4.")
