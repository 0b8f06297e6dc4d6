"""Tangent arithmetic: value and derivatives along the two parameters, as a truncated Taylor polynomial.

The difference of a number from its reference is a polynomial in the pixel's two parameter differences (dx, dy),
without constant term, up to some order: order 1 is the tangent, and higher orders allow longer skips. The rules of
``delta.py`` take it as one more kind of difference, so that derivatives need no code of their own.

Coefficients are kept in scaled variables ``(dx, dy) * 2**-exponent``. The exponent follows the growth of the tangent,
so that coefficients of every order stay in float64's range at any depth; the product of two polynomials does not
depend on it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.compiling.jit import kernel

from .difference import Difference, Floats
from .numpy_operations import floats


@lru_cache(maxsize=16)
def monomials(order: int) -> NDArray[np.int64]:
    """Powers (i, j) of dx**i dy**j, i + j = 1 .. order, by degree: shape (count, 2)."""
    return np.array([(d - j, j) for d in range(1, order + 1) for j in range(d + 1)], dtype=np.int64)


@lru_cache(maxsize=16)
def _products(order: int) -> NDArray[np.int64]:
    """Rows (left, right, result): all products of two monomials that stay within the order."""
    powers = [tuple(p) for p in monomials(order).tolist()]
    place = {p: i for i, p in enumerate(powers)}
    rows = [
        (a, b, place[p[0] + q[0], p[1] + q[1]])
        for a, p in enumerate(powers)
        for b, q in enumerate(powers)
        if sum(p) + sum(q) <= order
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def substituted(data: Floats, order: int, matrix: Floats) -> Floats:
    """Coefficients (monomials, n) of polynomials in (u, v), where (dx, dy) = matrix (u, v), from those in (dx, dy)."""
    result, first = np.zeros_like(data), 0
    for degree in range(1, order + 1):
        for j in range(degree + 1):
            product = np.ones(1)
            for factor in [matrix[0]] * (degree - j) + [matrix[1]] * j:
                product = np.convolve(product, factor)
            result[first : first + degree + 1] += product[:, None] * data[first + j]
        first += degree + 1
    return result


@kernel(fastmath={"contract"})
def _multiply(a, b, products, out):  # type: ignore[no-untyped-def]
    """out[result] += a[left] * b[right], element by element, for (monomials, n) arrays."""
    for row in range(products.shape[0]):
        left, right, result = products[row]
        for e in range(a.shape[1]):
            out[result, e] += a[left, e] * b[right, e]


def _taylor(name: str, order: int) -> list[float]:
    """Coefficients 1 .. order of the function's Taylor series at 0."""
    if name == "expm1":
        return [1.0 / math.factorial(k) for k in range(1, order + 1)]
    if name == "log1p":
        return [(-1.0) ** (k + 1) / k for k in range(1, order + 1)]
    if name == "sin":
        return [(0.0, 1.0, 0.0, -1.0)[k % 4] / math.factorial(k) for k in range(1, order + 1)]
    if name == "sqrt1pm1":
        return np.cumprod([(1.5 - k) / k for k in range(1, order + 1)]).tolist()
    raise ValueError(f"{name} has no Taylor series here")


class Fold:
    """How close a fold (of |.| or a condition) came: polynomials hold for parameter differences below ``2**log2``."""

    def __init__(self, log2: float = math.inf) -> None:
        self.log2 = log2


class Series(Difference):
    """Taylor polynomials: data (monomials, *shape) float64 in the order of ``monomials(order)``.

    The variables are (dx, dy) * 2**-exponent. ``fold`` is shared by all that is derived from one start.
    """

    def __init__(self, data: Floats, exponent: int, order: int, fold: Fold) -> None:
        super().__init__(data, exponent)
        self.order = order
        self.fold = fold

    @classmethod
    def variable(cls, which: int, order: int, fold: Fold) -> Series:
        """dx (which = 0) or dy (which = 1) itself, a scalar."""
        data = np.zeros(len(monomials(order)))
        data[which] = 1.0
        return cls(data, 0, order, fold)

    def like(self, data: Floats) -> Series:
        return Series(data, self.exponent, self.order, self.fold)

    def rescaled(self, exponent: int) -> Series:
        """The same polynomials in variables scaled by another power of two."""
        degrees = monomials(self.order).sum(axis=1).reshape(-1, *(1,) * (self.data.ndim - 1))
        data = np.ldexp(self.data, (degrees * (exponent - self.exponent)).astype(np.int32))
        return Series(data, exponent, self.order, self.fold)

    def times(self, other: Series) -> Series:
        self._meets(other)
        shape = np.broadcast_shapes(self.data.shape[1:], other.data.shape[1:])

        def spread(s: Series) -> Floats:
            data = np.broadcast_to(s.aligned(len(shape)).data, (s.lead, *shape))
            return np.ascontiguousarray(data).reshape(s.lead, -1)

        out = np.zeros((self.lead, math.prod(shape)))
        _multiply(spread(self), spread(other), _products(self.order), out)
        return self.like(out.reshape(self.lead, *shape))

    def matmul(self, other: Series) -> Series:
        self._meets(other)
        ndim = max(self.data.ndim, other.data.ndim) - 1
        left, right = self.aligned(ndim).data, other.aligned(ndim).data
        data = np.zeros((self.lead, *np.matmul(left[0], right[0]).shape))
        for one, two, result in _products(self.order):
            data[result] += left[one] @ right[two]
        return self.like(data)

    def over(self, reference: Floats, difference: Series) -> Series:
        # q (D + d) = n, degree by degree: q_m = (n_m - sum q_i d_j) / D, and i stands before m
        self._meets(difference)
        shape = np.broadcast_shapes(self.data.shape[1:], difference.data.shape[1:], np.shape(reference))
        quotient = np.zeros((self.lead, *shape))
        quotient += self.aligned(len(shape)).data
        divisor = difference.aligned(len(shape)).data
        first = 0
        for degree in range(1, self.order + 1):
            last = first + degree + 1
            quotient[first:last] /= reference
            for left, right, result in _products(self.order):
                if first <= left < last:
                    quotient[result] -= quotient[left] * divisor[right]
            first = last
        return self.like(quotient)

    def small(self, name: str) -> Series:
        coefficients = _taylor(name, self.order)
        result = self.scaled(coefficients[-1])
        for c in reversed(coefficients[:-1]):
            result = result.times(self).plus(self.scaled(c))
        return result

    def rooted(self, reference: Any, root: Any) -> Series:
        at = floats(reference)
        nothing = at == 0
        if (nothing & (self.data != 0).any(axis=0)).any():
            self.fold.log2 = -math.inf  # a root has no Taylor series at 0
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = self.scaled(np.where(nothing, 0.0, 1.0 / at))
        return relative.small("sqrt1pm1").scaled(floats(root))

    def grown(self, reference: Any, value: Floats) -> Series:
        return self.small("expm1").scaled(value)

    def logged(self, reference: Any, value: Any) -> Series:
        return self.scaled(1.0 / floats(reference)).small("log1p")

    def from_within(self, beyond: Floats) -> Series:
        return self  # a Taylor polynomial holds on one side only

    def softened(self, reference: Any, share: Floats, rest: Floats) -> Series:
        return self.small("expm1").scaled(share).small("log1p")

    def _watch(self, reference: Any) -> Floats:
        """Record how small parameter differences must be so that no sign changes; the reference as float64."""
        at = floats(reference)
        reach = np.abs(self.data[0]) + np.abs(self.data[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(reach > 0, np.abs(at) / reach, np.inf)
        smallest = min(float(np.min(ratio, initial=np.inf)), self._without_slope(np.abs(at), reach == 0))
        log2 = -math.inf if smallest == 0 else math.log2(smallest) + self.exponent
        self.fold.log2 = min(self.fold.log2, log2)
        return at

    def _without_slope(self, at: Floats, where: NDArray[np.bool_]) -> float:
        """How small parameter differences must be so that terms of higher degree stay below some numbers.

        For numbers whose terms of first degree are 0, such as a product of two that are 0 in the reference.
        """
        degrees, smallest = monomials(self.order).sum(axis=1), math.inf
        terms = np.abs(self.data[:, where])
        for degree in range(2, self.order + 1) if terms.any() else ():
            size = terms[degrees == degree].sum(axis=0)
            ratios = at[where][size > 0] / size[size > 0]
            smallest = min(smallest, float(np.min(ratios, initial=np.inf)) ** (1.0 / degree))
        return smallest

    def folded(self, reference: Any) -> Series:
        return self.weighted(np.sign(self._watch(reference)))

    def rectified(self, reference: Any) -> Series:
        return self.weighted((self._watch(reference) > 0).astype(np.float64))

    def stepped(self, reference: Any) -> Series:
        return self.weighted(np.zeros(self._watch(reference).shape))

    def parted(self, limit: float) -> tuple[Floats, Series]:
        return np.ones(()), self

    def at(self, dx: Floats, dy: Floats, exponent: int) -> Floats:
        """Values for parameter differences dx, dy (pixels,) times 2**exponent: float64 (pixels, *shape)."""
        terms = self.terms(dx, dy, exponent)
        return (terms @ self.data.reshape(self.lead, -1)).reshape(len(dx), *self.data.shape[1:])

    def terms(self, dx: Floats, dy: Floats, exponent: int) -> Floats:
        """The factors of the coefficients for these parameter differences, (pixels, monomials)."""
        powers = monomials(self.order)
        found = np.empty((len(dx), len(powers)))
        # each from one of a degree less, because general powers take thirty times as long
        one, place = np.ones(len(dx)), {p: i for i, p in enumerate(map(tuple, powers.tolist()))}
        x, y = np.ldexp(dx, exponent - self.exponent), np.ldexp(dy, exponent - self.exponent)
        for (i, j), n in place.items():
            less, factor = ((i - 1, j), x) if i else ((i, j - 1), y)
            found[:, n] = factor * (found[:, place[less]] if sum(less) else one)
        return found
