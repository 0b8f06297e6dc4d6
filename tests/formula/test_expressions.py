"""How a formula is read: wrong ones are refused, equal parts are one, and its critical points are found."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.formula import source
from deepzoom.formula.critical import critical_points
from deepzoom.formula.expression import parse
from deepzoom.formula.real import Real
from deepzoom.systems.burning_ship import BURNING_SHIPS

WRONG = [
    ("z**2 +", "is not a formula"),
    ("z**2 + d", "the unknown name 'd'"),
    ("__import__('os')", "the unknown function '__import__'"),
    ("z.real", "the attribute 'real'"),
    ("z**c", "a power that is not a whole number"),
    ("z**5000", "a power beyond 1000"),
    ("(z for z in c)", "a part that is not arithmetic"),
    ("z if c else 1", "a part that is not arithmetic"),
    ("'z'", "the value 'z'"),
    ("c/(z - z)", "divides by zero everywhere"),
    ("gamma(z)", "the unknown function 'gamma'"),
    ("", "is not a formula"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_bad_formulas(text, message):
    with pytest.raises(InputError) as error:
        parse(text)
    assert str(error.value).startswith("--formula: ") and message in str(error.value)


def test_equal_parts_are_one_node():
    x = Real.variable("zx")
    assert x + x is x + x and (x * x) * x is not x * (x * x)
    assert (x - x).is_constant(0) and (x * Real.constant(1)) is x
    negative = -x
    assert -negative is x
    assert x.applied("abs") * x.applied("abs") is x * x
    assert (Real.constant(Fraction(1, 3)) + Real.constant(Fraction(1, 6))).value == Fraction(1, 2)


def test_numbers_in_a_formula_are_exact():
    constants = {}
    source.value(parse("0.1*z + 1e-30*c + 0.3*i + 2j"), constants)
    assert set(constants) == {Fraction(1, 10), Fraction(1, 10**30), Fraction(3, 10), Fraction(2)}


def test_which_formulas_are_complex_differentiable():
    for name, kind in systems.ESCAPE_TIME.items():
        f = kind.build({key: setting.default for key, setting in kind.settings.items()}).formula
        assert source.is_holomorphic(f) == (name not in {m.name for m in BURNING_SHIPS}), name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("z**2 + c", [0]),
        ("z**3 - 3*z + c", [-1, 1]),
        ("c*z*(1 - z)", [0.5]),
        ("z - (z**3 - 1)/(3*z**2) + c", [1, np.exp(2j * np.pi / 3), np.exp(-2j * np.pi / 3)]),
        ("z**2 + 1/z**2 + c", [1, -1, 1j, -1j]),
        ("c*(z**3 - 3*i*z)", [np.exp(0.25j * np.pi), -np.exp(0.25j * np.pi)]),
        ("(z - 1)**3*(z + 2) + c", [1, -1.25]),
        ("z**3 + c/z", []),
        ("z + c", []),
        ("sin(z) + c", None),
        ("fold(z)**2 + c", None),
        ("((z**2 + c - 1)/(2*z + c - 2))**2", None),
    ],
)
def test_critical_points(text, expected):
    """Worked out by hand. Points that move with c do not count."""
    found = critical_points(parse(text))
    assert (found is None) == (expected is None)
    if found is not None:
        assert len(found) == len(expected)
        assert all(min(abs(p - q) for q in found) < 1e-14 for p in expected)


def test_a_start_that_is_no_critical_point_is_remarked_on():
    given = {"formula": "z**3 - 3*z + c"}
    remark = systems.create("formula", given).remark()
    assert remark == "Orbits begin at 0+0i, but the critical points of the formula are -1+0i, 1+0i."
    assert systems.create("formula", {**given, "z0x": "1"}).remark() is None
    assert all(systems.create(name, {}).remark() is None for name in systems.names())
