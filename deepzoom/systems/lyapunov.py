"""Markus-Lyapunov fractals: the Lyapunov exponent of the logistic map, whose parameter alternates between A and B.

x_0 = 1/2 and x_(n+1) = r_n x_n (1 - x_n), where r_n is the plane's x for a letter A and its y for a letter B of a
repeated sequence. After W steps of warm-up, the exponent is the mean of log|r_n (1 - 2 x_n)| over n = W + 1 .. W + N
(Markus and Hess, Computers & Graphics 13, 1989). Below 0 the orbit is stable, above 0 it is chaotic.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from deepzoom.coordinates import log2
from deepzoom.errors import InputError
from deepzoom.scene.view import View

from .base import Axis, Setting, System, checked_settings

NAME = "lyapunov"
MOST_LETTERS, MOST_STEPS = 1000, 1_000_000
FAR = 10.0
"""An orbit with |x| beyond this goes to infinity."""
SETTINGS = {
    "sequence": Setting("AB", "the parameter that each step takes, A or B; the sequence repeats"),
    "warmup": Setting("200", "steps before the exponent is measured"),
}


class LyapunovSystem(System):
    """A Lyapunov fractal. letters: the sequence as bools, True for B. warmup: steps before those that count."""

    kind = "lyapunov"
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

    def first_bits(self, view: View) -> int:
        """First precision of exact runs in bits: what the view's coordinates need, and some that the orbit may lose."""
        return 128 + max(0, math.ceil(-log2(view.smallest_difference()))) + self.steps // 4

    def key(self) -> str:
        return hashlib.sha256(repr((self.letters, self.warmup)).encode()).hexdigest()

    def check(self, view: View, steps: int) -> None:
        if max(abs(view.x), abs(view.y)) + view.largest_difference() > 1000:
            raise InputError("--center: this view goes beyond -1000 or 1000; orbits stay bounded only from 0 to 4.")
