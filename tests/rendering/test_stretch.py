"""The shape that unfolds stripes: what it is found to be, where it is found by itself, and what it does to a view."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from small_network import SmallNetwork

from deepzoom import landmarks
from deepzoom.commands.requests.scene import Request
from deepzoom.rendering.stretch import Derivatives, _balanced, ratios, unfolding
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, MOST_RATIO, STEEP, Shape
from deepzoom.scene.view import View

X, Y = "-0.41415926535897932384626433832795", "-0.1718281828459045235360287471352"


def test_unfolding_makes_differences_grow_alike(own_cache, tmp_path):
    """At four points of the unfolded view's circle, mpmath's weights at the hand-off are equally far from the centre's.

    Without the shape their distances differ by its ratio.
    """
    small = SmallNetwork(28, steps=120)
    path = tmp_path / "own.npz"
    np.savez(path, X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    scene = Scene("tanh", View.parse(X, Y, "1e-20", "8x8"), 120, {"data": str(path)})
    shape = unfolding(scene)
    _, sizes, _ = np.linalg.svd(shape.matrix)
    assert sizes[1] == pytest.approx(1, rel=1e-9)
    with mpmath.workprec(400):
        x, y = mpmath.mpf(X), mpmath.mpf(Y)

        def weights(dx, dy):
            d = mpmath.mpf("1e-40")
            return small.oracle(x + d * mpmath.mpf(float(dx)), y + d * mpmath.mpf(float(dy)))[1][-1]

        def flat(ws):
            return [v for w in ws for row in w for v in row]

        centre = flat(weights(0, 0))

        def away(direction):
            moved = flat(weights(*direction))
            return float(max(abs(a - b) for a, b in zip(moved, centre)))

        angles = np.linspace(0, np.pi, 8, endpoint=False)
        circle = np.stack([np.cos(angles), np.sin(angles)])
        plain = [away(v) for v in circle.T]
        unfolded = [away(v) for v in (shape.matrix @ circle).T]
    assert max(unfolded) / min(unfolded) < 5
    assert max(plain) / min(plain) > max(unfolded) / min(unfolded)


@pytest.mark.parametrize("curvature", [0.0, 1e-4, 1e-2, 0.5])
def test_a_long_direction_that_bends_is_stretched_less(curvature):
    """f(s, t) = (s + c t^2 / 2, t / 1000), turned: changes along both directions are equal on average."""
    c, s = np.cos(0.4), np.sin(0.4)
    # s = c x + s y, t = -s x + c y; monomials x, y, x^2, x y, y^2
    first = [c, s, curvature / 2 * s * s, -curvature * s * c, curvature / 2 * c * c]
    second = [-s / 1000, c / 1000, 0.0, 0.0, 0.0]
    shape = _balanced(Derivatives(np.array([first, second]).T))
    ratio, short, degrees = shape.spans
    assert short == pytest.approx(1) and degrees == pytest.approx(90 + math.degrees(0.4))
    t = np.random.default_rng(0).uniform(-1, 1, 200_000)
    along = np.mean((ratio / 1000) ** 2 + (ratio**2 * curvature * t) ** 2)
    assert along == pytest.approx(1, rel=0.02)
    assert ratio == pytest.approx(1000) if curvature == 0 else ratio < 1000


@pytest.mark.parametrize("curvature", [1e-4, 1e-2])
def test_a_run_of_one_weight_is_stretched_until_it_bends(curvature):
    """f(x, y) = x + c y^2 / 2: from -r to r along y it changes by as much, on average, as from -1 to 1 along x."""
    ratio, short, degrees = _balanced(Derivatives(np.array([[1.0, 0.0, 0.0, 0.0, curvature / 2]]).T)).spans
    assert short == pytest.approx(1) and degrees == pytest.approx(90)
    t = np.random.default_rng(0).uniform(-1, 1, 200_000)
    assert np.mean((ratio**2 * curvature * t) ** 2) == pytest.approx(1, rel=0.02)
    assert _balanced(Derivatives(np.array([[1.0, 1.0]]).T)).spans[0] == pytest.approx(float(MOST_RATIO))


def test_a_view_that_leaves_the_start_is_not_stretched(own_cache):
    """The first weight is an axis of ``cubic``: wide views differ before any step, by that weight alone."""
    scene = Scene("cubic", View.parse("1", "0.5", "2.6", "8x8"), 60)
    assert unfolding(scene) == IDENTITY and ratios(scene, [scene.view.depth * 4, scene.view.depth]) == [1.0, 1.0]


def test_a_published_experiment_with_another_optimizer_has_exact_tangents(own_cache):
    """A weight decay of 1e-12 moves the weights by about 1e-12: hardly, beside a learning rate of 1."""
    settings = {"optimizer": "momentum", "x": "log10:rate", "y": "log10:decay", "width": "2", "rows": "0.05"}
    long, short, degrees = unfolding(Scene("tanh", View.parse("0", "-12", "1e-16", "8x8"), 20, settings)).spans
    assert long > 100 * STEEP and short == pytest.approx(1) and degrees == pytest.approx(90, abs=1e-6)


def test_curvature_that_rounding_may_have_made_is_left_out():
    strong = np.array([[1.0, 0.0], [0.0, 1e-7], [1.0, 0.0], [0.0, 0.0], [1e-15, 0.0]])
    assert _balanced(Derivatives(strong, 2e-15)).spans[0] == pytest.approx(1e7)
    assert _balanced(Derivatives(strong, 5e-16)).spans[0] < 0.999e7


OWN_SHAPE = ["30", "0", "0", "1"]


@pytest.mark.parametrize(
    ("given", "unfolds"),
    [
        ({"depth": "1e-20"}, None),
        ({"depth": "1e-16"}, True),
        ({"depth": "1e-16", "stretch": "off"}, False),
        ({"depth": "1e-16", "stretch": "3@9"}, False),
        ({"at": "tanh-published"}, False),
        ({"at": "tanh-published", "stretch": "auto"}, True),
        ({"at": "tanh-published", "depth": "1e-8"}, True),
        ({"center": ("1", "1"), "depth": "1e-3"}, True),
        ({"system": "mandelbrot"}, False),
        ({"system": "burning-ship", "stretch": "auto"}, True),
        ({"scene": "kept.toml"}, False),
        ({"scene": "kept.toml", "size": "9x9", "depth": "1.0e-15"}, False),
        ({"scene": "kept.toml", "depth": "1e-16"}, True),
        ({"scene": "kept.toml", "pixel": (3, 4), "zoom": "10"}, True),
        ({"scene": "kept.toml", "pixel": (3, 4), "zoom": "10", "stretch": "off"}, False),
        ({"scene": "kept.toml", "at": "tanh-published"}, False),
        ({"scene": "kept.toml", "at": "tanh-published", "depth": "1e-8"}, True),
    ],
)
def test_which_views_unfold_by_themselves(given, unfolds, tmp_path):
    view = replace(View.parse("1.1", "2.3", "1e-15", "8x8"), shape=Shape.parse(OWN_SHAPE))
    (tmp_path / "kept.toml").write_text(Scene("tanh", view, 500).to_toml())
    request = Request(**{k: tmp_path / v if k == "scene" else v for k, v in given.items()})
    scene = request.to_scene()
    if unfolds is None:  # the default view has its landmark's own shape
        unfolds = not landmarks.get("tanh-deep").shape
    assert request.unfolds(scene) is unfolds
    if given == {"scene": "kept.toml"}:
        assert scene.view.shape.texts() == OWN_SHAPE


def test_maps_without_folds_are_left_as_they_are(own_cache):
    assert unfolding(Scene("mandelbrot", View.parse("-0.75", "0.1", "1e-5", "8x8"), 100)) == IDENTITY
    assert unfolding(Scene("lyapunov", View.parse("3", "3", "1e-5", "8x8"), 100)) == IDENTITY


def test_a_skewed_place_of_the_burning_ship_is_unfolded(own_cache):
    """dz/dc at the end, by differences of exact orbits, stretches all directions alike after unfolding."""
    x, y = "-1.76", "-0.028"
    scene = Scene("burning-ship", View.parse(x, y, "1e-6", "8x8"), 4000)
    matrix = unfolding(scene).matrix
    h = Fraction(1, 10**40)
    x, y = Fraction(x), Fraction(y)

    def orbit(a, b, n):
        with mpmath.workprec(600):
            z = [mpmath.mpf(0), mpmath.mpf(0)]
            a, b = (mpmath.mpf(v.numerator) / v.denominator for v in (a, b))
            found = []
            for _ in range(n):
                z = [z[0] ** 2 - z[1] ** 2 + a, 2 * abs(z[0] * z[1]) + b]
                found.append(list(z))
            return found

    with mpmath.workprec(600):
        rows = [orbit(x, y, 40), orbit(x + h, y, 40), orbit(x, y + h, 40)]
        size = mpmath.mpf(h.numerator) / h.denominator
        for centre, right, up in zip(*rows):
            j = np.array([[float((p[k] - centre[k]) / size) for p in (right, up)] for k in (0, 1)])
            if np.linalg.svd(j)[1][0] * 0.5e-6 > 1:
                break
    before, after = (np.linalg.svd(m)[1] for m in (j, j @ matrix))
    assert before[0] / before[1] > 1.05 and after[0] / after[1] < 1.05
