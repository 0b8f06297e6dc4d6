"""Places of Kalles Fraktaler against its documentation: centre, height, turn, stretch, formula and colours by hand.

Facts: Settings.tab, README.md, common/matrix.cpp, fraktal_sft.cpp and formula/*.xml of smurfix/kf2.
"""

from __future__ import annotations

import cmath
import math
from fractions import Fraction

import numpy as np
import pytest

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.exchange.kalles_formulas import CHAINS, TEXTS
from deepzoom.exchange.kalles_fraktaler import keys_of, place
from deepzoom.formula.exact import exact_map
from deepzoom.formula.expression import parse

PLACE = (
    "Re: -1.75447986925797869140000\r\nIm: -0.025781570351487953507\r\nZoom: 3.2000000000000000E1\r\n"
    "Iterations: 1000\r\nPower: 2\r\nFractalType: 1\r\n"
)


def read(text, size=None):
    return place(text, "--scene: a.kfr", "a.kfr", size)


def point(text, column, row, size=(8, 6)):
    """The exact point of a pixel's middle, as floats."""
    return tuple(map(float, read(text, size).scene.view.at(column, row)))


def by_its_program(text, column, row, size=(8, 6)):
    """The point that the program shows at a pixel's middle, by its source in complex numbers and matrices.

    polar_composition gives the matrix R T S T' G in the column order of its library, of which the transpose is applied
    to (right, down).
    """
    keys = keys_of(text)
    turn, along = (math.radians(float(keys.get(k, 0))) for k in ("RotateAngle", "StretchAngle"))
    factor, sign = 2 ** float(keys.get("StretchAmount", 0)), -1 if keys.get("ImagPointsUp") == "1" else 1

    def library(a, b, c, d):
        return np.array([[a, c], [b, d]])  # four numbers are two columns

    r, t = turn, -along
    whole = (
        library(math.cos(r), -math.sin(r), math.sin(r), math.cos(r))
        @ library(math.cos(t), -math.sin(t), math.sin(t), math.cos(t))
        @ library(factor, 0, 0, 1 / factor)
        @ library(math.cos(t), -math.sin(t), math.sin(t), math.cos(t)).T
        @ library(1, 0, 0, sign)
    )
    scale = 4 / float(keys["Zoom"]) / size[1]
    right, down = (column + 0.5 - size[0] / 2) * scale, (row + 0.5 - size[1] / 2) * scale
    x, y = whole.T @ (right, down)
    return float(keys["Re"]) + x, float(keys["Im"]) + y


def test_a_place_by_hand():
    found = read(PLACE)
    view = found.scene.view
    assert (view.x, view.y) == (Fraction("-1.7544798692579786914"), Fraction("-0.025781570351487953507"))
    assert view.depth == Fraction(1, 8) and view.flip  # 4/32, and the imaginary axis points down
    assert (found.scene.system, found.scene.steps, found.left_out) == ("burning-ship", 1000, ())


@pytest.mark.parametrize("up", ["", "ImagPointsUp: 1\r\n", "ImagPointsUp: 0\r\n"])
@pytest.mark.parametrize(
    "turned",
    ["", "RotateAngle: 30\r\n", "StretchAngle: 20\r\nStretchAmount: 1.5\r\n",
     "RotateAngle: -75.5\r\nStretchAngle: 20\r\nStretchAmount: -0.25\r\n"],
)  # fmt: skip
def test_the_picture_lies_where_the_program_shows_it(up, turned):
    text = PLACE + up + turned
    for pixel in ((0, 0), (7, 0), (7, 5), (2, 4)):
        assert point(text, *pixel) == pytest.approx(by_its_program(text, *pixel), abs=1e-11)


def test_where_the_axis_points_by_hand():
    """A picture of 2x2 pixels of 4/Zoom/2 = 1: the upper left one has the smaller Im, unless the axis points up."""
    text = "Re: 0\nIm: 0\nZoom: 2\nIterations: 99\n"
    assert point(text, 0, 0, (2, 2)) == (-0.5, -0.5)
    assert point(text + "ImagPointsUp: 1\n", 0, 0, (2, 2)) == (-0.5, 0.5)
    # RotateAngle 90 turns right to down: the pixel right above is where the one right below was
    assert point(text + "RotateAngle: 90\n", 1, 0, (2, 2)) == (0.5, 0.5)


# long: the list of formulas, one line for each
def reference(kind, power, z, c):
    """z' by the manual's list of formulas, written out there in x, y and w = u + iv."""
    x, y = z.real, z.imag
    fold, factor = complex(abs(x), abs(y)), complex(-0.5, 0.25)
    fourth, saddle = x**4 + y**4 - 6 * x**2 * y**2, x**2 - y**2
    five, fifth = x**4 + 5 * y**4 - 10 * x**2 * y**2, 5 * x**4 + y**4 - 10 * x**2 * y**2
    formulas = {
        0: z**power,
        1: complex(abs(x), abs(y)) ** power,
        2: complex(abs((z**power).real), abs((z**power).imag)),
        3: complex(abs((z**power).real), (z**power).imag),
        4: complex(x, -y) ** power,
        5: complex(abs((complex(x, -y) ** 2).real), (complex(x, -y) ** 2).imag),
        6: complex(abs(x), -y) ** 2,
        7: complex(x, -abs(y)) ** 2,
        8: complex(abs((complex(abs(x), -y) ** 2).real), (complex(abs(x), -y) ** 2).imag),
        9: complex(abs((complex(x, -abs(y)) ** 2).real), (complex(x, -abs(y)) ** 2).imag),
        10: complex(abs(x) * (x * x - 3 * y * y), -abs(y * (3 * x * x - y * y))),
        11: complex(abs(x) * (x * x - 3 * y * y), y * (3 * x * x - y * y)),
        12: complex(x * (x * x - 3 * y * y), abs(y) * (3 * x * x - y * y)),
        13: complex(x * (x * x - 3 * y * y), abs(y * (3 * x * x - y * y))),
        15: complex(x, abs(y)) ** 4,
        16: complex(abs(x), y) ** 4,
        17: complex(abs(x), -y) ** 4,
        18: complex(abs((complex(x, abs(y)) ** 4).real), (complex(x, abs(y)) ** 4).imag),
        19: complex(abs((complex(abs(x), y) ** 4).real), (complex(abs(x), y) ** 4).imag),
        20: complex(abs((complex(abs(x), -y) ** 4).real), (complex(abs(x), -y) ** 4).imag),
        21: complex((z**4).real, abs((z**4).imag)),
        22: complex(abs((complex(x, -y) ** 4).real), (complex(x, -y) ** 4).imag),
        27: complex(abs(x), y) ** 5,
        28: complex(abs(x), -y) ** 5,
        29: complex(abs((complex(x, -y) ** 5).real), (complex(x, -y) ** 5).imag),
        14: complex(abs(x) * (x**2 - 3 * y**2), -y * abs(3 * x**2 - y**2)),
        23: complex(fourth, -4 * x * y * abs(saddle)),
        24: complex(fourth, 4 * x * y * abs(saddle)),
        25: complex(abs(fourth), -4 * x * y * abs(saddle)),
        26: complex(abs(fourth), 4 * x * y * abs(saddle)),
        30: complex(abs(x) * five, -abs(y * fifth)),
        31: complex(abs(x) * five, -y * abs(fifth)),
        32: complex(abs(x) * five, y * abs(fifth)),
        34: complex(fourth, 4 * x * abs(y * saddle)),
        35: complex(fourth, -4 * y * abs(x * saddle)),
        36: complex(fourth, 4 * y * abs(x * saddle)),
        37: complex(abs(fourth), 4 * x * abs(y * saddle)),
        38: complex(abs(fourth), -4 * y * abs(x * saddle)),
        39: complex(abs(fourth), 4 * y * abs(x * saddle)),
        40: z**3 * fold**3,
        41: complex(x * x - y * y - abs(x), abs(2 * x * y) - abs(y)),
        42: factor * z**2 + z**3,
        43: factor * z**2 - z**3,
        44: 2 * z**2 - z**3,
        45: factor * z**2 + z**4,
        46: factor * z**2 - z**4,
        47: factor * z**2 + z**5,
        48: factor * z**2 - z**5,
        49: factor * z**2 + z**6,
        50: factor * z**2 - z**6,
        51: z**2 * complex(abs((z**2).real), abs((z**2).imag)),
        57: z * fold**3,
        58: z**2 * fold**2,
        59: z**3 * fold,
        60: z * fold**4,
        61: z**2 * fold**3,
        62: z**3 * fold**2,
        63: z**4 * fold,
        64: z * fold**5,
        65: z**2 * fold**4,
        66: z**3 * fold**3,
        67: z**4 * fold**2,
        68: z**5 * fold,
        33: z**2 * complex(abs(x), abs(y)) ** 2,
        54: z * complex(abs(x), abs(y)),
        55: z * complex(abs(x), abs(y)) ** 2,
        56: z**2 * complex(abs(x), abs(y)),
    }
    return formulas[kind] + c


@pytest.mark.parametrize("kind", [*CHAINS, *TEXTS])
def test_formulas_are_those_of_the_manual(kind):
    for power in (p for p in CHAINS.get(kind, ((2,),))[0] if p < 7):
        text = f"Re: 0\nIm: 0\nZoom: 1\nFractalType: {kind}\nPower: {power}\nFactorAR: -0.5\nFactorAI: 0.25\n"
        scene = read(text).scene
        iteration = systems.create(scene.system, scene.settings).iteration
        value = exact_map(iteration.formula, 100)[0]
        for angle in (0.3, 1.9, 3.7, 5.1):
            z, c = 1.25 * cmath.exp(1j * angle), 0.3 - 0.7j
            got = complex(*map(float, value(z.real, z.imag, c.real, c.imag)))
            assert got == pytest.approx(reference(kind, power, z, c), abs=1e-12)


def test_the_burning_ship_shows_its_masts_upward():
    """Of c = -1.755 -+ 0.03i, the one with the negative imaginary part is among the masts; the other escapes at once.

    The program's picture has it in the upper half, as its axis points down.
    """

    def count(c):
        z, n = 0j, 0
        while abs(z) <= 2 and n < 200:
            z, n = complex(abs(z.real), abs(z.imag)) ** 2 + c, n + 1
        return n

    assert count(-1.755 - 0.02j) > 3 * count(-1.755 + 0.02j)
    view = read("Re: -1.755\nIm: 0\nZoom: 40\nFractalType: 1\nImagPointsUp: 0\n", (3, 5)).scene.view
    above, below = (complex(*map(float, view.at(1, row))) for row in (1, 3))
    assert (above.imag, below.imag) == (pytest.approx(-0.02), pytest.approx(0.02))


def test_seeds_and_hybrids_of_one_operator():
    seeded = read(PLACE.replace("FractalType: 1", "FractalType: 0\nSeedR: 0.5\nSeedI: -0.25")).scene
    assert (seeded.system, seeded.settings) == ("formula", {"formula": "z**2 + c", "z0x": "0.5", "z0y": "-0.25"})
    hybrid = PLACE + "UseHybridFormula: 1\nHybridFormula: 0/1|0,1,0,0,3,1,0;0,0,0,0,0,0,0;0\n"
    assert read(hybrid).scene.settings["formula"] == "(re(z) + i*abs(im(z)))**3 + c"
    assert parse(read(hybrid).scene.settings["formula"])


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ("BailoutRadiusPreset: 1", "the bailout"), ("Rotate: 12.5", "Rotate and Ratio of an old version"),
        ("SmoothingMethod: 1", "linear smoothing"), ("TriangleInequalityAverage: 1", "the triangle inequality average"),
        ("BailoutNormPreset: 2", "the norm of the bailout"), ("JitterSeed: 3", "jitter"),
        ("Unheard: 1", "settings of the program: Unheard"), ("ExponentialMap: 1", "the exponential map"),
    ],
)  # fmt: skip
def test_what_is_not_taken_over_is_listed(change, phrase):
    assert any(p.startswith(phrase) for p in read(PLACE + change + "\r\n").left_out)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Re: -1.7", "Re: x", "Re: 'x5447986925797869140000' is not a decimal number"),
        ("Zoom: 3.2000000000000000E1", "Zoom: 0", "Zoom: '0' is not a number above zero"),
        ("Zoom: 3.2000000000000000E1", "Zoom: 1e999999", "this view is beyond 1e200000 or below 1e-200000"),
        ("Zoom: 3.2000000000000000E1\r\n", "", "has no line 'Zoom'"),
        ("Iterations: 1000", "Iterations: 0", "'0' is not a whole number from 1 to 18,446,744,073,709"),
        ("FractalType: 1", "FractalType: 97", "FractalType 97 of Kalles Fraktaler is a formula that deepzoom does not"),
        ("Power: 2", "Power: 9", "Power 9 of FractalType 1 is not from 2 to 5"),
        ("Power: 2", "StretchAmount: 40", "the view is stretched more than 1e+09 times"),
        ("Power: 2", "Colors: 1,2", "Colors: these are not colours"),
        ("Power: 2", "Colors: 1,2,256", "Colors: these are not colours"),
        ("Power: 2", "UseHybridFormula: 1\nHybridFormula: 0/1|1", "HybridFormula '0/1|1' has parts that"),
        ("Re: -1.75447986925797869140000\r\n", "Colors: 1,2,3\n", "has no line 'Re', which a place of Kalles"),
    ],
)  # fmt: skip
def test_broken_files_are_one_sentence(old, new, message):
    with pytest.raises(InputError) as caught:
        read(PLACE.replace(old, new))
    assert message in str(caught.value) and "\n" not in str(caught.value)
