"""Colourings by orbits against slow formulas, written from their definitions in docs/colouring.md alone."""

from __future__ import annotations

from dataclasses import replace

import gmpy2
import numpy as np
import pytest

from deepzoom import systems
from deepzoom.backends import select
from deepzoom.colouring import orbits
from deepzoom.colouring.colour import coloured
from deepzoom.errors import InputError
from deepzoom.rendering import orbit_values
from deepzoom.rendering.render import render
from deepzoom.scene.colours import OF_ORBITS, Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def mandelbrot(z, c, n):
    return z * z + c, 2


def ship(z, c, n):
    z = gmpy2.mpc(abs(z.real), abs(z.imag))
    return z * z + c, 2


def in_turn(z, c, n):
    return (z * z + c, 2) if n % 2 == 0 else (z * z * z + c, 3)


def values(step, x, y, limit, radius, bits):
    """(count, phase, stripe, triangle, traps of point, line and circle) of a whole orbit from 0; None without escape.

    All sums run over the iterates from the first (triangles: from the second) to z_k, the first beyond 1e10; traps to
    z_n, the first beyond the radius.
    """
    with gmpy2.context(precision=bits):
        c, z, n = gmpy2.mpc(*(gmpy2.mpfr(v) for v in (x, y))), gmpy2.mpc(0), None
        stripes, triangles, traps, k = [], [], [gmpy2.inf()] * 3, 0
        while abs(z) <= 10**10:
            if n is None and k == limit:
                return None
            z, degree = step(z, c, k)
            k += 1
            stripes.append((1 + gmpy2.sin(5 * gmpy2.phase(z))) / 2)
            if k > 1:
                g, size = abs(z - c), abs(c)
                triangles.append((abs(z) - abs(g - size)) / (g + size - abs(g - size)))
            if n is None:
                traps = [min(t, d) for t, d in zip(traps, (abs(z), abs(z.real), abs(abs(z) - 1)))]
                n = k if abs(z) > radius else None
        n = k if n is None else n
        share = 1 - gmpy2.log(gmpy2.log(abs(z)) / gmpy2.log(gmpy2.mpfr(10) ** 10)) / gmpy2.log(degree)

        def mean(terms):
            return share * sum(terms) / len(terms) + (1 - share) * sum(terms[:-1]) / (len(terms) - 1)

        turn = gmpy2.phase(z) / (2 * gmpy2.const_pi())
        return n, float(turn - gmpy2.floor(turn)), *map(float, (mean(stripes), mean(triangles), *traps))


CASES = {
    "home": ("mandelbrot", {}, mandelbrot, 2, "-0.75", "0.1", "2", 300),
    "seahorse": ("mandelbrot", {}, mandelbrot, 2, "-0.7463", "0.1102", "0.004", 2000),
    "deep": ("mandelbrot", {}, mandelbrot, 2, "0.438201090809847147988367041837815797750937813317340000",
             "0.2505415733596881716784004147582248600537290451566540000", "1e-28", 2500),
    "ship": ("burning-ship", {}, ship, 2, "-1.755", "-0.03", "0.05", 500),
    "turns": ("formula", {"formula": "z**2 + c; z**3 + c"}, in_turn, 100, "-0.5", "0.5", "1", 300),
}  # fmt: skip


@pytest.mark.parametrize("name", [n if n == "home" else pytest.param(n, marks=pytest.mark.slow) for n in CASES])
def test_values_of_100_pixels_against_slow_formulas(name):
    system, settings, step, radius, x, y, depth, steps = CASES[name]
    stripes = Colouring("stripe")
    scene = Scene(system, View.parse(x, y, depth, "32x24"), steps, settings, colouring=stripes, distance=True)
    field = render(scene).field
    pixels = np.random.default_rng(24).permutation(32 * 24)[:100]
    seen = 0
    for row, column in zip(*np.divmod(pixels, 32)):
        if field.trust[row, column] < 1:
            continue
        exact = values(step, *scene.view.at(int(column), int(row)), steps, radius, 400)
        got = [getattr(field, channel)[row, column] for channel in orbit_values.CHANNELS]
        phase = field.phase[row, column]
        if exact is None:
            assert field.fate[row, column] == 0 and np.isnan(got).all() and phase == -1
            continue
        assert phase < 0 or abs((phase - exact[1] + 0.5) % 1 - 0.5) < 1e-5, (row, column)
        if np.isnan(got[0]) or phase < 0:
            continue
        seen += 1
        assert field.iterations[row, column] == exact[0]
        assert got == pytest.approx(exact[2:], abs=1e-5), (row, column)
    assert seen > 30


def test_places_of_phases_and_of_the_binary_decomposition():
    value = np.array([0.0, 0.25, 0.4999, 0.5, 0.75, np.nan, -1.0])
    assert orbits.place("phase", value, True)[:5].tolist() == value[:5].tolist()
    assert orbits.place("phase", value, False)[:5] == pytest.approx([0, 0.5, 0.9998, 1, 0.5])
    assert orbits.place("binary", value, False)[:5].tolist() == [1, 1, 1, 0, 0]
    for by in ("phase", "binary"):
        assert np.isnan(orbits.place(by, value, True)[5:]).all()
    assert np.isnan(orbits.place("stripe", value, True)[5])


def test_one_field_has_the_values_of_all_these_colourings():
    view, how = View.parse("-0.75", "0", "2.5", "24x16"), Colouring("stripe")
    scene = Scene("mandelbrot", view, 200, colouring=how, distance=True)
    field = render(scene).field
    inside = field.fate == 0
    for by in OF_ORBITS:
        field.scene = replace(scene, colouring=Colouring(by))
        rgb = coloured(field)
        assert (rgb[inside] == 0).all() and len(np.unique(rgb[~inside], axis=0)) >= 2
        assert np.array_equal(coloured(field, at=np.s_[::2, ::2])[inside[::2, ::2]], rgb[::2, ::2][inside[::2, ::2]])


@pytest.mark.parametrize(
    ("system", "depth", "backend", "phrase"),
    [
        ("newton", "1", "auto", "needs orbits that escape, which newton does not have"),
        ("tanh", "1", "auto", "needs orbits that escape, which tanh does not have"),
        ("mandelbrot", "1e-400", "auto", "this view is too deep for it"),
        ("mandelbrot", "1", "exact", "the exact backend gives only counts"),
    ],
)
def test_what_has_no_such_orbits_is_refused(system, depth, backend, phrase):
    made = systems.create(system, {}, 100)
    for by in ("stripe", "phase"):
        scene = Scene(system, View.parse("-0.5", "0.5", depth, "8x8"), 100, colouring=Colouring(by))
        chosen, _ = select.select(backend, scene.view, made, 100)
        with pytest.raises(InputError, match=phrase):
            orbit_values.check(scene, made, chosen)


def test_angles_need_no_second_run():
    scene = Scene("mandelbrot", View.parse("-0.75", "0", "2.5", "24x16"), 200, colouring=Colouring("binary"))
    field = render(scene).field
    assert field.stripe is None and ((field.phase >= 0) == (field.fate > 0)).all()
