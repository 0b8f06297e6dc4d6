"""The rules of delta arithmetic against mpmath: no digits are lost, however small the difference is."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact

BITS = 400
RULES = {
    "add": (lambda x, y: x + y, 1),
    "subtract": (lambda x, y: x - y, 1),
    "negative": (lambda x, y: -x, 1),
    "product": (lambda x, y: x * y, 1),
    "square": (lambda x, y: x * x, 1),
    "with a constant": (lambda x, y: 3.0 * x - 0.5, 1),
    "quotient": (lambda x, y: x / (4.0 + y * y), 20),
    "inverse": (lambda x, y: 2.0 / (5.0 + x), 10),
    "power": (lambda x, y: x**5, 8),
    "exp": (lambda x, y: np.exp(x), 2),
    "log": (lambda x, y: np.log(8.0 + x), 4),
    "sqrt": (lambda x, y: np.sqrt(8.0 + x), 4),
    "sin": (lambda x, y: np.sin(x), 8),
    "tanh": (lambda x, y: np.tanh(x), 4),
    "ten to": (lambda x, y: 10.0**x, 4),
}
MPMATH = {"exp": mpmath.exp, "log": mpmath.log, "sqrt": mpmath.sqrt, "sin": mpmath.sin, "tanh": mpmath.tanh}


class Mp:
    """mpmath numbers that answer to NumPy's names, so that the same lambdas take them."""

    def __init__(self, value):
        self.value = mpmath.mpf(value)

    def __getattr__(self, name):
        if name in MPMATH:  # NumPy calls x.tanh() for objects it does not know
            return lambda: Mp(MPMATH[name](self.value))
        raise AttributeError(name)

    def _other(self, y):
        return y.value if isinstance(y, Mp) else mpmath.mpf(y)

    def __add__(self, y):
        return Mp(self.value + self._other(y))

    __radd__ = __add__

    def __sub__(self, y):
        return Mp(self.value - self._other(y))

    def __neg__(self):
        return Mp(-self.value)

    def __mul__(self, y):
        return Mp(self.value * self._other(y))

    __rmul__ = __mul__

    def __truediv__(self, y):
        return Mp(self.value / self._other(y))

    def __rtruediv__(self, y):
        return Mp(self._other(y) / self.value)

    def __pow__(self, y):
        return Mp(self.value**y)

    def __rpow__(self, y):
        return Mp(self._other(y) ** self.value)


def true_difference(function, at, changes, exponent):
    """f(A + a) - f(A) as mpf, in units of 2**exponent."""
    scale = mpmath.ldexp(1, exponent)
    there = function(*(Mp(mpmath.mpf(v) + scale * mpmath.mpf(float(d))) for v, d in zip(at, changes)))
    here = function(*(Mp(v) for v in at))
    return (there.value - here.value) / scale


@pytest.mark.parametrize("rule", RULES, ids=[r.replace(" ", "-") for r in RULES])
@pytest.mark.parametrize("exponent", [0, -66, -1500])
@pytest.mark.parametrize("exact", [True, False], ids=["exact-reference", "float64-reference"])
def test_rules(rule, exponent, exact):
    function, bound = RULES[rule]
    rng = np.random.default_rng(len(rule))
    with mpmath.workprec(6000):
        for _ in range(25):
            # a float64 reference has lost digits of 1 - tanh(A) before any rule starts, more of them for larger A
            at = rng.normal(size=2) * 1.5 if exact else rng.uniform(-1, 1, size=2)
            changes = rng.normal(size=2) * (1.0 if exponent else 10.0 ** rng.integers(-12, 0))
            x, y = (
                Delta(Exact.of(v, BITS) if exact else np.asarray(v), Batch(np.array([d]), exponent))
                for v, d in zip(at, changes)
            )
            got = function(x, y).difference.data[0]
            true = true_difference(function, at, changes, exponent)
            parts = [
                abs(true_difference(function, at, (changes[0], 0.0), exponent)),
                abs(true_difference(function, at, (0.0, changes[1]), exponent)),
            ]
            # if differences cancel each other, the step itself is badly conditioned
            assert abs(got - true) <= bound * 2.5e-16 * (sum(parts) + abs(true)) * (1 if exact else 4), (at, changes)


@pytest.mark.parametrize("exact", [True, False])
def test_tanh_keeps_its_digits_where_saturated_and_for_any_difference(exact):
    with mpmath.workprec(3000):
        for at in (0.0, 0.3, -2.0, 8.0, -18.0, 30.0):
            for change in (1e-17, -1e-17, 1e-3, -0.4, 3.0, -9.0, 45.0, -60.0, 400.0, -1000.0):
                if not exact and abs(at) > 2:
                    continue  # 1 - tanh(A) is lost before any rule starts
                x = Delta(Exact.of(at, 400) if exact else np.asarray(at), Batch(np.array([change])))
                got = np.tanh(x).difference.data[0]
                true = mpmath.tanh(mpmath.mpf(at) + mpmath.mpf(change)) - mpmath.tanh(mpmath.mpf(at))
                assert abs(got - true) <= 4e-15 * abs(true), (at, change)


@settings(max_examples=200, deadline=None)
@given(st.floats(-4, 4), st.floats(-4, 4), st.sampled_from([0, -40, -1200]))
def test_folds(at, change, exponent):
    at = at * 2.0**exponent  # so that about half of the differences cross the fold
    x = Delta(np.asarray(at), Batch(np.array([change]), exponent))
    with mpmath.workprec(6000):
        a, there = mpmath.mpf(at), mpmath.mpf(at) + mpmath.ldexp(mpmath.mpf(change), exponent)
        unit = mpmath.ldexp(1, exponent)
        for got, true in (
            (abs(x), abs(there) - abs(a)),
            (np.maximum(x, 0.0), max(there, 0) - max(a, 0)),
        ):
            assert abs(got.difference.data[0] * unit - true) <= 2.3e-16 * (abs(change) + 1e-300) * unit
        jump = int(there > 0) - int(a > 0)
        assert np.sign(np.heaviside(x, 0.0).difference.data[0]) == jump


def test_matrices_sums_and_transposes():
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 2))
    d, e = rng.normal(size=(5, 3, 4)) * 1e-9, rng.normal(size=(5, 4, 2)) * 1e-9
    x, y = Delta(a[0], Batch(d)), Delta(b[0], Batch(e))
    assert np.allclose((x @ y).difference.data, a[0] @ e + d @ b[0] + d @ e, rtol=1e-14, atol=0)
    assert np.allclose((x @ b[0]).difference.data, d @ b[0], rtol=1e-14, atol=0)
    assert np.allclose((a[0] @ y).difference.data, a[0] @ e, rtol=1e-14, atol=0)
    assert np.array_equal(x.T.difference.data, d.swapaxes(1, 2))
    assert np.allclose(x.sum().difference.data, d.sum(axis=(1, 2)), rtol=1e-12, atol=1e-24)
    assert np.allclose(x.mean().difference.data, d.mean(axis=(1, 2)), rtol=1e-12, atol=1e-24)
    assert np.array_equal(x[np.array([2, 0])].difference.data, d[:, [2, 0]])
    rate = Delta(np.asarray(0.3), Batch(np.full(5, 1e-9)))
    assert np.allclose((rate * x).difference.data, 0.3 * d + 1e-9 * a[0] + 1e-9 * d, rtol=1e-14, atol=0)


def test_what_has_no_rule_says_so():
    x = Delta(np.asarray(0.3), Batch(np.ones(1)))
    with pytest.raises(TypeError):
        np.arctan(x)
    with pytest.raises(ValueError, match="only with 0"):
        np.maximum(x, 1.0)
    with pytest.raises(ValueError, match="whole number"):
        x**0.5
    with pytest.raises(ValueError, match="meet"):
        x + Delta(np.asarray(0.3), Batch(np.ones(1), -30))


def test_other_exponent_same_difference():
    b = Batch(np.array([1.5, -3.0]), -1100).rescaled(-1060)
    assert b.exponent == -1060 and b.data.tolist() == [1.5 * 2.0**-40, -3.0 * 2.0**-40]
