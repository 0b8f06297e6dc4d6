"""Hybrid formulas of Kalles Fraktaler and Fraktaler-3: what they iterate, and how they come back."""

from __future__ import annotations

import cmath

import pytest

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.exchange import fraktaler3, kalles_fraktaler, writing
from deepzoom.formula.exact import exact_map
from deepzoom.formula.turns import MOST_TURNS
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

PLACE = "Re: 0\nIm: 0\nZoom: 1\nFractalType: 0\nPower: 2\nUseHybridFormula: 1\nHybridFormula: {}\n"


def kfr(hybrid):
    return kalles_fraktaler.place(PLACE.format(hybrid), "FILE", "a.kfr").scene


def operator(numbers, z):
    """An operator of Kalles Fraktaler, by its hybrid.h: abs x, abs y, negate x, negate y, power, factor."""
    abs_x, abs_y, neg_x, neg_y, power, re, im = numbers
    if power == 0:
        return complex(re, im)
    x, y = z.real, z.imag
    x, y = abs(x) if abs_x else x, abs(y) if abs_y else y
    return complex(re, im) * complex(-x if neg_x else x, -y if neg_y else y) ** power


def iterated(groups, z, c):
    """One loop of a hybrid formula. groups: (count, lines); a line is (operator, operator, + or - or * or /)."""
    for count, lines in groups:
        for _ in range(count):
            for one, two, how in lines:
                a, b = operator(one, z), operator(two, z)
                z = {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else 0}[how]
            z += c
    return z


def text_of(groups, begin=0):
    """A hybrid formula as the program writes it. begin: the group that follows the last."""
    parts = [str(begin)]
    for count, lines in groups:
        each = [";".join([*(",".join(f"{v:g}" for v in o) for o in (a, b)), str("+-*/".index(h))]) for a, b, h in lines]
        parts.append("|".join([str(count), *each]))
    return "/".join(parts)


NONE = (0, 0, 0, 0, 0, 0.0, 0.0)
SQUARE, CUBE = (0, 0, 0, 0, 2, 1.0, 0.0), (0, 0, 0, 0, 3, 1.0, 0.0)
SHIP, BAR = (1, 1, 0, 0, 2, 1.0, 0.0), (0, 0, 0, 1, 2, 1.0, 0.0)
HYBRIDS = [
    [(1, [(SQUARE, NONE, "+")]), (1, [(SHIP, NONE, "+")])],
    [(3, [(SQUARE, NONE, "+")]), (2, [((1, 0, 0, 1, 3, 1.0, 0.0), NONE, "+")])],
    [(1, [(SQUARE, NONE, "+"), (SHIP, NONE, "+")]), (1, [(BAR, NONE, "-")])],
    [(1, [(SQUARE, (0, 0, 0, 0, 1, -0.5, 0.25), "+")]), (1, [(CUBE, BAR, "-")])],
    [(2, [(SHIP, (0, 0, 1, 0, 1, 1.0, 0.0), "*")])],
    [(1, [(CUBE, (0, 0, 0, 0, 0, 2.0, 1.0), "/")]), (1, [((0, 1, 1, 1, 4, 2.0, 0.0), NONE, "+")])],
]


@pytest.mark.parametrize("groups", HYBRIDS, ids=text_of)
def test_hybrids_are_those_of_the_program(groups):
    """Each step of the cycle, at four points, against the program's definition."""
    scene = kfr(text_of(groups))
    cycle = systems.create(scene.system, scene.settings).iteration.turns
    values = [exact_map(step.formula, 100)[0] for step in cycle]
    for angle in (0.3, 1.9, 3.7, 5.1):
        z = w = 1.25 * cmath.exp(1j * angle)
        c = 0.3 - 0.7j
        for value in values * (sum(n for n, _ in groups) // len(values)):
            z = complex(*map(float, value(z.real, z.imag, c.real, c.imag)))
        assert z == pytest.approx(iterated(groups, w, c), rel=1e-10)


@pytest.mark.parametrize(("groups", "begin"), [(HYBRIDS[0], 1), (HYBRIDS[1], 1), ([*HYBRIDS[1], *HYBRIDS[0]], 2)])
def test_hybrids_that_begin_again_later(groups, begin):
    """Nine steps, at four points."""
    scene = kfr(text_of(groups, begin))
    iteration = systems.create(scene.system, scene.settings).iteration
    values = [exact_map(step.formula, 100)[0] for step in iteration.turns]
    order = [line for count, line in groups for _ in range(count)]
    again = [line for count, line in groups[begin:] for _ in range(count)]
    while len(order) < 9:
        order += again
    for angle in (0.3, 1.9, 3.7, 5.1):
        z = w = 0.6 * cmath.exp(1j * angle)
        c = 0.3 - 0.4j
        for n in range(9):
            z = complex(*map(float, values[iteration.turn(n)](z.real, z.imag, c.real, c.imag)))
            w = iterated([(1, order[n])], w, c)
        assert z == pytest.approx(w, rel=1e-8)


def test_texts_of_hybrids():
    assert kfr(text_of(HYBRIDS[1], 1)).settings["formula"] == (
        "z**2 + c {3}; loop: conj((abs(re(z)) + i*im(z)))**3 + c"
    )
    assert kfr(text_of(HYBRIDS[0])).settings == {"formula": "z**2 + c; fold(z)**2 + c"}
    assert kfr(text_of(HYBRIDS[1])).settings["formula"] == "z**2 + c {3}; conj((abs(re(z)) + i*im(z)))**3 + c {2}"
    assert kfr("0/7|0,0,0,0,2,1,0;0,0,0,0,0,0,0;0").system == "mandelbrot"


@pytest.mark.parametrize(
    ("hybrid", "phrase"),
    [
        (
            "2/1|0,0,0,0,2,1,0;0,0,0,0,0,0,0;0/1|0,0,0,0,3,1,0;0,0,0,0,0,0,0;0",
            "begins its loop at group 2, but its last group is 1",
        ),
        ("1/1|0,0,0,0,2,1,0;0,0,0,0,0,0,0;0", "begins its loop at group 1, but its last group is 0"),
        ("-1/1|0,0,0,0,2,1,0;0,0,0,0,0,0,0;0", "has parts that deepzoom does not have"),
        ("0/0|0,0,0,0,2,1,0;0,0,0,0,0,0,0;0", "has parts that deepzoom does not have"),
        ("0/1|0,0,0,0,2,x,0;0,0,0,0,0,0,0;0", "has parts that deepzoom does not have"),
        ("0/1|0,0,0,0,2,1,0;0,0,0,0,0,0,0;5", "has parts that deepzoom does not have"),
        ("0/40|0,0,0,0,2,1,0;0,0,0,0,0,0,0;0/1|0,0,0,0,3,1,0;0,0,0,0,0,0,0;0", "the count {40} is not from 1 to 32"),
        ("0/1|" + "|".join(["1,1,0,0,2,1,0;1,0,0,0,2,1,0;2"] * 12), "has parts that deepzoom does not have"),
        ("", "has parts that deepzoom does not have"),
    ],
)
def test_other_hybrids_are_one_sentence(hybrid, phrase):
    with pytest.raises(InputError) as caught:
        kfr(hybrid)
    assert phrase in str(caught.value) and "\n" not in str(caught.value)


def test_formulas_of_fraktaler_3_take_turns():
    text = 'program = "fraktaler-3"\n[[formula]]\nabs_x = true\nabs_y = true\n[[formula]]\npower = 3\n'
    found = fraktaler3.place(text, "FILE").scene
    assert (found.system, found.settings) == ("formula", {"formula": "fold(z)**2 + c; z**3 + c"})
    same = fraktaler3.place(text.replace("power = 3", "abs_x = true\nabs_y = true"), "FILE").scene
    assert (same.system, same.settings) == ("burning-ship", {})


LATER = "z**2 + c {2}; conj(z)**3 + c; loop: z**2 + c; fold(z)**2 + c {2}"


@pytest.mark.parametrize(("formula", "kind"), [
    *((f, k) for f in ("z**2 + c {2}; fold(z)**2 + c", "conj(z)**3 + c; z**4 + c {3}") for k in ("kfr", "f3.toml")),
    (LATER, "kfr"), ("z**4 + c; loop: z**2 + c", "kfr"),
])  # fmt: skip
def test_turns_come_back(formula, kind):
    scene = Scene("formula", View.parse("0.25", "-0.5", "1e-9", "64x36"), 77, {"formula": formula})
    if kind == "kfr":
        got = kalles_fraktaler.place(writing.kfr(scene, ("#000000", "#ffffff"))[0], "FILE", "a.kfr").scene
    else:
        got = fraktaler3.place(writing.f3_toml(scene)[0], "FILE").scene
    assert (got.system, got.settings, got.steps) == (scene.system, scene.settings, scene.steps)
    assert len(systems.create(got.system, got.settings).iteration.turns) <= MOST_TURNS


def test_fraktaler_3_has_no_later_loops():
    scene = Scene("formula", View.parse("0.25", "-0.5", "1e-9", "64x36"), 77, {"formula": LATER})
    with pytest.raises(InputError, match="all formulas come again, so a scene whose formulas have 'loop:' cannot be"):
        writing.f3_toml(scene)
