"""Escape-time fractals in fixed-point integers: an oracle that shares nothing with the package.

A number is an integer over 2**bits, a product is shifted back towards minus infinity, and a point is a pair (x, y) with
y upwards. Written from the maps' formulas alone: no perturbation, no float64, no early way out.
"""

from __future__ import annotations

from fractions import Fraction

import gmpy2
import mpmath
import numpy as np
from gmpy2 import mpz

FAR = 10**10


def _square(x, y, bits):
    return (x * x - y * y) >> bits, (x * y) >> (bits - 1)


def _power(power):
    def map_(x, y, a, b, bits):
        u, v = x, y
        for _ in range(power - 1):
            u, v = (u * x - v * y) >> bits, (u * y + v * x) >> bits
        return u + a, v + b

    return map_


def _burning_ship(x, y, a, b, bits):
    u, v = _square(abs(x), abs(y), bits)
    return u + a, v + b


def _perpendicular_burning_ship(x, y, a, b, bits):
    u, v = _square(x, abs(y), bits)
    return u + a, v + b


def _celtic(x, y, a, b, bits):
    u, v = _square(x, y, bits)
    return abs(u) + a, v + b


def _buffalo(x, y, a, b, bits):
    u, v = _square(x, y, bits)
    return abs(u) + a, abs(v) + b


def _tricorn(x, y, a, b, bits):
    u, v = _square(x, -y, bits)
    return u + a, v + b


def _shark_fin(x, y, a, b, bits):
    return ((x * x - y * abs(y)) >> bits) + a, ((x * y) >> (bits - 1)) + b


FOLDED = {
    "burning-ship": _burning_ship,
    "perpendicular-burning-ship": _perpendicular_burning_ship,
    "celtic": _celtic,
    "buffalo": _buffalo,
    "tricorn": _tricorn,
    "shark-fin": _shark_fin,
}


def step(system, settings):
    """The map (x, y, a, b, bits) -> (x, y) of z -> z' with c = a + ib, and its power."""
    if system in FOLDED:
        return FOLDED[system], 2
    if system not in ("mandelbrot", "julia"):
        raise ValueError(f"no system {system!r}")
    power = int(settings.get("power", 2))
    return _power(power), power


def fixed(number, bits):
    """A Fraction or a decimal string, to the nearest multiple of 2**-bits."""
    return mpz(round(Fraction(number) * (1 << bits)))


def start(system, settings, x, y, bits):
    """z_0 and c of the pixel (x, y), and R**2 over 4**bits."""
    x, y = fixed(x, bits), fixed(y, bits)
    if system != "julia":
        return (mpz(0), mpz(0)), (x, y), mpz(4) << 2 * bits
    a, b = fixed(settings["cx"], bits), fixed(settings["cy"], bits)
    return (x, y), (a, b), max(mpz(4) << 2 * bits, a * a + b * b)


def iterate(system, settings, x, y, limit, bits):
    """(n, smooth) of the pixel at x, y (Fractions or decimal strings); (0, None) where it stays within `limit`.

    n is that of the first |z_n| > R, z_0 the start. From there on until |z_k| > 1e10, and
    smooth = k + 1 - log(log|z_k| / log 2) / log(power). A julia pixel that starts beyond R has n = 0 and a smooth.
    """
    map_, power = step(system, settings)
    (x, y), (a, b), most = start(system, settings, x, y, bits)
    n = 0
    while x * x + y * y <= most:
        if n == limit:
            return 0, None
        x, y = map_(x, y, a, b, bits)
        n += 1
    k = n
    far = mpz(FAR) ** 2 << 2 * bits
    while x * x + y * y <= far:
        x, y = map_(x, y, a, b, bits)
        k += 1
    with mpmath.workdps(40):
        log = mpmath.log(mpmath.mpf(int(x * x + y * y))) / 2 - bits * mpmath.log(2)
        return n, float(k + 1 - mpmath.log(log / mpmath.log(2)) / mpmath.log(power))


def drawn(system, x, y, limit, bits):
    """(n, attractor, smooth) of a pixel of newton (z**3 - 1, roots by growing angle) or a magnet, in complex mpc.

    n: of the first iterate within 1/1000 of a root (or of 1), attractor 1, 2, ...; or beyond 100, attractor 0. smooth:
    n - log(log|distance| / log(1/1000)) / log(order), order 3 for magnet2, else 2; or as above with log|z| less log 4
    (log 9 for magnet2). (0, 0, None) where there is none.
    """
    with gmpy2.context(precision=bits):
        x, y = (gmpy2.mpq(Fraction(v).numerator, Fraction(v).denominator) for v in (x, y))
        pixel = gmpy2.mpc(gmpy2.mpfr(x), gmpy2.mpfr(y))
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


def horner(coefficients, z):
    """The polynomial's value."""
    value = 0 * z
    for k in coefficients:
        value = value * z + k
    return value


def slopes(coefficients):
    """The coefficients of a polynomial's derivative."""
    return [k * (len(coefficients) - 1 - i) for i, k in enumerate(coefficients[:-1])]


def relaxed(coefficients, relaxation, x, y, limit, bits):
    """(n, attractor, smooth) of a pixel of z - a p(z)/p'(z), a = relaxation (two decimal strings), 0 < |1 - a| < 1.

    coefficients: of p, the highest power's first, whole numbers. n: of the first iterate within 1/1000 of a root, these
    by growing angle from 0; smooth: n - log(distance / (1/1000)) / log|1 - a|, at least 0. (0, 0, None) where none is.
    """
    with mpmath.workprec(bits):
        roots = [mpmath.findroot(lambda z: horner(coefficients, z), r) for r in np.roots(coefficients)]
        roots.sort(key=lambda r: (float(mpmath.arg(r)) + 1e-12) % (2 * float(mpmath.pi)))
    with gmpy2.context(precision=bits):

        def mpc(u, v):
            numbers = (gmpy2.mpq(Fraction(w).numerator, Fraction(w).denominator) for w in (u, v))
            return gmpy2.mpc(*map(gmpy2.mpfr, numbers))

        z, a = mpc(x, y), mpc(*relaxation)
        targets = [gmpy2.mpc(*(gmpy2.mpfr(mpmath.nstr(v, bits // 3)) for v in (r.real, r.imag))) for r in roots]
        near, rate = gmpy2.mpfr("1e-3"), abs(1 - a)
        for n in range(limit + 1):
            for i, target in enumerate(targets):
                if abs(z - target) < near:
                    ratio = gmpy2.log(abs(z - target) / near) / gmpy2.log(rate)
                    return n, i + 1, max(0.0, float(n - ratio))
            z = z - a * horner(coefficients, z) / horner(slopes(coefficients), z)
        return 0, 0, None


def nova(power, relaxation, x, y, limit, bits):
    """(n, smooth) of a pixel of z - a (z**power - 1)/(power z**(power - 1)) + c, z_0 = 1, a two decimal strings.

    n: of the first z_n less than 1e-4 from z_(n-1); smooth: n - log(s_n / 1e-4) / log(s_n / s_(n-1)), s_n that
    distance, and n where it is the first. (0, None) where none is.
    """
    with gmpy2.context(precision=bits):

        def mpc(u, v):
            numbers = (gmpy2.mpq(Fraction(w).numerator, Fraction(w).denominator) for w in (u, v))
            return gmpy2.mpc(*map(gmpy2.mpfr, numbers))

        c, a, z, still, before = mpc(x, y), mpc(*relaxation), gmpy2.mpc(1), gmpy2.mpfr("1e-4"), None
        for n in range(1, limit + 1):
            new = z - a * (z**power - 1) / (power * z ** (power - 1)) + c
            step, z = abs(new - z), new
            if step < still:
                if before is None:
                    return n, float(n)
                return n, float(n - gmpy2.log(step / still) / gmpy2.log(step / before))
            before = step
        return 0, None


def exponent(a, b, sequence, warmup, steps, digits):
    """The Lyapunov exponent of docs/systems.md, in mpmath; None where the orbit leaves for infinity."""
    with mpmath.workdps(digits):
        rates = {"A": mpmath.mpf(a.numerator) / a.denominator, "B": mpmath.mpf(b.numerator) / b.denominator}
        x, total = mpmath.mpf(1) / 2, mpmath.mpf(0)
        for n in range(warmup + steps + 1):
            r = rates[sequence[n % len(sequence)]]
            if n > warmup:
                slope = abs(r * (1 - 2 * x))
                total += mpmath.log(slope) if slope else -mpmath.inf
            x = r * x * (1 - x)
            if abs(x) > 1000:
                return None
        return total / steps
