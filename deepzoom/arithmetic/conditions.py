"""Conditions, numbers that are 0 or 1, and the choice by them, in every arithmetic.

A pixel's condition can differ from that of its reference. Then the chosen number is that of the other branch, whose
reference is known as well: with G = A - B, from the reference's own arithmetic,

    the condition now holds    a + (0 if it held, else G)        it does not    b - (G if it held, else 0)
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .arrays import broadcast, moved
from .delta import Delta, parts
from .difference import Difference
from .exact import Exact, level, lifted
from .fixed_point import BASE_BITS
from .numpy_operations import Arithmetic, Move, floats, rules_of
from .scaled import Scaled

Truth = NDArray[np.bool_]


class Condition(Delta):
    """Numbers 0 or 1 as reference plus difference.

    The difference of two conditions can be too large for the shared exponent, and is then infinite. Products of
    conditions and of a condition with a number, and 1 - condition, take only its sign.
    """

    rank = 4
    rules = {}

    def moved(self, move: Move) -> Condition:
        return Condition(moved(self.reference, move), self.difference.moved(move))


Condition.rules |= Delta.rules
rule = rules_of(Condition.rules)


def positive(x: Any) -> Any:
    """1 where a number is above 0, else 0."""
    if isinstance(x, Delta):
        return Condition(positive(x.reference), x.difference.stepped(x.reference))
    return np.heaviside(cast(Any, x), 0.0) if isinstance(x, Arithmetic) else np.where(x > 0, 1.0, 0.0)


def held(condition: Any) -> Truth:
    """Where a condition holds in the reference."""
    reference = parts(condition)[0]
    return reference.signs() > 0 if isinstance(reference, Exact) else floats(reference) > 0


def holds(condition: Any) -> Truth:
    """Where a condition holds for each pixel: (pixels or monomials or 1, *shape)."""
    was, change = held(condition)[None], parts(condition)[1]
    return was if change is None else np.where(change.data == 0, was, change.data > 0)


def _condition(reference: Any, now: Truth, like: Difference) -> Condition:
    was = held(reference)
    with np.errstate(over="ignore"):
        one = np.ldexp(1.0, -like.exponent)
    data = np.where(now == was, 0.0, np.where(now, one, -one))
    return Condition(reference, like.like(np.broadcast_to(data, (like.lead, *was.shape))))


def _is_condition(x: Any) -> bool:
    if isinstance(x, Delta):
        return isinstance(x, Condition)
    values = floats(x)
    return bool(((values == 0) | (values == 1)).all())


def _difference_of(*numbers: Any) -> Any:
    return next(d for d in (parts(x)[1] for x in numbers) if d is not None)


@rule(np.multiply)
def _multiply(x: Any, y: Any) -> Delta:
    if _is_condition(x) and _is_condition(y):
        reference = parts(x)[0] * parts(y)[0]
        now, too = (broadcast(np.shape(floats(reference)))(holds(c)) for c in (x, y))
        return _condition(reference, now & too, _difference_of(x, y))
    condition, number = (x, y) if isinstance(x, Condition) else (y, x)
    result: Delta = select(condition, number, parts(number)[0] * 0.0)
    return result


@rule(np.subtract)
def _subtract(x: Any, y: Any) -> Delta:
    if isinstance(y, Condition) and not isinstance(x, Delta) and (floats(x) == 1).all():
        reference = x - y.reference
        return _condition(reference, broadcast(np.shape(floats(reference)))(~holds(y)), y.difference)
    result: Delta = Delta.rules[np.subtract](x, y)
    return result


def select(condition: Any, yes: Any, no: Any) -> Any:
    """The number ``yes`` where a condition is 1, ``no`` where it is 0."""
    numbers = condition, yes, no
    if any(isinstance(x, Delta) for x in numbers):
        return _selected_difference(condition, yes, no)
    was = held(condition)
    if not isinstance(yes, Arithmetic) and not isinstance(no, Arithmetic):
        return np.where(was, yes, no)
    bits = next(x.bits for x in (yes, no) if isinstance(x, Exact | Scaled))
    if isinstance(yes, Scaled) or isinstance(no, Scaled):
        one, other = Scaled.of(yes, bits), Scaled.of(no, bits)
        return Scaled(select(condition, one.mantissa, other.mantissa), np.where(was, one.shift, other.shift))
    digits = level(lifted(yes, bits), lifted(no, bits))
    shape = np.broadcast_shapes(was.shape, *(d.shape[1:] for d in digits))
    return Exact(np.where(was, *map(broadcast(shape), digits)), bits // BASE_BITS)


def _selected_difference(condition: Any, yes: Any, no: Any) -> Delta:
    (A, a), (B, b) = parts(yes), parts(no)
    like = _difference_of(condition, yes, no)
    reference = select(parts(condition)[0], A, B)
    move = broadcast(np.shape(floats(reference)))
    was, now = held(condition), move(holds(condition))
    with np.errstate(over="ignore"):
        apart: Any = 0.0 if (now == was).all() else floats(A - B, like.exponent)
    into_yes = (0.0 if a is None else move(a.data)) + np.where(was, 0.0, apart)
    into_no = (0.0 if b is None else move(b.data)) - np.where(was, apart, 0.0)
    return Delta(reference, like.like(move(np.where(now, into_yes, into_no))))
