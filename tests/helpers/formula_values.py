"""Formulas in mpmath, and their generated functions as plain Python."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from deepzoom.backends import kernels
from deepzoom.formula import differences, source

PLAIN: dict[str, Any] = {
    "re": lambda v: mpmath.mpc(v.real),
    "im": lambda v: mpmath.mpc(v.imag),
    "conj": mpmath.conj,
    "fold": lambda v: mpmath.mpc(abs(v.real), abs(v.imag)),
    "abs": lambda v: mpmath.mpc(abs(v)),
    "exp": mpmath.exp,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "i": mpmath.mpc(0, 1),
}


def true_value(text: str, z: Any, c: Any) -> Any:
    """The formula's value in mpmath: Python itself evaluates its text."""
    return mpmath.mpc(eval(text, {**PLAIN, "z": mpmath.mpc(z), "c": mpmath.mpc(c)}))


def interpreted(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """The functions of a file of compiled functions, as plain Python; known: names that it takes from other files."""
    text = (Path(kernels.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    text = text.replace("from deepzoom.compiling.jit import inner", "inner = lambda f: f").replace("np.int32(", "int(")
    text = re.sub(r"from deepzoom\.backends\.kernels\S+ import .*", "", text)
    space = {**known}
    exec(text, space)
    space.update(known)
    return space


def bits_of(x: float) -> int:
    """The bits of a float64 as a whole number."""
    return int.from_bytes(struct.pack("<d", x), "little", signed=True)


def float_of(bits: int) -> float:
    """The float64 with these bits."""
    (value,) = struct.unpack("<d", int(bits).to_bytes(8, "little", signed=True))
    return value


HELPERS: dict[str, Any] = interpreted("arithmetic/exponent_bits", {"bits_of": bits_of, "float_of": float_of})
HELPERS = interpreted(
    "arithmetic/floatexp",
    HELPERS | interpreted("escape_time/scaled_functions", {}) | interpreted("arithmetic/singular_value", {}),
) | {"inf": np.inf}
HELPERS |= {"abs": abs, "np": np}
HELPERS |= {n: getattr(math, n) for n in ("sqrt", "exp", "sin", "cos")}
"""What generated code calls, as plain Python."""


def made(maker: Callable[..., str], f: Any) -> Callable[..., Any]:
    """One of the generated functions, with the numbers about folds that it takes from high precision filled in."""
    space: dict[str, Any] = dict(HELPERS)
    exec(maker(f), space)
    exec(source.kept_values(f), space)
    function, inner = space[maker.__name__], space["kept_values"]

    def kept_values(Z: Any) -> Any:
        with mpmath.workdps(1100):  # for a difference of squares, for example
            return np.array([[float(v) for v in inner(*map(mpmath.mpf, Z))]])

    def with_exponents(Z: Any) -> Any:
        """Mantissas and exponents of Z's parts and of the values kept with it."""
        with mpmath.workdps(1100):
            values = [mpmath.ldexp(mpmath.mpf(m), int(e)) for m, e in Z]
            parts = [wide(v) for v in (*values[:2], *inner(*values))]
        return np.array([[m for m, _ in parts]]), np.array([[e for _, e in parts]])

    if maker is differences.difference:
        return lambda *given: function(*given[:8], kept_values(given[:4]), 0, *given[8:])
    if maker is differences.wide_step:
        return lambda *given: function(*given, None, 0, *with_exponents(given[:4]), 0)
    if maker is source.fold_distance:
        return lambda *given: function(*given, kept_values(given[:4]), 0)
    return function


def wide(value: Any) -> tuple[float, int]:
    """An mpmath number as a pair (mantissa, exponent)."""
    mantissa, exponent = mpmath.frexp(value)
    return (float(mantissa), int(exponent)) if value else (0.0, -(1 << 40))


def narrow(pair: Any) -> Any:
    """The mpmath number of a pair (mantissa, exponent)."""
    return mpmath.ldexp(mpmath.mpf(float(pair[0])), int(pair[1]))


def points(seed: int, count: int = 12) -> Iterator[tuple[complex, ...]]:
    """Random Z, C, z and c."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        Z, C, z, c = (complex(*rng.uniform(-1.3, 1.3, 2)) for _ in range(4))
        yield Z, C, z, c


def condition(text: str, Z: Any, C: Any, z: Any, c: Any) -> Any:
    """The size of the terms that the step adds, |f_z| |z| + |f_c| |c|, by central differences."""
    h = mpmath.mpf(10) ** -40
    slopes = [
        max(abs(true_value(text, Z + d * dz, C + d * dc) - true_value(text, Z, C)) / h for d in (h, h * 1j))
        for dz, dc in ((1, 0), (0, 1))
    ]
    return slopes[0] * abs(z) + slopes[1] * abs(c)
