"""What all training systems can do: run exactly, for the reference run and for checks."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import Rational

from .base import System

if TYPE_CHECKING:
    from deepzoom.arithmetic.delta import Delta

    from .training_run import ExactRun, Lift, TaylorRun


class Trainable(System):
    """A training with its settings applied."""

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
    def series_run(self, x: Delta, y: Delta, lift: Lift, recording: bool) -> TaylorRun:
        """A run with the Taylor polynomials of its state; arguments as of ``TaylorRun``.

        recording: whether its steps keep what ``record`` gives.
        """

    def taylor_run(self, x: Rational, y: Rational, bits: int, order: int) -> TaylorRun:
        """A run in high precision, with polynomials in differences of x and y; its steps keep what ``record`` gives."""
        from .training_run import variables  # imports kernels of fixed-point numbers

        return self.series_run(*variables(x, y, bits, order), recording=True)

    def basin(self, run: Any) -> int:
        """The number of the basin in which an ``exact_run`` ends, if it converges; 0 where basins have no numbers."""
        return 0

    @abstractmethod
    def record(self, step: Any) -> NDArray[np.float64]:
        """The float64 values, flat, that delta steps use of a step of ``taylor_run``."""
