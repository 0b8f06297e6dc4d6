"""Differences: what all kinds can do, and float64 differences of a batch of pixels with a shared exponent.

``Delta`` (``delta.py``) applies its rules to any of them; the other kind is ``Series`` (``tangent.py``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .numpy_operations import Move, floats
from .saturation import LEAST

Floats = NDArray[np.float64]


class Difference(ABC):
    """Differences of one array: float64 data (lead, *shape) times a shared power of two.

    The leading axis counts pixels (Batch) or monomials (Series). The shared exponent carries differences far below
    1e-308, where a float64 ends.
    """

    def __init__(self, data: Floats, exponent: int = 0) -> None:
        self.data = data
        self.exponent = exponent

    @abstractmethod
    def like(self, data: Floats) -> Any:
        """The same kind of difference with other data."""

    @abstractmethod
    def times(self, other: Any) -> Any:
        """Product of two differences, element by element."""

    @abstractmethod
    def matmul(self, other: Any) -> Any:
        """Matrix product of two differences."""

    @abstractmethod
    def over(self, reference: Floats, difference: Any) -> Any:
        """self / (reference + difference)."""

    @abstractmethod
    def small(self, name: str) -> Any:
        """f(self) for one of expm1, log1p, sin: functions that are 0 at 0."""

    @abstractmethod
    def rooted(self, reference: Any, root: Any) -> Any:
        """sqrt(A + a) - sqrt(A), where root = sqrt(A), of numbers of any arithmetic; 0 where both are 0."""

    @abstractmethod
    def grown(self, reference: Any, value: Floats) -> Any:
        """exp(A + a) - exp(A), where value = exp(A)."""

    @abstractmethod
    def logged(self, reference: Any, value: Any) -> Any:
        """log(A + a) - log(A), where value = log(A)."""

    @abstractmethod
    def softened(self, reference: Any, share: Floats, rest: Floats) -> Any:
        """softplus(A + a) - softplus(A), where share = sigmoid(A) and rest = 1 - share; 0 where float64 has none."""

    @abstractmethod
    def from_within(self, beyond: Floats) -> Any:
        """self + beyond: differences from a reference that stands nearer to 0 by ``beyond``, to cross over from."""

    @abstractmethod
    def folded(self, reference: Any) -> Any:
        """|A + a| - |A|."""

    @abstractmethod
    def rectified(self, reference: Any) -> Any:
        """max(A + a, 0) - max(A, 0)."""

    @abstractmethod
    def stepped(self, reference: Any) -> Any:
        """[A + a > 0] - [A > 0]."""

    @abstractmethod
    def parted(self, limit: float) -> tuple[Floats, Any]:
        """(s, min(s * self, limit)) with s a sign such that s * self is not negative; s = 1 where signs are unknown."""

    @property
    def lead(self) -> int:
        return int(self.data.shape[0])

    def aligned(self, ndim: int) -> Any:
        """Insert axes after the leading one, so that the rest has ``ndim`` and broadcasts."""
        missing = ndim - (self.data.ndim - 1)
        if missing <= 0:
            return self
        return self.like(self.data.reshape(self.lead, *(1,) * missing, *self.data.shape[1:]))

    def weighted(self, factor: Floats) -> Any:
        """Product with a float64 for each element of the data."""
        return self.like(self.data * factor)

    def scaled(self, factor: Floats | float) -> Any:
        """Product with float64 values of the reference."""
        factor = np.asarray(factor)
        return self.like(self.aligned(factor.ndim).data * factor)

    def plus(self, other: Any) -> Any:
        ndim = max(self.data.ndim, other.data.ndim) - 1
        self._meets(other)
        return self.like(self.aligned(ndim).data + other.aligned(ndim).data)

    def times_matrix(self, matrix: Floats) -> Any:
        return self.like(self.aligned(matrix.ndim).data @ matrix)

    def matrix_times(self, matrix: Floats) -> Any:
        return self.like(matrix @ self.aligned(matrix.ndim).data)

    def moved(self, move: Move) -> Any:
        """The same differences in other places."""
        return self.like(move(self.data))

    def sum(self, axis: tuple[int, ...]) -> Any:
        """The sum over some axes of the array."""
        return self.like(self.data.sum(axis=tuple(i + 1 for i in axis)))

    def _meets(self, other: Any) -> None:
        if self.exponent != other.exponent:
            raise ValueError(f"differences of exponents {self.exponent} and {other.exponent} meet")


_BATCH_FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "expm1": np.expm1,
    "log1p": np.log1p,
    "sin": np.sin,
}
_LINEAR_BELOW = 2.0**-500  # so small that every function above equals x to all digits
_LARGE = 700.0  # exp of more would leave float64


class Batch(Difference):
    """Differences of many pixels: data (pixels, *shape) float64, times 2**exponent."""

    def like(self, data: Floats) -> Batch:
        return Batch(data, self.exponent)

    def rescaled(self, exponent: int) -> Batch:
        """The same differences with another shared exponent."""
        return Batch(np.ldexp(self.data, self.exponent - exponent), exponent)

    def times(self, other: Batch) -> Batch:
        self._meets(other)
        ndim = max(self.data.ndim, other.data.ndim) - 1
        return self.like(np.ldexp(self.aligned(ndim).data * other.aligned(ndim).data, self.exponent))

    def matmul(self, other: Batch) -> Batch:
        self._meets(other)
        ndim = max(self.data.ndim, other.data.ndim) - 1
        return self.like(np.ldexp(self.aligned(ndim).data @ other.aligned(ndim).data, self.exponent))

    def over(self, reference: Floats, difference: Batch) -> Batch:
        ndim = max(self.data.ndim - 1, difference.data.ndim - 1, np.ndim(reference))
        value = reference + np.ldexp(difference.aligned(ndim).data, difference.exponent)
        return self.like(self.aligned(ndim).data / value)

    def small(self, name: str) -> Batch:
        return self._curved(_BATCH_FUNCTIONS[name], 1.0)

    def _curved(self, function: Callable[[Floats], Floats], slope: Floats | float) -> Batch:
        """A function that is 0 at 0 and has this slope there."""
        value = np.ldexp(self.data, self.exponent)
        tiny = np.abs(value) < _LINEAR_BELOW
        with np.errstate(over="ignore"):
            curved = np.ldexp(function(np.where(tiny, 0.0, value)), -self.exponent)
        return self.like(np.where(tiny, slope * self.data, curved))

    def rooted(self, reference: Any, root: Any) -> Batch:
        # a / (sqrt(A + a) + sqrt(A)); A + a in units of the exponent, or as it is where A is far beyond these units
        at, there = self._against(reference)
        half = self.exponent // 2
        with np.errstate(all="ignore"):
            near = np.ldexp(self.data / (np.sqrt(np.ldexp(there, self.exponent % 2)) + floats(root, half)), -half)
            far = self.data / (np.sqrt(floats(reference) + np.ldexp(self.data, self.exponent)) + floats(root))
        return self.like(np.where(there == 0, np.where(at == 0, 0.0, near), np.where(np.isinf(there), far, near)))

    def grown(self, reference: Any, value: Floats) -> Batch:
        change, at = np.ldexp(self.data, self.exponent), floats(reference)
        with np.errstate(all="ignore"):
            near = self._curved(np.expm1, 1.0).data * value
            far = np.ldexp(np.exp(at + change) - value, -self.exponent)
            return self.like(np.where(change > np.where(at < LEAST, 1.0, _LARGE), far, near))

    def logged(self, reference: Any, value: Any) -> Batch:
        change, at = np.ldexp(self.data, self.exponent), floats(reference)
        with np.errstate(all="ignore"):
            ratio = self.like(self.data / at)
            there, near = np.ldexp(ratio.data, self.exponent), ratio.small("log1p").data
            deep = np.ldexp(np.log((at + change) / at), -self.exponent)  # at + change has no rounding error there
            far = np.ldexp(np.log(at + change) - floats(value), -self.exponent)
            return self.like(np.where(there < -0.5, deep, np.where(np.isinf(there), far, near)))

    def softened(self, reference: Any, share: Floats, rest: Floats) -> Batch:
        def near(a: Floats) -> Floats:
            middle = share * np.expm1(a)
            down = np.log(rest + share * np.exp(np.minimum(a, 0.0)))  # where 1 + middle would cancel
            return np.where(middle < -0.5, down, np.log1p(np.maximum(middle, -0.5)))

        change, at = np.ldexp(self.data, self.exponent), floats(reference)
        saturated = (share == 0) | (rest == 0)
        with np.errstate(all="ignore"):
            tails = np.log1p(np.exp(-np.abs(at + change))) - np.log1p(np.exp(-np.abs(at)))
            far = self.rectified(reference).data + np.ldexp(tails, -self.exponent)
            return self.like(
                np.where(np.abs(change) > np.where(saturated, 1.0, _LARGE), far, self._curved(near, share).data)
            )

    def from_within(self, beyond: Floats) -> Batch:
        with np.errstate(over="ignore"):
            added = np.ldexp(beyond, -self.exponent)
        return self.like(self.data + np.where(np.isinf(added), 0.0, added))

    def _against(self, reference: Any) -> tuple[Floats, Floats]:
        """(reference in units of the shared exponent, its sum with the difference)."""
        with np.errstate(over="ignore"):
            scaled = floats(reference, self.exponent)
        return scaled, scaled + self.data

    def folded(self, reference: Any) -> Batch:
        a = self.data
        at, there = self._against(reference)
        from_positive = np.where(there >= 0, a, -(at + there))
        from_negative = np.where(there > 0, at + there, -a)
        return self.like(np.where(at > 0, from_positive, np.where(at < 0, from_negative, np.abs(a))))

    def rectified(self, reference: Any) -> Batch:
        at, there = self._against(reference)
        return self.like(np.where(at > 0, np.where(there >= 0, self.data, -at), np.maximum(there, 0.0)))

    def stepped(self, reference: Any) -> Batch:
        at, there = self._against(reference)
        jump = (there > 0).astype(np.float64) - (at > 0)
        with np.errstate(over="ignore"):
            return self.like(np.where(jump == 0, 0.0, np.ldexp(jump, -self.exponent)))

    def parted(self, limit: float) -> tuple[Floats, Batch]:
        with np.errstate(over="ignore"):
            largest = np.ldexp(limit, -self.exponent)
        return np.where(self.data < 0, -1.0, 1.0), self.like(np.minimum(np.abs(self.data), largest))
