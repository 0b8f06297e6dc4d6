"""Delta arithmetic: a reference value and the difference from it, by rules that never cancel one against the other.

Capital letters stand for the reference, small ones for the difference; the number itself is their sum, which is never
formed. Each rule below gives ``f(A + a) - f(A)`` from A and a:

    product     A b + B a + a b                 quotient   (a - (A / B) b) / (B + b)
    exp         e^A expm1(a)                    log        log1p(a / A)
    sqrt        a / (sqrt(A + a) + sqrt(A))     softplus   log1p(expm1(a) / (1 + e^-A))
    sin         cos A sin a - 2 sin A sin(a/2)^2           cos        -sin A sin a - 2 cos A sin(a/2)^2
    tanh        S E / (2 + E (1 + T)),          T = tanh A, S = (1 - T)(1 + T), E = expm1(2 a)
    |.|, max(., 0)                              by cases of the signs of A and A + a

(for tanh the mirror image where a < 0). Numbers such as 1 - T keep their digits, and where float64 cannot hold them,
differences still cross over to the other side (``saturation.py``). The same rules work for every kind of difference:
float64 differences of a batch of pixels (``Batch`` in ``difference.py``), or Taylor polynomials in the two parameters
(``Series`` in ``tangent.py``).

Differences can still cancel each other, as in any float64 sum; the condition of the step bounds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arrays import broadcast, join, moved
from .difference import Difference
from .exact import Exact
from .numpy_operations import Arithmetic, Move, floats, rules_of, whole_power
from .saturation import LAST, LAST_ROOM, rounded_exp, tanh_side

_SATURATED = 350.0  # a larger difference moves tanh to its limit; expm1 of twice this is still finite


class Delta(Arithmetic):
    """An array as reference plus difference.

    reference: Exact, or float64 array; difference: Batch or Series over the same shape.
    """

    rank = 3
    rules = {}

    def __init__(self, reference: Any, difference: Difference) -> None:
        self.reference = reference
        self.difference = difference

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(np.shape(floats(self.reference)))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def T(self) -> Delta:
        d = self.difference
        axes = (0, *range(d.data.ndim - 1, 0, -1))
        return Delta(self.reference.T, d.like(np.ascontiguousarray(d.data.transpose(axes))))

    def __getitem__(self, key: Any) -> Delta:
        keys = key if isinstance(key, tuple) else (key,)
        return Delta(self.reference[key], self.difference.like(self.difference.data[(slice(None), *keys)]))

    def moved(self, move: Move) -> Delta:
        return Delta(moved(self.reference, move), self.difference.moved(move))

    def joined(self, arrays: Sequence[Any], axis: int) -> Delta:
        references, differences = zip(*map(parts, arrays))
        lead = self.difference.lead
        data = [np.zeros((lead, *a.shape)) if d is None else d.data for a, d in zip(arrays, differences)]
        return Delta(join(references, axis), self.difference.like(np.concatenate(data, axis=axis + 1)))

    def sum(self, axis: tuple[int, ...] | None = None) -> Delta:
        """The sum over some axes, or all."""
        axes = tuple(range(self.ndim)) if axis is None else axis
        return Delta(self.reference.sum(axis=axes), self.difference.sum(axes))

    def mean(self) -> Delta:
        d = self.difference
        return Delta(self.reference.mean(), d.like(d.data.reshape(d.lead, -1).mean(axis=1)))


rule = rules_of(Delta.rules)


def parts(x: Any) -> tuple[Any, Any]:
    """Reference and difference of a number; None for the difference of one that is its own reference."""
    return (x.reference, x.difference) if isinstance(x, Delta) else (x, None)


def _spread(d: Any, shape: tuple[int, ...]) -> Any:
    """A difference broadcast to the shape of its result."""
    return d.moved(broadcast(shape))


def _sum(reference: Any, a: Any, b: Any) -> Delta:
    total = a.plus(b) if a is not None and b is not None else (a if a is not None else b)
    return Delta(reference, _spread(total, np.shape(floats(reference))))


@rule(np.add)
def _add(x: Any, y: Any) -> Delta:
    (A, a), (B, b) = parts(x), parts(y)
    return _sum(A + B, a, b)


@rule(np.subtract)
def _subtract(x: Any, y: Any) -> Delta:
    (A, a), (B, b) = parts(x), parts(y)
    return _sum(A - B, a, None if b is None else b.scaled(-1.0))


@rule(np.negative)
def _negative(x: Delta) -> Delta:
    return Delta(-x.reference, x.difference.scaled(-1.0))


@rule(np.multiply)
def _multiply(x: Any, y: Any) -> Delta:
    (A, a), (B, b) = parts(x), parts(y)
    terms = []
    if a is not None:
        terms.append(a.scaled(floats(B)))
    if b is not None:
        terms.append(b.scaled(floats(A)))
    if a is not None and b is not None:
        terms.append(a.times(b))
    return _total(A * B, terms)


@rule(np.matmul)
def _matmul(x: Any, y: Any) -> Delta:
    (A, a), (B, b) = parts(x), parts(y)
    terms = []
    if a is not None:
        terms.append(a.times_matrix(floats(B)))
    if b is not None:
        terms.append(b.matrix_times(floats(A)))
    if a is not None and b is not None:
        terms.append(a.matmul(b))
    return _total(A @ B, terms)


def _total(reference: Any, terms: list[Any]) -> Delta:
    total = terms[0]
    for term in terms[1:]:
        total = total.plus(term)
    return Delta(reference, total)


@rule(np.true_divide)
def _divide(x: Any, y: Any) -> Delta:
    (A, a), (B, b) = parts(x), parts(y)
    quotient = A / B
    if b is None:
        return Delta(quotient, _spread(a.scaled(1.0 / floats(B)), np.shape(floats(quotient))))
    numerator = b.scaled(-floats(quotient))
    if a is not None:
        numerator = a.plus(numerator)
    return Delta(quotient, numerator.over(floats(B), b))


@rule(np.power)
def _power(x: Any, y: Any) -> Delta:
    if isinstance(y, Delta):
        result: Delta = np.exp(y * np.log(_same_arithmetic(x, y.reference)))
        return result
    if y != int(y) or y < 1:
        raise ValueError(f"power {y}: give a whole number of at least 1")
    return whole_power(x, int(y))  # type: ignore[no-any-return]


def _same_arithmetic(x: Any, other: Any) -> Any:
    return Exact.of(x, other.bits) if isinstance(other, Exact) else x


@rule(np.absolute)
def _absolute(x: Delta) -> Delta:
    return Delta(np.abs(x.reference), x.difference.folded(x.reference))


@rule(np.maximum)
def _maximum(x: Any, y: Any) -> Delta:
    x, y = (x, y) if isinstance(x, Delta) else (y, x)
    if isinstance(y, Delta) or np.any(y):
        raise ValueError("maximum of a difference: only with 0")
    return Delta(np.maximum(x.reference, 0.0), x.difference.rectified(x.reference))


@rule(np.heaviside)
def _heaviside(x: Delta, at_zero: float) -> Delta:
    if at_zero != 0:
        raise ValueError("heaviside of a difference: only with 0 at 0")
    return Delta(np.heaviside(x.reference, 0.0), x.difference.stepped(x.reference))


@rule(np.exp)
def _exp(x: Delta) -> Delta:
    return Delta(np.exp(x.reference), x.difference.grown(x.reference, rounded_exp(x.reference)))


@rule(np.log)
def _log(x: Delta) -> Delta:
    value = np.log(x.reference)
    return Delta(value, x.difference.logged(x.reference, value))


@rule(np.sqrt)
def _sqrt(x: Delta) -> Delta:
    value = np.sqrt(x.reference)
    return Delta(value, x.difference.rooted(x.reference, value))


@rule(np.sin)
def _sin(x: Delta) -> Delta:
    return _wave(x, np.sin(x.reference), np.cos(x.reference))


@rule(np.cos)
def _cos(x: Delta) -> Delta:
    return _wave(x, np.cos(x.reference), -np.sin(x.reference))


def _wave(x: Delta, value: Any, slope: Any) -> Delta:
    half = x.difference.scaled(0.5).small("sin")
    curved = half.times(half).scaled(-2.0 * floats(value))
    return Delta(value, x.difference.small("sin").scaled(floats(slope)).plus(curved))


@rule(np.logaddexp)
def _softplus(zero: float, x: Delta) -> Delta:
    value = np.logaddexp(zero, x.reference)
    half = x.reference * 0.5
    rest = np.maximum(tanh_side(half, np.tanh(half)), 0.0) * 0.5
    shares = np.where(floats(half) > 0, (1.0 - rest, rest), (rest, 1.0 - rest))
    return Delta(value, x.difference.softened(x.reference, *shares))


@rule(np.tanh)
def _tanh(x: Delta) -> Delta:
    value = np.tanh(x.reference)
    side = tanh_side(x.reference, value)
    upper, near = floats(x.reference) > 0, np.maximum(side, LAST_ROOM)
    below, above = np.where(upper, near, 2.0 - near), np.where(upper, 2.0 - near, near)
    beyond = floats(x.reference) - np.clip(floats(x.reference), -LAST, LAST)
    sign, size = x.difference.from_within(beyond).parted(_SATURATED)
    growth = size.scaled(2.0).small("expm1")
    change = growth.weighted(below * above).over(np.asarray(2.0), growth.weighted(np.where(sign < 0, below, above)))
    return Delta(value, change.weighted(sign))
