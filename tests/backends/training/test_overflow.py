"""Steps whose numbers overflow float64 where the true ones go on: no settled pixel is wrong."""

from __future__ import annotations

import mpmath as mp
import numba
import numpy as np
import pytest

from deepzoom import Scene, render, systems
from deepzoom.backends.kernels.arithmetic import expansion_functions, undefined
from deepzoom.backends.kernels.arithmetic.simd import LANES, load, store
from deepzoom.scene.view import View

FILE = """
import numpy as np
import deepzoom

def signs(state, hyper):
    w, u = state["w"][0], state["w"][1]
    g = u * (w - 0.3)
    return {"w": np.stack([w - 0.02 * g / np.sqrt(g * g), u * hyper["b"]])}, (w - 0.3) ** 2

def limits(state, hyper):
    w, u = state["w"][0], state["w"][1]
    g = u * (w - 0.3)
    return {"w": np.stack([w - g * np.minimum(1, 0.02 / np.sqrt(g * g)), u * hyper["b"]])}, (w - 0.3) ** 2

def logistic(state, hyper):
    w = state["w"][0]
    p = 1 / (1 + np.exp(-w))
    return {"w": np.stack([w - hyper["b"] * (p * (1 - p) + 0.01 * w)])}, w * w

def own(step, *start):
    first = lambda hyper: {"w": np.stack([hyper["a"], *start])}
    return deepzoom.Training(step, first, {"a": 1, "b": 1}, x="a", y="log10:b", steps=STEPS)

signs, limits, logistic = own(signs, 1.0), own(limits, 1.0), own(logistic)
"""
STEPS = 40


def _signs(a, b):
    w = a
    for _ in range(STEPS):
        yield (w - mp.mpf(0.3)) ** 2
        w -= mp.mpf(0.02) * mp.sign(w - mp.mpf(0.3))


def _limits(a, b):
    w, u = a, mp.mpf(1)
    for _ in range(STEPS):
        yield (w - mp.mpf(0.3)) ** 2
        g = u * (w - mp.mpf(0.3))
        w -= g * min(1, mp.mpf(0.02) / abs(g))
        u *= b


def _logistic(a, b):
    w = a
    for _ in range(STEPS):
        yield w * w
        p = 1 / (1 + mp.exp(-w))
        w -= b * (p * (1 - p) + mp.mpf(0.01) * w)


@pytest.mark.parametrize(
    ("name", "losses", "view"),
    [
        ("signs", _signs, ("1.53", "5.9", "3", "3x3")),
        pytest.param("signs", _signs, ("1.53", "5.9", "1e-20", "2x2"), marks=pytest.mark.slow),
        pytest.param("limits", _limits, ("1.53", "5.9", "3", "3x3"), marks=pytest.mark.slow),
        pytest.param("logistic", _logistic, ("-1500", "1.5", "1", "3x3"), marks=pytest.mark.slow),
        ("logistic", _logistic, ("-1500", "1.5", "1e-20", "2x2")),
    ],
)
def test_settled_pixels_are_those_of_mpmath(own_cache, tmp_path, name, losses, view):
    """signs, limits: steps of a fixed length, whose squared gradients pass 1e308. logistic: 1 / (1 + exp(1500))."""
    file = tmp_path / "own.py"
    file.write_text(FILE.replace("STEPS", str(STEPS)))
    own = systems.load(f"{file}:{name}")
    scene = Scene(own.name, View.parse(*view), STEPS, digest=own.digest, trust="settle")
    field = render(scene).field
    assert (field.trust == 1).all()
    x, y = scene.view.points(np.arange(field.fate.size))
    with mp.workdps(60):
        for fate, measure, a, b in zip(field.fate.flat, field.measure.flat, map(mp.mpf, x), map(mp.mpf, y)):
            found = list(losses(a, 10**b))
            ratios = [loss / found[0] for loss in found]
            assert fate == (-1 if sum(ratios[-20:]) < 20 else 1)
            assert fate > 0 or abs(-measure - sum(ratios)) < 1e-9 * sum(ratios)


def _in_lanes(function, *arguments):
    @numba.njit
    def run(arguments, out):
        a, b, c = load(arguments, 0), load(arguments, LANES), load(arguments, 2 * LANES)
        store(out, 0, function(a, b, c))

    lanes = np.zeros((3, LANES))
    for lane, values in zip(lanes, arguments, strict=True):
        lane[: len(values)] = values
    out = np.zeros(LANES)
    run(lanes.ravel(), out)
    return out[: len(arguments[0])]


INF, NAN = np.inf, np.nan


def test_quotients_by_infinity_are_not_numbers():
    over = numba.njit(lambda a, b, c: undefined.divided(a, b))
    found = _in_lanes(over, (6.0, -6.0, 0.0, INF), (3.0, INF, -INF, 2.0), (0.0,) * 4)
    np.testing.assert_array_equal(found, [2.0, NAN, 0.0, INF])
    found = _in_lanes(over, (1.0, 0.0, NAN, 0.0), (NAN, NAN, 1.0, 0.0), (0.0,) * 4)
    np.testing.assert_array_equal(found, [NAN] * 4)


@pytest.mark.parametrize("kind", ["float64", "expansion"])
def test_comparisons_with_what_is_not_a_number(kind):
    if kind == "float64":
        above, which = undefined.positive, undefined.select
        compare = numba.njit(lambda a, b, c: above(a))
        choose = numba.njit(lambda a, b, c: which(a, b, c))
    else:
        above, which = expansion_functions.positive_expansion, expansion_functions.expansion_select
        compare = numba.njit(lambda a, b, c: above((a,))[0])
        choose = numba.njit(lambda a, b, c: which((a,), (b,), (c,))[0])
    for values, wanted in (((5e-324, 0.0, -INF, NAN), (1.0, 0.0, 0.0, NAN)), ((INF, -0.0), (1.0, 0.0))):
        np.testing.assert_array_equal(_in_lanes(compare, values, (0.0,), (0.0,)), wanted)
    found = _in_lanes(choose, (1.0, 0.0, NAN, 1.0), (2.0, NAN, 2.0, NAN), (3.0, 3.0, 3.0, 3.0))
    np.testing.assert_array_equal(found, [2.0, 3.0, NAN, NAN])
