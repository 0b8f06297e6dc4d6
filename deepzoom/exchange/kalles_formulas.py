"""Kalles Fraktaler's formulas by FractalType, as its manual and formula/*.xml of its source have them."""

from __future__ import annotations

from .formulas import Chain

_FOLDED = 2, 3, 4, 5
_FOLD = "store", "absx", "absy"
CHAINS: dict[int, tuple[tuple[int, ...], tuple[int | str, ...]]] = {
    0: (tuple(range(2, 31)), ("power",)),
    1: (_FOLDED, ("absx", "absy", "power")),
    2: (_FOLDED, ("power", "absx", "absy")),
    3: (_FOLDED, ("power", "absx")),
    4: (_FOLDED, ("negy", "power")),
    5: ((2,), ("negy", "power", "absx")),
    6: ((2,), ("absx", "negy", "power")),
    7: ((2,), ("absy", "negy", "power")),
    8: ((2,), ("absx", "negy", "power", "absx")),
    9: ((2,), ("absy", "negy", "power", "absx")),
    10: ((3,), ("absx", "power", "absy", "negy")),
    11: ((3,), ("absx", "power")),
    12: ((3,), ("absy", "power")),
    13: ((3,), ("power", "absy")),
    15: ((4,), ("absy", "power")),
    16: ((4,), ("absx", "power")),
    17: ((4,), ("absx", "negy", "power")),
    18: ((4,), ("absy", "power", "absx")),
    19: ((4,), ("absx", "power", "absx")),
    20: ((4,), ("absx", "negy", "power", "absx")),
    21: ((4,), ("power", "absy")),
    22: ((4,), ("negy", "power", "absx")),
    27: ((5,), ("absx", "power")),
    28: ((5,), ("absx", "negy", "power")),
    29: ((5,), ("negy", "power", "absx")),
    30: ((5,), ("absx", "power", "absy", "negy")),
    33: ((4,), (*_FOLD, "mul", 2)),
    40: ((6,), (*_FOLD, "mul", 3)),
    51: ((4,), (2, *_FOLD, "mul")),
    54: ((2,), (*_FOLD, "mul")),
    55: ((3,), (*_FOLD, 2, "mul")),
    56: ((3,), (*_FOLD, "mul", "mul")),
    57: ((4,), (*_FOLD, 3, "mul")),
    58: ((4,), (*_FOLD, "mul", 2)),
    59: ((4,), (*_FOLD, "mul", "mul", "mul")),
    60: ((5,), (*_FOLD, 4, "mul")),
    61: ((5,), (*_FOLD, 3, "mul", "mul")),
    62: ((5,), (*_FOLD, 2, "mul", "mul", "mul")),
    63: ((5,), (*_FOLD, "mul", "mul", "mul", "mul")),
    64: ((6,), (*_FOLD, 5, "mul")),
    65: ((6,), (*_FOLD, 4, "mul", "mul")),
    66: ((6,), (*_FOLD, "mul", 3)),
    67: ((6,), (*_FOLD, 2, "mul", "mul", "mul", "mul")),
    68: ((6,), (*_FOLD, "mul", "mul", "mul", "mul", "mul")),
}
"""The powers of a type and its chain (``formulas``), where "power" stands for the power."""

_FIFTH = "abs(re(z))*(re(z)**4 - 10*re(z)**2*im(z)**2 + 5*im(z)**4)"
_FIFTH_IMAG = "im(z)*abs(5*re(z)**4 - 10*re(z)**2*im(z)**2 + im(z)**4)"
TEXTS = {
    14: "abs(re(z))*(re(z)**2 - 3*im(z)**2) - i*im(z)*abs(3*re(z)**2 - im(z)**2) + c",
    23: "re(z**4) - 4*i*re(z)*im(z)*abs(re(z**2)) + c",
    24: "re(z**4) + 4*i*re(z)*im(z)*abs(re(z**2)) + c",
    25: "abs(re(z**4)) - 4*i*re(z)*im(z)*abs(re(z**2)) + c",
    26: "abs(re(z**4)) + 4*i*re(z)*im(z)*abs(re(z**2)) + c",
    31: f"{_FIFTH} - i*{_FIFTH_IMAG} + c",
    32: f"{_FIFTH} + i*{_FIFTH_IMAG} + c",
    34: "re(z**4) + 4*i*re(z)*abs(im(z)*re(z**2)) + c",
    35: "re(z**4) - 4*i*im(z)*abs(re(z)*re(z**2)) + c",
    36: "re(z**4) + 4*i*im(z)*abs(re(z)*re(z**2)) + c",
    37: "abs(re(z**4)) + 4*i*re(z)*abs(im(z)*re(z**2)) + c",
    38: "abs(re(z**4)) - 4*i*im(z)*abs(re(z)*re(z**2)) + c",
    39: "abs(re(z**4)) + 4*i*im(z)*abs(re(z)*re(z**2)) + c",
    41: "re(z**2) - abs(re(z)) + i*(abs(im(z**2)) - abs(im(z))) + c",
    42: "{a}*z**2 + z**3 + c",
    43: "{a}*z**2 - z**3 + c",
    44: "2*z**2 - z**3 + c",
    45: "{a}*z**2 + z**4 + c",
    46: "{a}*z**2 - z**4 + c",
    47: "{a}*z**2 + z**5 + c",
    48: "{a}*z**2 - z**5 + c",
    49: "{a}*z**2 + z**6 + c",
    50: "{a}*z**2 - z**6 + c",
}
"""Types that are no chain, as texts of the system ``formula``; {a} stands for the complex number FactorA."""


def with_power(chain: tuple[int | str, ...], power: int) -> Chain:
    """A chain of ``CHAINS`` with its power."""
    return tuple(power if c == "power" else c for c in chain)
