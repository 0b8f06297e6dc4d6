"""Exact coordinates: decimal numbers of any length, also far below 1e-308 (as a float64 with an exponent)."""

from __future__ import annotations

import math
import re
from typing import Any

import gmpy2
from gmpy2 import mpq

from .errors import InputError

_DECIMAL = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?", re.ASCII)
_MOST_DECIMALS = 1_000_000

Rational = Any  # gmpy2's mpq has no usable type


def parse_decimal(text: str, what: str) -> Rational:
    """The exact rational value of a decimal number such as ``-1.25e-20``; ``what`` names it in the error.

    Raises InputError if the text is not a finite decimal number.
    """
    match = _DECIMAL.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{what}: {_shortened(text)!r} is not a decimal number such as -1.25 or 3e-20.")
    sign, digits, exponent = match.groups()
    power = int(exponent or 0) if len(exponent or "") < 20 else 2 * _MOST_DECIMALS  # int() refuses thousands of digits
    if abs(power) > _MOST_DECIMALS:
        raise InputError(f"{what}: the exponent of {_shortened(text)!r} is beyond {_MOST_DECIMALS:,} decimals.")
    whole, _, fraction = digits.partition(".")
    value = mpq(gmpy2.mpz(whole + fraction or "0"))
    power -= len(fraction)
    ten = gmpy2.mpz(10) ** abs(power)
    value = value * ten if power >= 0 else value / ten
    return -value if sign == "-" else value


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:20]}...{text[-10:]}"


def format_decimal(value: Rational) -> str:
    """The exact decimal text of a rational number, whose denominator may only have the factors 2 and 5."""
    numerator, denominator = gmpy2.mpz(value.numerator), gmpy2.mpz(value.denominator)
    fives, fives_count = gmpy2.remove(denominator, gmpy2.mpz(5))
    ones, twos_count = gmpy2.remove(fives, gmpy2.mpz(2))
    if ones != 1:
        raise ValueError(f"{value} has no finite decimal expansion")
    places = max(twos_count, fives_count)
    scaled = numerator * gmpy2.mpz(10) ** places // denominator
    digits = (abs(scaled)).digits()
    sign = "-" if scaled < 0 else ""
    stripped = digits.rstrip("0")
    if not stripped:
        return "0"
    exponent = len(digits) - places - 1  # the exponent in scientific notation
    if -5 <= exponent < 16:
        digits = digits.rjust(places + 1, "0")
        whole, fraction = digits[: len(digits) - places], digits[len(digits) - places :].rstrip("0")
        return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
    tail = f".{stripped[1:]}" if len(stripped) > 1 else ""
    return f"{sign}{stripped[0]}{tail}e{exponent}"


def scaled_float(value: Rational) -> tuple[float, int]:
    """(m, e) with value = m * 2**e, m rounded to the nearest float64, 0.5 <= |m| < 1 (m = e = 0 for zero)."""
    if value == 0:
        return 0.0, 0
    e = abs(value.numerator).bit_length() - value.denominator.bit_length()
    scaled = value / mpq(2) ** e if e >= 0 else value * mpq(2) ** -e  # between 1/2 and 2
    mantissa, more = math.frexp(float(scaled))
    return mantissa, e + more


def log2(value: Rational) -> float:
    """log2 of a positive rational number of any size."""
    mantissa, exponent = scaled_float(value)
    return math.log2(mantissa) + exponent


def rounded(value: Rational, to: Rational) -> Rational:
    """A short decimal number near value: a multiple of the largest power of ten that is at most ``to`` (positive)."""
    places = math.ceil(-log2(to) * math.log10(2) + 1e-9)
    power = mpq(10) ** abs(places)
    unit = 1 / power if places >= 0 else power
    doubled = 2 * value / unit + 1
    return mpq(doubled.numerator // (2 * doubled.denominator)) * unit


def in_a_name(depth: Rational) -> str:
    """A depth as part of a file's name: 2.6, 0.05 or 1e-20."""
    return f"{float(depth):.3g}" if -3 < int(with_digits(depth, 3).split("e")[1]) < 2 else with_digits(depth, 1)


def with_digits(value: Rational, digits: int) -> str:
    """The decimal text of value, rounded to ``digits`` significant digits."""
    precision = int(digits * 3.33) + 16
    with gmpy2.context(gmpy2.get_context(), precision=precision):
        text: str = "{0:.{1}e}".format(gmpy2.mpfr(value), max(0, digits - 1))
    return text
