"""An oracle for escape-time fractals and the Lyapunov exponent, written from the maps' formulas alone.

It shares nothing with the package: each pixel's orbit is iterated alone, with many digits at every step, and without
perturbation, float64 or shortcuts. Polynomial maps are iterated in fixed-point integers: a number is an integer
over 2**bits, and a product is rounded towards minus infinity. Rational maps are iterated in gmpy2's complex numbers,
the Lyapunov exponent in mpmath. A point is a pair (x, y), y upwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

import gmpy2
import mpmath
import numpy as np
from gmpy2 import mpc, mpq, mpz

FAR = 10**10

Exact: TypeAlias = "Fraction | mpq | str"
"""An exact coordinate: a fraction, or a decimal text."""
Point = tuple[mpz, mpz]
Map = Callable[[mpz, mpz, mpz, mpz, int], Point]
"""(x, y, a, b, bits) -> the next (x, y), with c = a + ib."""
Count = tuple[int, int, float | None]
"""(n, attractor, smooth) of a pixel."""


def _square(x: mpz, y: mpz, bits: int) -> Point:
    return (x * x - y * y) >> bits, (x * y) >> (bits - 1)


def _power(power: int) -> Map:
    def map_(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
        u, v = x, y
        for _ in range(power - 1):
            u, v = (u * x - v * y) >> bits, (u * y + v * x) >> bits
        return u + a, v + b

    return map_


def _burning_ship(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _square(abs(x), abs(y), bits)
    return u + a, v + b


def _perpendicular_burning_ship(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _square(x, abs(y), bits)
    return u + a, v + b


def _celtic(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _square(x, y, bits)
    return abs(u) + a, v + b


def _buffalo(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _square(x, y, bits)
    return abs(u) + a, abs(v) + b


def _tricorn(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    u, v = _square(x, -y, bits)
    return u + a, v + b


def _shark_fin(x: mpz, y: mpz, a: mpz, b: mpz, bits: int) -> Point:
    return ((x * x - y * abs(y)) >> bits) + a, ((x * y) >> (bits - 1)) + b


FOLDED: dict[str, Map] = {
    "burning-ship": _burning_ship,
    "perpendicular-burning-ship": _perpendicular_burning_ship,
    "celtic": _celtic,
    "buffalo": _buffalo,
    "tricorn": _tricorn,
    "shark-fin": _shark_fin,
}


def step(system: str, settings: Mapping[str, str]) -> tuple[Map, int]:
    """A system's map, and its power. Raises ValueError for a system that is not iterated in integers here."""
    if system in FOLDED:
        return FOLDED[system], 2
    if system not in ("mandelbrot", "julia"):
        raise ValueError(f"no system {system!r}")
    power = int(settings.get("power", 2))
    return _power(power), power


def fixed(number: Exact, bits: int) -> mpz:
    """An exact number in units of 2**-bits, rounded to the nearest."""
    return mpz(round(Fraction(number) * (1 << bits)))


def start(system: str, settings: Mapping[str, str], x: Exact, y: Exact, bits: int) -> tuple[Point, Point, mpz]:
    """z_0 and c of the pixel (x, y), and the squared escape radius R**2 in units of 4**-bits."""
    pixel = fixed(x, bits), fixed(y, bits)
    if system != "julia":
        return (mpz(0), mpz(0)), pixel, mpz(4) << 2 * bits
    a, b = fixed(settings["cx"], bits), fixed(settings["cy"], bits)
    return pixel, (a, b), max(mpz(4) << 2 * bits, a * a + b * b)


def iterate(
    system: str, settings: Mapping[str, str], x: Exact, y: Exact, limit: int, bits: int
) -> tuple[int, float | None]:
    """(n, smooth) of the pixel (x, y); (0, None) if it does not escape within ``limit`` iterations.

    n is the first iteration with |z_n| > R, counted from the start z_0. The orbit goes on until |z_k| > 1e10, and
    smooth = k + 1 - log(log|z_k| / log 2) / log(power). A julia pixel that starts beyond R has n = 0 and a smooth.
    """
    map_, power = step(system, settings)
    (u, v), (a, b), most = start(system, settings, x, y, bits)
    n = 0
    while u * u + v * v <= most:
        if n == limit:
            return 0, None
        u, v = map_(u, v, a, b, bits)
        n += 1
    k = n
    far = mpz(FAR) ** 2 << 2 * bits
    while u * u + v * v <= far:
        u, v = map_(u, v, a, b, bits)
        k += 1
    with mpmath.workdps(40):
        log = mpmath.log(mpmath.mpf(int(u * u + v * v))) / 2 - bits * mpmath.log(2)
        return n, float(k + 1 - mpmath.log(log / mpmath.log(2)) / mpmath.log(power))


def _complex(x: Exact, y: Exact) -> mpc:
    """x + iy in the precision of gmpy2's context."""
    numbers = (mpq(Fraction(v).numerator, Fraction(v).denominator) for v in (x, y))
    return mpc(*map(gmpy2.mpfr, numbers))


def drawn(system: str, x: Exact, y: Exact, limit: int, bits: int) -> Count:
    """(n, attractor, smooth) of a pixel of newton or a magnet, iterated in complex numbers of so many bits.

    newton is that of z**3 - 1, its roots sorted by angle. n is the first iteration that comes within 1/1000 of a root
    (of the point 1, for a magnet); attractor is the root's number, from 1. Then smooth is
    n - log(log|distance| / log(1/1000)) / log(order), the order 3 for magnet2, else 2. A magnet's orbit may instead go
    beyond 100: then attractor is 0, and smooth is that of ``iterate`` with log|z| minus log 4 (log 9 for magnet2) in
    place of log|z|. (0, 0, None) if neither happens within ``limit`` iterations.
    """
    with gmpy2.context(precision=bits):
        pixel = _complex(x, y)
        turn = gmpy2.exp(gmpy2.mpc(0, 2 * gmpy2.const_pi() / 3))
        targets = [gmpy2.mpc(1), turn, turn * turn] if system == "newton" else [gmpy2.mpc(1)]
        c, z = (0, pixel) if system == "newton" else (pixel, gmpy2.mpc(0))
        for n in range(limit + 1):
            for i, target in enumerate(targets):
                distance = abs(z - target)
                if distance < gmpy2.mpfr("1e-3"):
                    ratio = gmpy2.log(distance) / gmpy2.log(gmpy2.mpfr("1e-3"))
                    return n, i + 1, float(n - gmpy2.log(ratio) / gmpy2.log(3 if system == "magnet2" else 2))
            if system != "newton" and abs(z) > 100:
                break
            if system == "newton":
                z = z - (z * z * z - 1) / (3 * z * z)
            elif system == "magnet1":
                q = (z * z + c - 1) / (2 * z + c - 2)
                z = q * q
            else:
                k = (c - 1) * (c - 2)
                q = (z * z * z + 3 * (c - 1) * z + k) / (3 * z * z + 3 * (c - 2) * z + k + 1)
                z = q * q
        else:
            return 0, 0, None
        k = n
        while abs(z) <= FAR:
            if system == "magnet1":
                q = (z * z + c - 1) / (2 * z + c - 2)
            else:
                p = (c - 1) * (c - 2)
                q = (z * z * z + 3 * (c - 1) * z + p) / (3 * z * z + 3 * (c - 2) * z + p + 1)
            z = q * q
            k += 1
        size = gmpy2.log(abs(z)) - gmpy2.log(gmpy2.mpfr(4 if system == "magnet1" else 9))
        return n, 0, float(k + 1 - gmpy2.log(size / gmpy2.log(gmpy2.mpfr(2))) / gmpy2.log(gmpy2.mpfr(2)))


def horner(coefficients: Sequence[int], z: mpc | mpmath.mpc) -> mpc | mpmath.mpc:
    """The value at z of a polynomial, the coefficient of the highest power first."""
    value = 0 * z
    for k in coefficients:
        value = value * z + k
    return value


def slopes(coefficients: Sequence[int]) -> list[int]:
    """The coefficients of a polynomial's derivative."""
    return [k * (len(coefficients) - 1 - i) for i, k in enumerate(coefficients[:-1])]


def relaxed(
    coefficients: Sequence[int], relaxation: tuple[str, str], x: Exact, y: Exact, limit: int, bits: int
) -> Count:
    """(n, attractor, smooth) of a pixel of z - a p(z)/p'(z), where a is the relaxation and 0 < |1 - a| < 1.

    coefficients: p's, whole numbers, the highest power's first. relaxation: a's two parts, as decimal texts. n is the
    first iteration that comes within 1/1000 of a root; attractor is the root's number, from 1, in the order of growing
    angles from 0. smooth is n - log(distance / (1/1000)) / log|1 - a|, at least 0. (0, 0, None) if no iteration
    does so within ``limit``.
    """
    with mpmath.workprec(bits):
        roots = [mpmath.findroot(lambda z: horner(coefficients, z), r) for r in np.roots(coefficients)]
        roots.sort(key=lambda r: (float(mpmath.arg(r)) + 1e-12) % (2 * float(mpmath.pi)))
    with gmpy2.context(precision=bits):
        z, a = _complex(x, y), _complex(*relaxation)
        targets = [gmpy2.mpc(*(gmpy2.mpfr(mpmath.nstr(v, bits // 3)) for v in (r.real, r.imag))) for r in roots]
        near, rate = gmpy2.mpfr("1e-3"), abs(1 - a)
        for n in range(limit + 1):
            for i, target in enumerate(targets):
                if abs(z - target) < near:
                    ratio = gmpy2.log(abs(z - target) / near) / gmpy2.log(rate)
                    return n, i + 1, max(0.0, float(n - ratio))
            z = z - a * horner(coefficients, z) / horner(slopes(coefficients), z)
        return 0, 0, None


def nova(
    power: int, relaxation: tuple[str, str], x: Exact, y: Exact, limit: int, bits: int
) -> tuple[int, float | None]:
    """(n, smooth) of a pixel c of z - a (z**power - 1)/(power z**(power - 1)) + c, from z_0 = 1.

    relaxation: a's two parts, as decimal texts. n is the first iteration with s_n = |z_n - z_(n-1)| < 1e-4, and smooth
    is n - log(s_n / 1e-4) / log(s_n / s_(n-1)), or n if n is 1. (0, None) if there is none within ``limit``.
    """
    with gmpy2.context(precision=bits):
        c, a, z, still, before = _complex(x, y), _complex(*relaxation), mpc(1), gmpy2.mpfr("1e-4"), None
        for n in range(1, limit + 1):
            less = z  # products: a power takes a logarithm
            for _ in range(power - 2):
                less = less * z
            new = z - a * (less * z - 1) / (power * less) + c
            step, z = abs(new - z), new
            if step < still:
                if before is None:
                    return n, float(n)
                return n, float(n - gmpy2.log(step / still) / gmpy2.log(step / before))
            before = step
        return 0, None


def exponent(
    a: Fraction | mpq, b: Fraction | mpq, sequence: str, warmup: int, steps: int, digits: int
) -> mpmath.mpf | None:
    """The Lyapunov exponent as docs/systems.md defines it, in mpmath; None if the orbit goes to infinity."""
    with mpmath.workdps(digits):
        rates = {"A": mpmath.mpf(a.numerator) / a.denominator, "B": mpmath.mpf(b.numerator) / b.denominator}
        x, product = mpmath.mpf(1) / 2, mpmath.mpf(1)  # its logarithm is the sum of those of the slopes
        for n in range(warmup + steps + 1):
            r = rates[sequence[n % len(sequence)]]
            if n > warmup:
                product *= abs(r * (1 - 2 * x))
            x = r * x * (1 - x)
            if abs(x) > 1000:
                return None
        return mpmath.log(product) / steps if product else -mpmath.inf
