"""Settings of escape-time systems: wrong ones are refused, and the growth of a formula is read from it."""

from __future__ import annotations

import pytest

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.formula.expression import parse
from deepzoom.systems.own_formula import growth


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("mandelbrot", {"power": "1"}, "--set power: '1' is not a whole number from 2 to 30"),
        ("mandelbrot", {"power": "2.5"}, "--set power: '2.5' is not a whole number from 2 to 30"),
        ("julia", {"cx": "east"}, "--set cx: 'east' is not a decimal number"),
        ("newton", {"polynomial": "1,-2,1"}, "--set polynomial: the polynomial has a repeated root"),
        ("newton", {"relaxation": "2"}, "--set relaxation: 2 + 0i is 1 or more away from 1, so no root"),
        ("newton", {"relaxationy": "-1"}, "--set relaxation: 1 + -1i is 1 or more away from 1"),
        ("newton", {"relaxation": "1e400"}, "--set relaxation: 1e400 + 0i is 1 or more away from 1"),
        ("newton", {"relaxation": "half"}, "--set relaxation: 'half' is not a decimal number"),
        ("celtic", {"power": "3"}, "--set: celtic has no setting 'power'; it has none"),
        ("formula", {"formula": "1e400*z**2 + c"}, "--formula: '1e400*z**2 + c' has a number beyond 1e100, or one"),
        ("formula", {"formula": "z**2 + c + 10**-200"}, "has a number beyond 1e100, or one below 1e-100 that is not 0"),
        ("formula", {"z0x": "1e400"}, "--set z0x: 1e400 is beyond 1e100"),
        ("formula", {"radius": "1e400"}, "--set radius: 1e400 is not from 1 to 1e10"),
        (
            "newton",
            {"polynomial": "1e150,0,-1"},
            "--set: with these values the formula has a number beyond 1e100, or one",
        ),
    ],
)
def test_wrong_settings(name, given, message):
    with pytest.raises(InputError) as error:
        systems.create(name, given)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("z**20 + c", (20, 1)), ("z**1000 + c", (1000, 1)), ("2*z**30 + z + c", (30, 2)), ("1e90*z**3 + c", (3, 1e90)),
        ("exp(z) + c", (2, 1)), ("z + c", (2, 1)), ("1e8*z/z**2 + c", (2, 1)),
    ],
)  # fmt: skip
def test_growth_of_formulas(text, law):
    """Far out, a step turns |z| into gain * |z|**degree; (2, 1) stands for formulas that do not grow like a power."""
    assert growth(parse(text)) == pytest.approx(law, rel=1e-7)
