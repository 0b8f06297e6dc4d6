"""References far out, and pixels anywhere: cases and true differences of each function, in mpmath."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import mpmath as mp
import numpy as np

ANYWHERE = (0.0, 0.5, 30.0, -30.0, 318.5, -318.5, 325.0, -325.0, 645.0, -645.0, 688.0, -688.0, 695.0, -695.0, 2700.0,
            -2700.0, 5000.0, -5000.0)  # fmt: skip
"""References. All differences from them to targets are exact in float64."""
TARGETS = (14.0, -14.0, 0.0, 0.75, -40.0, 40.0, 300.0, -300.0, 650.0, -650.0, 4000.0, -4000.0)
STEPS = (0.0, 2.0**-40, -(2.0**-40), 0.125, -0.125, 1e-200)
POSITIVE = (1e-300, 2.0**-60, 0.25, 30.0, 2700.0, 5000.0)
POSITIVE_TARGETS = (2.0**-80, 2.0**-40, 1.0, 14.0, 1e9, 1e290)
OVERFLOW = 700.0
"""Where exp is about to leave float64: neither a reference nor a pixel of exp goes beyond."""


def _relative(z: Any, a: Any, true: Any) -> Any:
    return abs(true)


def _saturating(z: Any, a: Any, true: Any) -> Any:
    """Where tanh is flat, the rounding of its argument changes it by a larger share than that."""
    return abs(true) + abs(a) * mp.sech(z + a) ** 2 / 4


def _wave(z: Any, a: Any, true: Any) -> Any:
    return abs(true) + abs(mp.sin(a)) + 2 * mp.sin(a / 2) ** 2


def softplus(z: Any) -> Any:
    """log(1 + exp(z)) in mpmath."""
    return mp.log1p(mp.exp(z))


FUNCTIONS: dict[str, tuple[Any, Callable[..., Any], tuple[Sequence[float], Sequence[float]]]] = {
    "tanh": (mp.tanh, _saturating, (ANYWHERE, TARGETS)),
    "softplus": (softplus, _relative, (ANYWHERE, TARGETS)),
    "sigmoid": (
        lambda z: 1 / (1 + mp.exp(-z)),
        lambda z, a, true: _saturating(z / 2, a / 2, true),
        (ANYWHERE, TARGETS),
    ),
    "exp": (mp.exp, _relative, ([v for v in ANYWHERE if v <= OVERFLOW], [v for v in TARGETS if v <= OVERFLOW])),
    "sin": (mp.sin, _wave, (ANYWHERE, TARGETS)),
    "cos": (mp.cos, _wave, (ANYWHERE, TARGETS)),
    "abs": (abs, _relative, (ANYWHERE, TARGETS)),
    "relu": (lambda z: max(z, mp.mpf(0)), _relative, (ANYWHERE, TARGETS)),
    "sign": (mp.sign, _relative, (ANYWHERE, TARGETS)),
    "square": (lambda z: z * z, _relative, (ANYWHERE, TARGETS)),
    "log": (mp.log, _relative, (POSITIVE, POSITIVE_TARGETS)),
    "sqrt": (mp.sqrt, _relative, (POSITIVE, POSITIVE_TARGETS)),
    "inverse": (lambda z: 1 / z, _relative, (POSITIVE[1:], POSITIVE_TARGETS[:-1])),
}
"""By name: the function; the size that an error is measured by, of reference, difference and true difference;
references and targets."""
RELATIVE, ABSOLUTE = 4e-15, 1e-276
"""No difference may be farther off than this share of its size, and this."""
DIGITS = 620  # enough for numbers from 1e-300 to 1e300 side by side


def pairs(name: str, exponent: int = 0) -> tuple[Any, Any]:
    """References and differences of a function, in units of 2**exponent. Small units: only near pixels."""
    references, targets = FUNCTIONS[name][2]
    apart = [(z, t - z) for z, t in itertools.product(references, targets) if t - z + z == t and not exponent]
    near = [(z, s * z if min(references) > 0 and not exponent else s) for z, s in itertools.product(references, STEPS)]
    z, a = np.array(apart + near).T
    return z, a


@lru_cache
def _true(name: str, exponent: int) -> list[tuple[Any, Any]]:
    """(true difference, what an error may be) of each pair, in units of 2**exponent."""
    function, size, _ = FUNCTIONS[name]
    found = []
    with mp.workdps(DIGITS - exponent // 2):
        for z, a in zip(*(v.tolist() for v in pairs(name, exponent))):
            z, a = mp.mpf(z), mp.ldexp(a, exponent)
            true = function(z + a) - function(z)
            size_of = RELATIVE * size(z, a, true)
            found.append((mp.ldexp(true, -exponent), mp.ldexp(size_of, -exponent) + ABSOLUTE))
    return found


def worst(name: str, found: Any, exponent: int = 0) -> tuple[float, tuple[float, float]]:
    """The largest error in differences of all pairs of a function, as a multiple of what it may be, and where."""
    with mp.workdps(DIGITS):
        errors = [float(abs(got - true) / most) for got, (true, most) in zip(found.tolist(), _true(name, exponent))]
    at = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    z, a = pairs(name, exponent)
    return errors[at], (z[at], a[at])
