"""Periods, nuclei and sizes against roots of the defining polynomials and separate iterations in mpmath."""

from __future__ import annotations

import contextlib
import json
import math
import shlex
from pathlib import Path

import mpmath
import numpy as np
import pytest
from gmpy2 import mpq
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


def own_slopes(c, power, period):
    """(dz_p/dc, dz_p/dz_1), by central differences."""
    h = mpmath.mpf(10) ** -20

    def last(c, moved=0):
        z = c + moved
        for _ in range(period - 1):
            z = z**power + c
        return z

    return (last(c + h) - last(c - h)) / (2 * h), (last(c, h) - last(c, -h)) / (2 * h)


def own_size(c, power, period):
    """The size 1 / (|dz_p/dc| |dz_p/dz_1|**(1/(d-1)))."""
    by_c, along = own_slopes(c, power, period)
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
    assert list(facts) == ["system", "period", "x", "y", "size", "turn", "depth", "command", "film"]
    printed = run("nucleus", "--at", "mandelbrot-deep").stdout.splitlines()
    assert printed[-2:] == [f"command  {facts['command']}", f"film     {facts['film']}"]
    words = shlex.split(facts["film"])[1:]
    assert words[0] == "zoom" and words[words.index("--steps") + 1] == "auto"
    dry = run(*words, "--dry-run", "--json")
    assert dry.exit_code == 0 and json.loads(dry.stdout)["frames"] == 900
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
        (["mandelbrot", "--size", "-1"], "--size: -1 is not above zero"),
    ):
        result = run("nucleus", *given)
        assert result.exit_code == 2 and message in result.stderr and result.stderr.count("\n") == 1


def cusps(c, power, period):
    """Cusps of the component around a nucleus: c for which some z beside 0 has z_p = z, with slope 1."""

    def equations(z, c):
        w, slope = z, 1
        for _ in range(period):
            w, slope = w**power + c, slope * power * w ** (power - 1)
        return w - z, slope - 1

    size, scale = own_size(c, power, period), abs(own_slopes(c, power, period)[1]) ** (-mpmath.mpf(1) / (power - 1))
    found = []
    for k in range(12):  # in the main set, z is 1/2 and c is 1/4
        turn = mpmath.expjpi(mpmath.mpf(k) / 6)
        with contextlib.suppress(ValueError, ZeroDivisionError):
            at = mpmath.findroot(equations, (turn * scale / 2, c + turn * size / 4), tol=1e-30, maxsteps=40)[1]
            if abs(at - c) < size:
                found.append(at)
    return found


@pytest.mark.parametrize(
    ("power", "x", "y", "period"),
    [
        (2, "-0.15652", "1.03225", 4),
        (2, "-1.25637", "0.38032", 5),
        (2, "-1.769", "0.0563", 7),
        (3, "0.2487", "1.1075", 9),
    ],
)
def test_the_turn_of_a_minibrot_is_the_direction_of_its_cusp(power, x, y, period):
    """The cusps of the whole set lie on the positive real axis, or turned against it by parts of a turn."""
    n = found("mandelbrot", x, y, "0.02", {"power": str(power)})
    assert n.period == period
    with mpmath.workdps(60):
        near = as_mpc(n)
        c = mpmath.findroot(lambda c: orbit(c, power, period)[-1], (near, near + float(n.size) / 1e9))
        angles = [float(mpmath.degrees(mpmath.arg(at - c))) for at in cusps(c, power, period)]
    assert angles and all(abs(math.remainder(a - n.turn, 360 / (power - 1))) < 3 for a in angles), (angles, n.turn)


def test_only_complex_differentiable_maps_have_a_turn():
    assert found("burning-ship", "-1.755", "0.001", "0.05").turn is None
    assert found("mandelbrot", "-1.75", "0", "0.1").turn == 0


def test_a_minibrot_of_at_most_a_size():
    view = View.parse("-1.75", "0", "0.1", "256x256")
    system = systems.create("mandelbrot")
    n = nucleus.find(system, view, 100, mpq("0.001"))
    assert n.period > 3 and n.size <= mpq("0.001")
    with mpmath.workdps(60):
        c = mpmath.findroot(lambda c: orbit(c, 2, n.period)[-1], as_mpc(n))
        assert float(n.size) == pytest.approx(float(own_size(c, 2, n.period)), rel=1e-5)
