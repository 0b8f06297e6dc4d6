"""Exact coordinates against Fractions and Decimals."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from gmpy2 import mpq
from hypothesis import given
from hypothesis import strategies as st

from deepzoom.coordinates import format_decimal, in_a_name, log2, parse_decimal, rounded, scaled_float, with_digits
from deepzoom.errors import InputError

decimals = st.builds(
    lambda sign, digits, point, exponent: f"{sign}{digits[:point] or '0'}.{digits[point:] or '0'}e{exponent}",
    st.sampled_from(["", "-", "+"]),
    st.text("0123456789", min_size=1, max_size=60),
    st.integers(0, 60),
    st.integers(-400, 400),
)


@given(decimals)
def test_parsing_is_exact(text):
    assert Fraction(str(parse_decimal(text, "x"))) == Fraction(text)


@given(decimals)
def test_formatting_is_the_inverse_of_parsing(text):
    value = parse_decimal(text, "x")
    assert parse_decimal(format_decimal(value), "x") == value


def test_ten_thousand_digits():
    text = "-1." + "0123456789" * 1000
    value = parse_decimal(text, "--center x")
    assert format_decimal(value) == text.rstrip("0")
    assert parse_decimal("3e-20000", "--depth") == mpq(3) / mpq(10) ** 20000


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "1,5", "1.5.2", "0x10", "1e", "--1", "1_000", "٣"])
def test_what_is_no_decimal_number_is_refused(text):
    with pytest.raises(InputError, match=r"--center x: .* is not a decimal number such as -1.25 or 3e-20"):
        parse_decimal(text, "--center x")


@pytest.mark.parametrize("text", ["1e9999999999", "1e-9999999999", "1e" + "9" * 5000])
def test_an_exponent_of_many_digits_is_refused_as_too_large(text):
    with pytest.raises(InputError, match="is beyond 1,000,000 decimals"):
        parse_decimal(text, "--depth")


def test_an_exponent_that_no_memory_holds_is_refused():
    with pytest.raises(InputError, match="beyond 1,000,000 decimals"):
        parse_decimal("1e-999999999", "--depth")


@given(st.integers(-(10**30), 10**30), st.integers(-2000, 2000))
def test_scaled_float_is_the_nearest(numerator, power):
    value = mpq(numerator) * mpq(2) ** power / 3
    mantissa, exponent = scaled_float(value)
    assert numerator == 0 or 0.5 <= abs(mantissa) < 1
    error = abs(mpq(mantissa) * mpq(2) ** exponent - value)
    assert error <= abs(value) * mpq(2) ** -53


@given(st.fractions(min_value=Fraction(1, 10**40), max_value=10**40))
def test_log2(value):
    with localcontext() as context:
        context.prec = 60
        true = (Decimal(value.numerator) / Decimal(value.denominator)).ln() / Decimal(2).ln()
    assert log2(mpq(value)) == pytest.approx(float(true), abs=1e-12)


@given(st.fractions(min_value=-100, max_value=100), st.integers(-60, 3))
def test_rounded_is_near_and_short(value, power):
    to = Fraction(3) * Fraction(10) ** power
    got = Fraction(str(rounded(mpq(value), mpq(to))))
    assert abs(got - value) <= to / 2
    assert (got * Fraction(10) ** -power).denominator == 1


@given(st.decimals(allow_nan=False, allow_infinity=False, places=25, min_value=-50, max_value=50), st.integers(1, 20))
def test_with_digits_rounds(value, digits):
    text = with_digits(mpq(Fraction(value)), digits)
    assert abs(Decimal(text) - value) <= Decimal(10) ** (Decimal(text).adjusted() - digits + 1) / 2 * Decimal("1.0001")
    assert len(text.split("e")[0].replace("-", "").replace(".", "")) == digits


@pytest.mark.parametrize(
    ("depth", "name"),
    [("2.6", "2.6"), ("3", "3"), ("99.94", "99.9"), ("0.05", "0.05"), ("250", "2e+02"), ("1e-3", "1e-03"),
     ("1.2345e-20", "1e-20"), ("9.96e-3000", "1e-2999")],
)  # fmt: skip
def test_depths_in_names_of_files(depth, name):
    assert in_a_name(parse_decimal(depth, "--depth")) == name
