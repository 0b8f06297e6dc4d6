"""Functions written as LLVM code give what Python gives, and what Numba's own compiler gives, bit for bit."""

import builtins

import numba
import numpy as np
import pytest

from deepzoom.backends.kernels.arithmetic.simd import LANES, load, maximum, splat, spread, store
from deepzoom.backends.kernels.arithmetic.simd_llvm import vector
from deepzoom.backends.kernels.arithmetic.tanh import tanh_and_slope
from deepzoom.compiling.jit import direct_inner, inner, late_inner

COUNT = np.int64(7)


def rows_of(lanes, numbers, kind):
    for row in range(0, 7, 3):
        rows = min(3, COUNT - row)
        for i in range(rows):
            total = splat(-0.0)
            for k in range(1, 4):
                v0 = load(lanes, LANES * (i + row + 2 * k - 1))
                total = total + v0 * spread(numbers, k - 1)
            store(lanes, LANES * (i + row + 20), -(total - 0.5) / v0)


def whole(lanes, numbers, kind):
    rows_of(lanes, numbers, kind)
    both = tanh_and_slope(load(lanes, LANES * 22))
    store(lanes, LANES * len(kind), both[1])
    best = maximum(both[0], splat(0.25))
    return best * 2.0


def in_python(lanes, numbers):
    """The same with NumPy; lanes (places, LANES) in place."""
    for i in range(7):
        total = sum(lanes[i + 2 * k - 1] * numbers[k - 1] for k in (1, 2, 3))
        lanes[i + 20] = (0.5 - total) / lanes[i + 5]
    last = np.tanh(lanes[22] * np.log(2) / 2)  # kernels take arguments times 2 / log 2
    lanes[2] = 1 - last**2
    return 2 * np.maximum(last, 0.25)


def made(decorator):
    """A kernel of ``whole``, whose functions a decorator compiles."""
    names = {**globals(), "rows_of": decorator(rows_of)}
    step = type(whole)(whole.__code__, names, "whole")
    step.__annotations__ = {"return": vector}
    step = decorator(step)

    @numba.njit(error_model="numpy")
    def run(lanes, numbers, kind):
        store(lanes, lanes.size - LANES, step(lanes, numbers, kind))

    return run


def test_direct_functions_give_what_numba_gives():
    rng = np.random.default_rng(5)
    lanes, numbers = rng.normal(size=(40, int(LANES))), rng.normal(size=3)
    found = []
    for decorator in (direct_inner, late_inner, inner):
        given = lanes.ravel().copy()
        made(decorator)(given, numbers, (0.0, 0.0))
        found.append(given.reshape(lanes.shape))
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    lanes[-1] = in_python(lanes, numbers)
    assert np.allclose(found[0], lanes, rtol=1e-12, atol=1e-12) and np.ptp(lanes[-1]) > 0


def kernel_of(text):
    """A kernel around a function of this text, which is in no file."""
    names = {**globals()}
    exec(f"def part(lanes):\n    {text}\n", names)
    part = direct_inner(names["part"])
    return numba.njit(lambda lanes: part(lanes))


def test_without_a_file_numba_compiles():
    lanes = np.arange(2.0 * LANES)
    kernel_of("store(lanes, LANES, load(lanes, 0) * 3.0)")(lanes)
    assert np.array_equal(lanes[LANES:], 3 * lanes[:LANES])


@pytest.mark.parametrize(
    ("line", "error", "text"),
    [
        ("lanes[0] = 1.0", NotImplementedError, "lanes"),
        ("store(lanes, 0, load(lanes, 0) if 1 else splat(2.0))", NotImplementedError, "if 1"),
        ("v = 1; v = 2.0", TypeError, "v is int64, then float64"),
        ("return 2.0", TypeError, "returns float64, not none"),
        ("v = absent(lanes)", KeyError, "absent"),
    ],
)
def test_other_lines_are_refused(monkeypatch, line, error, text):
    monkeypatch.setattr("inspect.getsource", lambda function: f"def part(lanes):\n    {line}\n")
    assert not hasattr(builtins, "absent")
    with pytest.raises(error, match=text):
        kernel_of(line)(np.zeros(2 * LANES))
