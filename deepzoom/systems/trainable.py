"""What all training systems can do: run exactly, for the reference run and for checks."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import Rational

from .base import System

if TYPE_CHECKING:
    from .training_run import ExactRun, TaylorRun


class Trainable(System):
    """A training with its settings applied."""

    steps: int

    @property
    @abstractmethod
    def last(self) -> int:
        """How many of the last losses decide the fate; ``steps``: all of them."""

    @property
    @abstractmethod
    def layers(self) -> list[slice]:
        """Where each array of the state stands among all its numbers, flat."""

    @abstractmethod
    def rate_bits(self, x: Any, y: Any) -> int:
        """How many bits below 1 the smallest parameter at (x, y) is; fixed point needs so many more."""

    @abstractmethod
    def exact_run(self, x: Rational, y: Rational, bits: int) -> ExactRun:
        """A run in high precision at a point."""

    @abstractmethod
    def taylor_run(self, x: Rational, y: Rational, bits: int, order: int) -> TaylorRun:
        """The same, with the Taylor polynomials of its state."""

    @abstractmethod
    def record(self, step: Any) -> NDArray[np.float64]:
        """The float64 values, flat, that delta steps use of a step of ``taylor_run``."""
