"""Periods, nuclei and sizes against roots of the defining polynomials and separate iterations in mpmath."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import mpmath
import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.errors import InputError
from deepzoom.reference import nucleus
from deepzoom.scene.view import View


def found(name, x, y, depth, settings=None, most=5000):
    return nucleus.find(systems.create(name, settings or {}), View.parse(x, y, depth, "256x256"), most)


def as_mpc(n):
    return mpmath.mpc(*(mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in (n.x, n.y)))


def orbit(c, power, count):
    """z_1 .. z_count of the orbit of 0."""
    z, result = mpmath.mpc(0), []
    for _ in range(count):
        z = z**power + c
        result.append(z)
    return result


def nuclei(power, period):
    """All c for which 0 has exactly this period, from the polynomial's roots."""
    p = np.polynomial.Polynomial([0])
    for _ in range(period):
        p = p**power + np.polynomial.Polynomial([0, 1])
    roots = []
    with mpmath.workdps(40):
        for r in p.roots():
            c = mpmath.findroot(lambda c: orbit(c, power, period)[-1], mpmath.mpc(r))
            if all(abs(z) > 1e-6 for z in orbit(c, power, period - 1)):
                roots.append(c)
    return roots


@pytest.mark.parametrize(
    ("power", "period", "count"), [(2, 2, 1), (2, 3, 3), (2, 4, 6), (2, 5, 15), (3, 2, 2), (3, 3, 8)]
)
def test_all_nuclei_of_low_periods(power, period, count):
    """Each is found from a view beside it. Its centre is right to 1e-19 of its size, its size to 1e-5."""
    places = nuclei(power, period)
    assert len(places) == count
    with mpmath.workdps(60):
        for c in places:
            c = mpmath.findroot(lambda c: orbit(c, power, period)[-1], c)
            near = c + mpmath.mpc("0.002", "0.001")
            n = found(
                "mandelbrot", *(mpmath.nstr(v, 20) for v in (near.real, near.imag)), "0.01", {"power": str(power)}
            )
            assert n.period == period
            size = own_size(c, power, period)
            assert float(n.size) == pytest.approx(float(size), rel=1e-5)
            assert abs(as_mpc(n) - c) < size * mpmath.mpf("1e-19")


def own_size(c, power, period):
    """The size 1 / (|dz_p/dc| |dz_p/dz_1|**(1/(d-1))), both slopes by central differences."""
    h = mpmath.mpf(10) ** -20

    def last(c, moved=0):
        z = c + moved
        for _ in range(period - 1):
            z = z**power + c
        return z

    by_c = (last(c + h) - last(c - h)) / (2 * h)
    along = (last(c, h) - last(c, -h)) / (2 * h)
    return 1 / (abs(by_c) * abs(along) ** (mpmath.mpf(1) / (power - 1)))


def test_known_values():
    """The real period-3 minibrot has its published digits and size. The size at -1 is 1/2, and the main set's is 1."""
    n = found("mandelbrot", "-1.75", "0", "0.1")
    assert (n.period, n.y) == (3, 0)
    with mpmath.workdps(40):
        real = mpmath.findroot(lambda c: c**3 + 2 * c**2 + c + 1, mpmath.mpf("-1.7548776662466927600495"))
        assert abs(as_mpc(n) - real) < mpmath.mpf("1e-20")
    assert float(n.size) == pytest.approx(0.01903, abs=1e-5)
    main, two = found("mandelbrot", "-0.75", "0", "2.6"), found("mandelbrot", "-1.02", "0.01", "0.1")
    assert (main.period, main.x, main.y, main.size) == (1, 0, 0, 1)
    assert (two.period, two.x, two.y, float(two.size)) == (2, -1, 0, 0.5)


def test_the_burning_ship_off_and_on_the_real_axis():
    """For real c the map is z**2 + c. Elsewhere the test folds the orbit of 0 itself."""
    n = found("burning-ship", "-1.755", "0.001", "0.05")
    assert (n.period, n.y) == (3, 0) and float(n.x) == pytest.approx(-1.7548776662466927, rel=1e-15)
    for place in (("-1.5", "-0.03", "0.02"), ("-0.6", "-1.03", "0.05")):
        n = found("burning-ship", *place)
        assert n is not None and n.y != 0
        with mpmath.workdps(60):
            c, z, sizes = as_mpc(n), mpmath.mpc(0), []
            for _ in range(n.period):
                z = mpmath.mpc(abs(z.real), abs(z.imag)) ** 2 + c
                sizes.append(abs(z))
            assert sizes[-1] < 1e-15 and min(sizes[:-1]) > 1e-9


@pytest.mark.parametrize("name", ["tricorn", "celtic", "buffalo", "perpendicular-burning-ship", "shark-fin"])
def test_maps_that_are_not_holomorphic(name):
    """In independent integers, the orbit of the found nucleus closes after its period, and not before."""
    import escape_oracle

    n = found(name, "-1.7", "0.01", "0.3")
    assert n is not None
    bits = 256
    a, b = (escape_oracle.fixed(f"{v.numerator}/{v.denominator}", bits) for v in (n.x, n.y))
    x = y = escape_oracle.mpz(0)
    sizes = []
    for _ in range(n.period):
        x, y = escape_oracle.FOLDED[name](x, y, a, b, bits)
        sizes.append(float(abs(x) + abs(y)) / 2.0**bits)
    assert sizes[-1] < 1e-15 and all(s > 1e-9 for s in sizes[:-1])


def test_a_deep_one():
    """A view at 1e-40 has a minibrot of about 1e-80: z_p(c) is 0 to all digits, and no earlier iterate is."""
    from deepzoom.landmarks import get

    place = get("mandelbrot-deep")
    n = found("mandelbrot", place.x, place.y, "1e-40")
    assert n.size < 1e-75
    with mpmath.workdps(260):
        c = as_mpc(n)
        assert abs(c - mpmath.mpc(place.x, place.y)) < mpmath.mpf("1e-40")
        exact = c
        for _ in range(6):  # Newton's method
            z = slope = mpmath.mpc(0)
            for _ in range(n.period):
                z, slope = z * z + exact, 2 * z * slope + 1
            exact -= z / slope
        assert abs(z / slope) < mpmath.mpf(10) ** -240
        size = own_size_deep(exact, n.period)
        assert float(n.size) == pytest.approx(float(size), rel=1e-5)
        assert abs(exact - c) < size * mpmath.mpf("1e-19")
        *before, last = map(abs, orbit(exact, 2, n.period))
        assert last < mpmath.mpf(10) ** -150 < mpmath.mpf(10) ** -50 < min(before)


def own_size_deep(c, period):
    z, along, inverse = mpmath.mpc(0), mpmath.mpc(1), mpmath.mpc(1)
    for _ in range(1, period):
        z = z * z + c
        along = 2 * z * along
        inverse += 1 / along
    return abs(1 / (inverse * along**2))


def test_no_nucleus_and_no_such_maps():
    assert found("mandelbrot", "1", "1", "0.1") is None
    assert found("mandelbrot", "-1.75", "0", "0.1", most=2) is None
    with pytest.raises(InputError, match="SYSTEM: the pixels of julia are starts z_0"):
        found("julia", "0", "0", "1")
    for name in ("magnet1", "magnet2"):
        with pytest.raises(InputError, match=f"SYSTEM: the orbits of {name} do not begin at a critical point"):
            found(name, "1", "1", "1")


def test_the_command(tmp_path, monkeypatch, own_cache):
    """The command line that it prints renders the minibrot: inside at the centre, outside at the border."""
    from deepzoom.rendering.field import Field

    monkeypatch.chdir(tmp_path)

    def run(*args):
        return CliRunner().invoke(app, list(args))

    facts = json.loads(run("nucleus", "--at", "mandelbrot-deep", "--json").stdout)
    assert list(facts) == ["system", "period", "x", "y", "size", "depth", "command"]
    assert run("nucleus", "--at", "mandelbrot-deep").stdout.splitlines()[-1] == f"command  {facts['command']}"
    assert (
        run(*shlex.split(facts["command"])[1:], "--size", "32x32", "--data", "a.npz", "--out", "a.png").exit_code == 0
    )
    field = Field.load(Path("a.npz"))
    assert (
        field.fate[16, 16] == 0
        and np.all(field.fate[[0, -1]] == 1)
        and (field.fate == 0).mean() == pytest.approx(1.5066 / 16, rel=0.1)
    )  # the Mandelbrot set's area
    none = run("nucleus", "mandelbrot", "--center", "1", "1", "--depth", "0.1")
    assert none.exit_code == 1 and none.stdout == "" and "no nucleus with a period up to 20,000" in none.stderr
    for given, message in (
        (["tanh"], "SYSTEM: tanh has no nuclei; give an escape-time system such as mandelbrot"),
        (["newton"], "SYSTEM: the pixels of newton are starts z_0"),
        (["mandelbrot", "--center", "0", "0"], "--depth: a view with --center needs a depth"),
        (["mandelbrot", "--set", "power=x"], "--set power: 'x' is not a whole number"),
        (["mandelbrot", "--steps", "0"], "--steps: 0 is not"),
    ):
        result = run("nucleus", *given)
        assert result.exit_code == 2 and message in result.stderr and result.stderr.count("\n") == 1
