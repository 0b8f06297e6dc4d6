"""Differences whose reference is far out, in NumPy: the pixel may be anywhere."""

import numpy as np
import pytest
from helpers.far_references import FUNCTIONS, pairs, worst

from deepzoom.arithmetic.conditions import positive, select
from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.exact import Exact

IN_NUMPY = {
    "softplus": lambda z: np.logaddexp(0.0, z),
    "sigmoid": lambda z: (1.0 + np.tanh(z * 0.5)) * 0.5,
    "relu": lambda z: np.maximum(z, 0.0),
    "sign": lambda z: select(positive(z), 1.0, select(positive(-z), -1.0, 0.0)),
    "square": lambda z: z * z,
    "inverse": lambda z: 1.0 / z,
}


@pytest.mark.parametrize("exponent", [0, -1500])
@pytest.mark.parametrize("exact", [True, False], ids=["exact-reference", "float64-reference"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_pixels_cross_over(name, exact, exponent):
    if name == "sign" and exponent:
        return  # a jump is too large for such units
    z, a = pairs(name, exponent)
    reference = Exact.of(z, 1200 if z.min() > 0 else 120) if exact else z
    x = Delta(reference, Batch(a[None], exponent))
    got = IN_NUMPY.get(name, getattr(np, name, None))(x).difference.data[0]
    error, where = worst(name, got, exponent)
    assert error <= 1, (error, where)
