"""Functions that networks use and NumPy lacks, for traced arrays and, in the same way, for plain ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .array import Traced, axis_of, made
from .graph import given

_GELU = math.sqrt(2 / math.pi)


def relu(z: Any) -> Any:
    """max(z, 0); its derivative at 0 counts as 0."""
    return np.maximum(z, 0.0)


def sigmoid(z: Any) -> Any:
    """1 / (1 + exp(-z))."""
    return (1 + np.tanh(z / 2)) / 2


def softplus(z: Any) -> Any:
    """log(1 + exp(z))."""
    return made("softplus", z) if isinstance(z, Traced) else np.logaddexp(0.0, z)


def gelu(z: Any) -> Any:
    """z times the normal distribution at z, in the tanh form (Hendrycks and Gimpel, arXiv 1606.08415)."""
    return z * (1 + np.tanh(_GELU * (z + 0.044715 * (z * z * z)))) / 2


def silu(z: Any) -> Any:
    """z sigmoid(z), also called swish."""
    return z * sigmoid(z)


def _largest(z: Any, axis: int) -> Any:
    """The largest along an axis, kept; only for functions that do not depend on its value."""
    return made("shift", z, data=axis_of(z, axis)) if isinstance(z, Traced) else np.max(z, axis, keepdims=True)


def softmax(z: Any, axis: int = -1) -> Any:
    """exp(z) over its sum along an axis."""
    e = np.exp(z - _largest(z, axis))
    return e / np.sum(e, axis, keepdims=True)


def log_softmax(z: Any, axis: int = -1) -> Any:
    """log(softmax(z)), without the loss of digits."""
    apart = z - _largest(z, axis)
    return apart - np.log(np.sum(np.exp(apart), axis, keepdims=True))


def logsumexp(z: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """log(sum(exp(z))) along an axis."""
    top = _largest(z, axis)
    result = top + np.log(np.sum(np.exp(z - top), axis, keepdims=True))
    return result if keepdims else np.squeeze(result, axis)


def layer_norm(z: Any, axis: int = -1, eps: float = 1e-5) -> Any:
    """z with mean 0 and variance 1 along an axis (Ba et al., arXiv 1607.06450), without gain and bias."""
    apart = z - np.mean(z, axis, keepdims=True)
    return apart / np.sqrt(np.mean(apart * apart, axis, keepdims=True) + eps)


def sign(z: Any) -> Any:
    """-1, 0 or 1. Its derivative is 0."""
    return np.sign(z)


def stop_gradient(z: Any) -> Any:
    """z, whose derivative counts as 0."""
    return Traced(given("stopped", z.node, z.shape)) if isinstance(z, Traced) else z
