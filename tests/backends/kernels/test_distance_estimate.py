"""Distances to the set's border against differences of exact orbits, and the option that asks for them."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import escape_oracle
import gmpy2
import numpy as np
import pytest
from small_network import quiet
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.backends.escape_time.float64 import Float64Job
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.cli import app
from deepzoom.landmarks import get
from deepzoom.rendering.field import Field
from deepzoom.scene.view import View


def last_iterate(name, settings, x, y, n, bits):
    """(log|z_k|, k, angle of z_k in turns), where k is n, or the first with |z_k| beyond 1e10 if n is None."""
    map_, _ = escape_oracle.step(name, settings)
    (x, y), (a, b), _ = escape_oracle.start(name, settings, x, y, bits)
    far, k = gmpy2.mpz(10**20) << 2 * bits, 0
    while x * x + y * y <= far if n is None else k < n:
        x, y = map_(x, y, a, b, bits)
        k += 1
    with gmpy2.context(precision=bits):
        angle = gmpy2.atan2(gmpy2.mpfr(y), gmpy2.mpfr(x)) / (2 * gmpy2.const_pi())
        return gmpy2.log(gmpy2.mpfr(x * x + y * y)) / 2 - bits * gmpy2.log(gmpy2.mpfr(2)), k, float(angle)


def log_distance(x, y, n, bits):
    """The log of z_n minus the nearest root of z**3 - 1, by Newton's method from z_0 = x + iy: a complex number."""
    with gmpy2.context(precision=bits):
        x, y = (gmpy2.mpfr(gmpy2.mpq(v.numerator, v.denominator)) for v in (x, y))
        z = gmpy2.mpc(x, y)
        for _ in range(n):
            z = z - (z * z * z - 1) / (3 * z * z)
        turn = gmpy2.exp(gmpy2.mpc(0, 2 * gmpy2.const_pi() / 3))
        return gmpy2.log(min((z - root for root in (gmpy2.mpc(1), turn, turn * turn)), key=abs))


def gradient(of, x, y, h, bits):
    """(length, angle in turns) of the gradient of ``of`` at (x, y), by central differences."""
    with gmpy2.context(precision=bits):
        scale = gmpy2.mpfr(gmpy2.mpq(h.numerator, h.denominator)) * 2
        across, up = (of(x + h, y) - of(x - h, y)) / scale, (of(x, y + h) - of(x, y - h)) / scale
        return gmpy2.hypot(across, up), float(gmpy2.atan2(up, across) / (2 * gmpy2.const_pi()))


def assert_same_turns(found, expected, within):
    """Angles in turns; the first must be from 0 to 1."""
    assert 0 <= found <= 1
    assert abs((found - expected + 0.5) % 1 - 0.5) < within


def place_of(view, pixel):
    """The exact x and y of a pixel, and its size."""
    row, column = divmod(pixel, view.width)
    numbers = *view.at(column, row), view.depth / view.height
    return [Fraction(int(v.numerator), int(v.denominator)) for v in numbers]


CASES = [
    ("mandelbrot", {}), ("mandelbrot", {"power": "3"}), ("julia", {"cx": "-0.8", "cy": "0.156"}), ("burning-ship", {}),
    ("celtic", {}), ("tricorn", {}),
]  # fmt: skip
EACH_TIME = ("mandelbrot", "julia", "burning-ship")
"""Maps of these in every test run: differentiable ones, by c and by z_0, and one that is not. Each has own kernels."""
PARAMETERS = [
    pytest.param(
        n, s, id=n + s.get("power", ""), marks=[] if n in EACH_TIME and not s.get("power") else pytest.mark.slow
    )
    for n, s in CASES
]


@pytest.mark.parametrize(("name", "settings"), PARAMETERS)
@pytest.mark.parametrize("depth", ["1e-3", "1e-13", "1e-40"])
def test_the_tangent_gives_the_gradient_of_the_escape(own_cache, name, settings, depth):
    """d = |z| log|z| / |grad |z|| = log|z| / |grad log|z||, in pixels."""
    place = get(f"{name}-deep" if name in ("mandelbrot", "julia") else f"{name}-e100")
    view = View.parse(place.x, place.y, depth, (32, 32))
    job = PerturbationJob(systems.create(name, settings, place.steps), view, None, quiet, quiet, True)
    out = job.run(np.arange(1024))
    escaped = np.flatnonzero((out.fate == 1) & (out.trust == 1) & (out.distance != -1))
    assert np.all(out.distance[out.fate == 0] == -1) and np.mean(out.distance[out.fate == 1] >= 0) > 0.9
    bits = 500 + int(3.33 * float(depth.split("e-")[1]))
    some = np.random.default_rng(3).permutation(escaped)[:12].tolist()
    for k in some:
        x, y, pixel = place_of(view, k)
        size, n, angle = last_iterate(name, settings, x, y, None, bits)

        def of(u, v, n=n):
            return last_iterate(name, settings, u, v, n, bits)[0]

        steep, outward = gradient(of, x, y, Fraction(1, 2 ** (bits // 2)), bits)
        assert out.distance[k] == pytest.approx(float(size / steep / gmpy2.mpq(pixel)), rel=1e-6)
        assert_same_turns(out.direction[k], outward, 1e-6)
        assert_same_turns(out.phase[k], angle, 1e-6)
    assert len(some) >= 6


@pytest.mark.parametrize("depth", ["1e-3", "1e-30"])
def test_the_tangent_near_an_attractor(own_cache, depth):
    place = get("newton-deep")
    view = View.parse(place.x, place.y, depth, (32, 32))
    job = PerturbationJob(systems.create("newton", {}, 1000), view, None, quiet, quiet, True)
    out = job.first(np.arange(1024))
    for k in np.random.default_rng(3).choice(np.flatnonzero(out.trust == 1), 12, replace=False).tolist():
        x, y, pixel = place_of(view, k)

        def of(u, v, n=int(out.iterations[k])):
            return log_distance(u, v, n, 900).real

        steep, outward = gradient(lambda u, v: -of(u, v), x, y, Fraction(1, 2**450), 900)
        assert out.distance[k] == pytest.approx(float(-of(x, y) / steep / gmpy2.mpq(pixel)), rel=1e-5)
        assert_same_turns(out.direction[k], outward, 1e-5)
        assert_same_turns(out.phase[k], float(log_distance(x, y, int(out.iterations[k]), 900).imag) / math.tau, 1e-5)


def test_float64_and_differences_tell_the_same(own_cache):
    view = View.parse("-0.75", "0.1", "0.05", (32, 32))
    system = systems.create("mandelbrot", {}, 500)
    plain = Float64Job(system, view, quiet, True).first(np.arange(1024))
    deep = PerturbationJob(system, view, None, quiet, quiet, True).first(np.arange(1024))
    both = (plain.trust == 1) & (deep.trust == 1)
    assert both.mean() > 0.9 and np.allclose(plain.distance[both], deep.distance[both], rtol=1e-6)
    assert Float64Job(system, view, quiet).first(np.arange(4)).distance is None


def test_a_field_holds_them_where_they_are_asked_for(own_cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view = ["render", "mandelbrot", "--size", "24x16", "--quiet"]

    def field_of(name, *args):
        result = CliRunner().invoke(app, [*view, *args, "--out", f"{name}.png", "--data", f"{name}.npz"])
        assert result.exit_code == 0, result.output
        return Field.load(Path(f"{name}.npz"))

    assert field_of("a").distance is None
    asked = field_of("b", "--distance")
    assert np.array_equal(asked.distance >= 0, asked.fate == 1)
    assert np.array_equal(field_of("c", "--colouring", "distance").distance, asked.distance)
    wrong = CliRunner().invoke(app, ["render", "tanh", "--distance"])
    assert wrong.exit_code == 2 and "--distance: tanh is not an escape-time system" in wrong.stderr
