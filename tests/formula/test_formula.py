"""Generated code of formulas agrees with mpmath and with published closed forms."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from formula_values import condition, made, narrow, points, true_value, wide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deepzoom.backends.kernels.escape_time import error_bound
from deepzoom.errors import InputError
from deepzoom.formula import differences, rounding, source
from deepzoom.formula.expression import parse

mp = mpmath.mp


FORMULAS = [
    "z**2 + c",
    "z**5 + c",
    "fold(z)**2 + c",
    "fold(z**2) + c",
    "conj(z)**3 + c/2",
    "re(z)**2 - im(z)*abs(im(z)) + 2*i*re(z)*im(z) + c",
    "((z**2 + c - 1)/(2*z + c - 2))**2",
    "z**3 + c/z",
    "c*sin(z)",
    "exp(z*c) - 0.5*i",
    "cos(z) + abs(z)*c",
]
"""Formulas that use every operation at least once."""


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("scale", ["1e-2", "1e-30", "1e-200"])
def test_differences_against_mpmath(text, scale):
    """To 1e-13 of the step's condition. At large scales this includes the second derivative's part."""
    difference, s = made(differences.difference, parse(text)), float(scale)
    with mpmath.workdps(450):
        for Z, C, z, c in points(len(text)):
            got = difference(Z.real, Z.imag, C.real, C.imag, z.real, z.imag, c.real, c.imag, s)
            small = mpmath.mpf(s)
            true = (true_value(text, Z + small * mpmath.mpc(z), C + small * mpmath.mpc(c)) - true_value(text, Z, C)) / s
            bound = condition(text, Z, C, z, c) + abs(true)
            assert abs(mpmath.mpc(*got) - true) <= 1e-13 * bound, (Z, C, z, c)


CANCELLING = [
    "z**3 - 3*z + c",
    "z**2 - 2*z + c",
    "z - (z**3 - 1)/(3*z**2) + c",
    "(z**2 + 1e6*z) - 1e6*z + c",
    "sin(z) - z + c",
]
"""Formulas whose parts cancel: near 1 or 0 nearly all of f_z, or some parts everywhere."""


@pytest.mark.parametrize("text", [*FORMULAS, *CANCELLING])
@pytest.mark.parametrize("near", [None, 1e-3, 1e-9])
def test_rounding_stays_below_its_bound(text, near):
    """Differences and values in float64 against mpmath, at random places and near places where parts cancel."""
    f = parse(text)
    difference, stretch, lost = (made(m, f) for m in (differences.difference, source.stretch, rounding.lost))
    parts, value = made(rounding.parts, f), made(source.value, f)
    with mpmath.workdps(80):
        for k, (Z, C, z, c) in enumerate(points(len(text), 40)):
            if near is not None:
                Z = (k % 2) + near * Z
                if k % 2 == 0 and "/" in text and "c - 2" not in text:
                    continue  # a pole
            z, c = 1e-20 * z, 1e-20 * c
            here = Z.real, Z.imag, C.real, C.imag
            got = difference(*here, z.real, z.imag, c.real, c.imag, 1.0)
            moved = true_value(text, mpmath.mpc(Z) + mpmath.mpc(z), mpmath.mpc(C) + mpmath.mpc(c))
            by_z, by_c = stretch(*here)
            by_z += lost(*here)
            sizes = by_z * (abs(z.real) + abs(z.imag)) + by_c * (abs(c.real) + abs(c.imag))
            error = abs(mpmath.mpc(*got) - (moved - true_value(text, Z, C)))
            assert error <= error_bound.OF_A_STEP * sizes, (Z, C, z, c)
            error = abs(mpmath.mpc(*value(*here)) - true_value(text, Z, C))
            assert error <= error_bound.OF_THE_PARTS * parts(*here), (Z, C)


def singular(columns):
    """The largest singular value of a real 2x2 matrix, given as two complex columns."""
    (a, c), (b, d) = ((v.real, v.imag) for v in columns)
    return (mpmath.hypot(a + d, c - b) + mpmath.hypot(a - d, b + c)) / 2


def steepness(text, z, c, h):
    """The largest singular values of df/dz and of df/dc, by difference quotients over h."""
    base = true_value(text, z, c)
    by_z = [(true_value(text, z + d, c) - base) / h for d in (h, h * 1j)]
    return singular(by_z), singular([(true_value(text, z, c + d) - base) / h for d in (h, h * 1j)])


@pytest.mark.parametrize("text", [*FORMULAS, "z**3 - 3*z + c", "exp(z - 900) + c", "z**7 + 1e-90*(1e-90*z) + c"])
def test_wide_steps_against_mpmath(text):
    """Differences and slopes at 1e-500, also if one or both parts of the reference are that small."""
    f = parse(text)
    wide_step, lost = made(differences.wide_step, f), made(rounding.lost, f)
    of_slopes = 8 if rounding.cancels(f) else 1
    small = mpmath.mpf("1e-500")
    with mpmath.workdps(3600):
        for k, (Z, C, z, c) in enumerate(points(len(text) + 1, 9)):
            Z, C, z, c = mpmath.mpc(Z), mpmath.mpc(C), small * mpmath.mpc(z), small * mpmath.mpc(c)
            if k % 3 == 1 and "/" not in text and "abs(z)" not in text:
                Z = Z * small
            if k % 3 == 2:
                Z = mpmath.mpc(Z.real, Z.imag * small)
            if "abs(z)" in text and k % 3 == 2:
                continue
            numbers = [wide(v) for pair in (Z, C, z, c) for v in (pair.real, pair.imag)]
            Z, C, z, c = (mpmath.mpc(*map(narrow, numbers[i : i + 2])) for i in range(0, 8, 2))  # as rounded
            x, y, by_z, by_c = wide_step(*numbers)
            true = true_value(text, Z + z, C + c) - true_value(text, Z, C)
            error = abs(mpmath.mpc(narrow(x), narrow(y)) - true)
            slopes = steepness(text, Z + z, C + c, small**2)
            relative = max(
                of_slopes * slopes[0], slopes[0] + lost(*(float(v) for v in (Z.real, Z.imag, C.real, C.imag)))
            )
            bound = relative * (abs(z.real) + abs(z.imag)) + slopes[1] * (abs(c.real) + abs(c.imag))
            assert error <= error_bound.OF_A_STEP * bound, (k, Z, z)
            assert abs(narrow(by_z) - slopes[0]) <= 1e-9 * slopes[0] + 1e-14 * (relative > 6 * slopes[0])
            assert abs(narrow(by_c) - slopes[1]) <= 1e-9 * (1 + slopes[1])


@pytest.mark.parametrize("text", FORMULAS)
def test_tangents_against_mpmath(text):
    tangent = made(source.tangent, parse(text))
    with mpmath.workdps(120):
        h = mpmath.mpf(10) ** -50
        for Z, C, _, _ in points(len(text) + 2):
            got = np.array(tangent(Z.real, Z.imag, C.real, C.imag)).reshape(2, 2, 2)
            base = true_value(text, Z, C)
            for which, (dz, dc) in enumerate(((1, 0), (0, 1))):
                for column, d in enumerate((h, h * mpmath.mpc(0, 1))):
                    slope = (true_value(text, Z + d * dz, C + d * dc) - base) / h
                    wanted = np.array([float(slope.real), float(slope.imag)])
                    assert np.allclose(got[which, :, column], wanted, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_linear_step_drops_no_more_than_its_bound(text):
    """|f(Z + z, C + c) - f - A z - B c| <= k0 |z|^2 + k1 |z| |c| + k2 |c|^2, up to the distance of the fold."""
    f = parse(text)
    curvature, room = made(source.curvature, f), made(source.fold_distance, f)
    with mpmath.workdps(120):
        for Z, C, z, c in points(len(text) + 3, 30):
            z, c = mpmath.mpc(z) * mpmath.mpf(10) ** -9, mpmath.mpc(c) * mpmath.mpf(10) ** -9
            point = Z.real, Z.imag, C.real, C.imag
            if room(*point, float(abs(c))) < abs(z):
                continue
            with mpmath.workdps(60):
                h = mpmath.mpf(10) ** -30
                base = true_value(text, Z, C)
                exact = [
                    (true_value(text, Z + d * dz, C + d * dc) - base) / h
                    for dz, dc in ((1, 0), (0, 1))
                    for d in (h, h * mpmath.mpc(0, 1))
                ]
            linear = exact[0] * z.real + exact[1] * z.imag + exact[2] * c.real + exact[3] * c.imag
            left = abs(true_value(text, Z + z, C + c) - base - linear)
            k = curvature(*point)
            assert left <= 1.001 * (k[0] * abs(z) ** 2 + k[1] * abs(z) * abs(c) + k[2] * abs(c) ** 2) + 1e-26


def closed(name, Z, C, z, c):
    """Published differences: 2Zz + z^2 + c, diffabs of the Burning Ship, quotients of Magnet I and Newton's cubic."""
    if name == "z**2 + c":
        return 2 * Z * z + z * z + c
    if name == "fold(z)**2 + c":
        X, Y, x, y = Z.real, Z.imag, z.real, z.imag

        def diffabs(A, a):
            if A >= 0:
                return a if A + a >= 0 else -(2 * A + a)
            return 2 * A + a if A + a > 0 else -a

        return complex((2 * X + x) * x - (2 * Y + y) * y + c.real, 2 * diffabs(X * Y, X * y + x * Y + x * y) + c.imag)
    if name == "((z**2 + c - 1)/(2*z + c - 2))**2":
        N, D = Z * Z + C - 1, 2 * Z + C - 2
        n, d = (2 * Z + z) * z + c, 2 * z + c
        q = (n * D - N * d) / (D * (D + d))
        return (2 * N / D + q) * q
    power = Z**4 - Z
    upper, lower = (2 * Z + z) * z * Z**2, 1.5 * ((2 * Z + z) * z * Z**2 + Z**4)
    return z * (upper + power - z / 2) / lower


@pytest.mark.parametrize(
    "text", ["z**2 + c", "fold(z)**2 + c", "((z**2 + c - 1)/(2*z + c - 2))**2", "z - (z**3 - 1)/(3*z**2)"]
)
def test_derived_equals_published(text):
    """To 1e-13 of the step's condition, signs and folds included."""
    difference = made(differences.difference, parse(text))
    for Z, C, z, c in points(7, 200):
        for s in (1e-3, 1e-12):
            z1, c1 = z * s, c * s
            got = complex(*difference(Z.real, Z.imag, C.real, C.imag, z.real, z.imag, c.real, c.imag, s)) * s
            with mpmath.workdps(60):
                size = float(condition(text, Z, C, z1, c1))
                # quotients lose as many digits as their terms cancel
                lost = 1 + (abs(Z) + abs(1 / Z) ** 2 if "/" in text else 0)
            assert abs(got - closed(text, Z, C, z1, c1)) <= 1e-13 * (size * lost + abs(got))


EXPRESSIONS = st.recursive(
    st.sampled_from(["z", "c", "i", "2", "0.75", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, st.integers(2, 3)).map(lambda t: f"({t[0]})**{t[1]}"),
        st.tuples(st.sampled_from(["sin", "cos", "conj", "fold"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]} / (3 + {t[1]}))"),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(EXPRESSIONS, st.integers(0, 10**6))
def test_any_formula_at_1e_30(text, seed):
    """Random formulas: values and differences at 1e-30 against mpmath."""
    try:
        f = parse(text)
    except InputError:  # it divides by zero everywhere
        return
    difference, s = made(differences.difference, f), 1e-30
    with mpmath.workdps(140):
        for Z, C, z, c in points(seed, 2):
            try:
                true = (true_value(text, Z + s * mpmath.mpc(z), C + s * mpmath.mpc(c)) - true_value(text, Z, C)) / s
                size = condition(text, Z, C, z, c)
                got = difference(Z.real, Z.imag, C.real, C.imag, z.real, z.imag, c.real, c.imag, s)
            except (ZeroDivisionError, OverflowError):
                continue
            if not max(abs(true), size) < 1e8:
                continue
            inner = 1 + max(abs(true_value(text, Z, C)), 1) ** 2
            assert abs(mpmath.mpc(*got) - true) <= 1e-10 * inner * (1 + size), (text, Z, C)
