"""Every operation element by element, in a generated kernel: the reference is far out, the pixel anywhere."""

import mpmath as mp
import numpy as np
import pytest
from helpers import far_references
from helpers.far_references import ANYWHERE, FUNCTIONS, TARGETS, pairs, worst
from helpers.graph_oracle import OracleRun

from deepzoom import Training
from deepzoom.backends.kernels.traced.module import kernels_of
from deepzoom.tracing.array import made
from deepzoom.tracing.delta_step import delta_step
from deepzoom.tracing.functions import gelu, relu, sigmoid, silu, softplus
from deepzoom.tracing.graph import ELEMENTWISE, ordered

OF_DIFFERENCES = {
    "exp_difference", "log_difference", "tanh_difference", "softplus_difference", "tanh_scaled", "slope_scaled", "copy",
    "tanh_side", "rounded_exp",
}  # fmt: skip
"""Operations that no step has."""


def _argument(z):
    return mp.mpf(np.sqrt(2 / np.pi)) * (z + mp.mpf(0.044715) * z**3)


def _quotient(z):
    return (3 - z) / (z * z + 1)


# name: function; the terms of the difference that the kernel adds, and what the rounding of tanh's argument does
MORE = {
    "silu": (
        lambda z: z / (1 + mp.exp(-z)),
        lambda z, a, true: abs(z) + abs(z + a) + abs(z + a) * mp.sech((z + a) / 2) ** 2 * abs(a),
        (ANYWHERE, TARGETS),
    ),
    "gelu": (
        lambda z: z * (1 + mp.tanh(_argument(z))) / 2,
        lambda z, a, true: abs(z) + abs(z + a) + abs(z + a) * mp.sech(_argument(z + a)) ** 2 * abs(_argument(z)),
        (ANYWHERE, TARGETS),
    ),
    "tanh_slope": (
        lambda z: mp.sech(z) ** 2,
        lambda z, a, true: abs(true) + abs(mp.tanh(z + a) - mp.tanh(z)) + abs(a) * mp.sech(z + a) ** 2,
        (ANYWHERE, TARGETS),
    ),
    "quotient": (
        _quotient,
        lambda z, a, true: (abs(a) + abs(_quotient(z)) * abs((2 * z + a) * a)) / ((z + a) ** 2 + 1),
        (ANYWHERE, TARGETS),
    ),
}
TRACED = {
    "tanh": np.tanh, "softplus": softplus, "sigmoid": sigmoid, "exp": np.exp, "sin": np.sin, "cos": np.cos,
    "abs": np.abs, "relu": relu, "sign": np.sign, "square": lambda z: z * z, "log": np.log, "sqrt": np.sqrt,
    "inverse": lambda z: 1.0 / z, "silu": silu, "gelu": gelu, "tanh_slope": lambda z: made("tanh_slope", np.tanh(z)),
    "quotient": lambda z: -(z - 3.0) / (z * z + 1.0),
}  # fmt: skip


def _step(state, hyper):
    after = {name: state[name] * hyper["a"] for name in TRACED}
    return after | {f"of_{name}": f(state[name]) * hyper["b"] for name, f in TRACED.items()}, np.sum(state["square"])


@pytest.mark.slow
def test_pixels_cross_over(monkeypatch):
    for name, case in MORE.items():
        monkeypatch.setitem(FUNCTIONS, name, case)
    start = {name: pairs(name)[0] for name in TRACED}
    start |= {f"of_{name}": np.zeros(len(start[name])) for name in TRACED}
    training = Training(step=_step, start=start, hyper={"a": 1.0, "b": 1.0}, x="a", y="b").traced({}, 1)
    assert {n.op for n in ordered(training.after)} >= set(ELEMENTWISE) - OF_DIFFERENCES
    kernels, delta = kernels_of(training), delta_step(training)
    with mp.workdps(far_references.DIGITS):
        reference = OracleRun(training, 1, 1, delta.recorded)
        begun = reference.flat().astype(np.float64)
        reference.advance()
        record = np.concatenate([np.asarray(v, dtype=object).ravel() for v in reference.noted[0]]).astype(np.float64)
    differences = np.zeros((1, begun.size))
    places = dict(zip([n.data[1] for n in training.state], training.layers, strict=True))
    for name in TRACED:
        differences[0, places[name]] = pairs(name)[1]
    kernels.module.run_delta(
        1, 0, 1, np.inf, record[None], np.array([begun, begun]), np.ones(1), np.ones((2, 4)),
        np.array([layer.stop for layer in training.layers]), kernels.numbers, differences, np.zeros((1, 2)),
        np.zeros(1, np.int64), np.zeros((1, 4)),
    )  # fmt: skip
    errors = {name: worst(name, differences[0, places[f"of_{name}"]]) for name in TRACED}
    assert not {name: found for name, found in errors.items() if not found[0] <= 1}
