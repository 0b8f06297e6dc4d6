"""From values to colours: each way does what its description says, on arrays small enough to work out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepzoom.colouring.colour import colour, coloured
from deepzoom.colouring.palettes import apply, is_cyclic
from deepzoom.colouring.places import by_count, by_cycle, by_distance, by_histogram
from deepzoom.colouring.relief import beside_another, estimated_distance, gradient, steepness
from deepzoom.colouring.slope_shading import shade, shaded
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

NAN = np.nan
GREY = Colouring(colours=("#000000", "#ffffff"))
"""A palette in which each colour tells its place."""
LEVEL = 1 / 255


def escaped(*rows):
    measure = np.array(rows, dtype=float)
    return measure, np.zeros(measure.shape, np.int16)


def field_of(measure, attractor=None, distance=None, how=GREY, system="mandelbrot"):
    height, width = measure.shape
    scene = Scene(system, View.parse("0", "0", "3", (width, height)), 100, palette="grey.map", colouring=how)
    field = replace(Field.empty(scene), measure=measure, done=np.ones(measure.shape, np.bool_), distance=distance)
    return field if attractor is None else replace(field, attractor=attractor)


def test_a_histogram_gives_each_whole_count_a_band():
    """Counts of 0, 1, 1, 3 in four pixels: bands of 1/4, 1/2 and 1/4 of the palette. Pixels take each band's middle."""
    got = (by_histogram(np.array([[0.5, 1.25, 1.75], [3.0, -1.0, NAN]])) + 1) / 2
    assert np.allclose(got, [[1 / 8, 1 / 2, 1 / 2], [7 / 8, NAN, NAN]], equal_nan=True)
    assert np.isnan(by_histogram(np.full((2, 2), -1.0))).all()


def test_rank_parts_what_a_histogram_keeps_together():
    counts = np.array([5.0, 5.001, 5.002, 5.9])
    assert np.allclose((by_count(counts) + 1) / 2, [1 / 8, 3 / 8, 5 / 8, 7 / 8])
    assert np.all(by_histogram(counts) == 0)


def test_a_cycle_repeats_and_mirrored_has_no_seam():
    counts = np.array([0.0, 2.0, 4.0, 6.0, 8.0, 10.0, NAN])
    assert np.allclose(by_cycle(counts, 8.0, False), [0, 0.25, 0.5, 0.75, 0, 0.25, NAN], equal_nan=True)
    assert np.allclose(by_cycle(counts, 8.0, True), [0, 0.5, 1, 0.5, 0, 0.5, NAN], equal_nan=True)


def test_palettes_with_two_ends_run_forth_and_back():
    measure, none = escaped([4.0, 12.0, 15.99, 16.01])
    how = Colouring("cyclic", 16.0)
    assert is_cyclic("twilight") and not is_cyclic("viridis")
    for palette in ("twilight", "viridis"):
        rgb = colour(measure, palette, True, none, how)[0]
        assert np.abs(rgb[2] - rgb[3]).max() < 0.01
        assert (np.abs(rgb[0] - rgb[1]).max() < 0.01) == (palette == "viridis")
    assert is_cyclic("", ("#102030", "#ff0000", "#102030")) and not is_cyclic("", ("#000000", "#ffffff"))


def test_cycles_of_a_signed_measure_keep_converged_and_diverged_apart():
    """Half a cycle of 16 runs from the gap to the end of either part: [0.625, 1] below zero, [0, 0.375] above."""
    got = colour(np.array([[-16.0, -8.0, -4.0, 4.0, 8.0, 16.0]]), "", how=replace(GREY, by="cyclic"))[0, :, 0]
    assert np.abs(got - [0.625, 1, 0.8125, 0.1875, 0, 0.375]).max() < LEVEL


def test_distances_spread_by_their_logarithm():
    got = by_distance(np.array([0.0, 1.0, 3.0, 7.0, 50.0, np.inf, NAN]), 7)
    assert np.allclose(got, [0, 1 / 3, 2 / 3, 1, 1, 1, NAN], equal_nan=True)


@pytest.mark.parametrize("degree", [2, 3])
def test_estimated_distances_outside_a_disc(degree):
    """z**degree from |z| = r: after n steps log|z| = degree**n log r, so counts fall by log_degree(log r).

    The set is the unit disc, the estimate |z| log|z| / |dz| = r log r, and the true distance r - 1.
    """
    pixel = 0.01
    x, y = np.meshgrid(np.arange(0.9, 1.7, pixel), np.arange(-0.3, 0.3, pixel))
    r = np.hypot(x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        smooth = np.where(r > 1, 40 - np.log(np.log(r)) / np.log(degree), -1.0)
    got = estimated_distance(smooth, np.zeros(smooth.shape, np.int16), float(degree))
    assert np.all(got[r <= 1] == -1)
    far = r > 1.05
    assert np.allclose(got[far][1:-1], (r * np.log(r) / pixel)[far][1:-1], rtol=0.03)
    true = (r - 1) / pixel
    assert np.all((got[far] > true[far] / 2) & (got[far] < 2 * true[far]))


def test_a_border_between_pixels_is_at_most_one_pixel_away():
    flat = np.full((1, 6), 5.0)
    got = estimated_distance(flat, np.array([[1, 1, 1, 2, 2, 2]]))
    assert got.tolist() == [[np.inf, np.inf, 1.0, 1.0, np.inf, np.inf]]
    inside, none = escaped([5.0, 5.0, 5.0, -1.0])
    assert estimated_distance(inside, none).tolist() == [[np.inf, np.inf, 1.0, -1.0]]


def test_changes_stop_at_borders():
    height = np.array([[0.0, 1.0, 3.0, 100.0], [0.0, 1.0, NAN, 100.0]])
    kind = np.array([[0, 0, 0, 1], [0, 0, 0, 1]])
    right, up = gradient(height, kind)
    assert np.allclose(right, [[1, 1.5, 2, 0], [1, 1, 0, 0]]) and np.all(up == 0)
    assert np.allclose(steepness(height, kind), [[1, np.sqrt(2.5), 2, 0], [1, 1, 0, 0]])
    assert np.array_equal(beside_another(kind), [[False, False, True, True]] * 2)
    saw = np.array([[0.0, 5.0, 0.0, 5.0]])
    assert gradient(saw, saw * 0)[0].tolist() == [[5.0, 0.0, 0.0, 5.0]]  # although the values are steep everywhere
    assert np.all(steepness(saw, saw * 0) == 5.0)


@pytest.mark.parametrize(("degrees", "facing"), [(0, 1), (180, -1), (90, 0), (60, 0.5)])
def test_light_on_a_plane(degrees, facing):
    """A plane that falls by one per pixel to the right: its normal leans 45 degrees to the right."""
    right = -np.arange(6.0) * np.ones((5, 1))
    same = np.zeros((5, 6), np.int64)
    assert np.allclose(shade(right, same, degrees), facing / np.sqrt(2))
    # picture and light turn counter-clockwise together: now the plane falls upward
    assert np.allclose(shade(np.rot90(right), same.T, degrees + 90), facing / np.sqrt(2))


def test_light_leaves_alone_what_is_no_slope():
    steps = np.array([[0.0, 0.0, 90.0, 90.0], [0.0, 0.0, 90.0, 90.0]])
    assert np.all(shade(steps, (steps > 0).astype(int), 0) == 0)  # a border between two kinds, each of them level
    assert np.all(shade(np.full((3, 3), NAN), np.zeros((3, 3), int), 0) == 0)
    assert np.all(shade(np.ones((1, 1)), np.zeros((1, 1), int), 45) == 0)
    noise = np.random.default_rng(1).normal(size=(60, 60)) * 1e4
    light = np.abs(shade(noise, np.zeros(noise.shape, int), 45))
    assert light.max() < 0.7 and light.mean() < 0.1  # a wall has up to 1


def test_shading_is_bounded():
    light = np.array([[1.0, -1.0, 0.0, 0.5]])
    assert np.allclose(shaded(np.full((1, 4, 3), 0.5), light)[0, :, 1], [0.8, 0.2, 0.5, 0.65])


def test_interior_has_its_colour_under_any_light():
    rng = np.random.default_rng(3)
    measure, none = escaped(*np.where(rng.random((8, 9)) < 0.3, -1.0, 50 * rng.random((8, 9))))
    for by in ("rank", "cyclic", "histogram"):
        rgb = colour(measure, "magma", False, none, Colouring(by, slope=45.0, interior="#336699"))
        assert np.allclose(rgb[measure < 0], [0.2, 0.4, 0.6]) and rgb.min() >= 0 and rgb.max() <= 1
        assert not np.isin(rgb[measure >= 0].round(9), [0.2, 0.4, 0.6]).all(axis=1).any()


def test_slopes_of_a_signed_measure_stop_where_the_sign_changes():
    """There is no slope between converged and diverged pixels. Within each there is light and shadow."""
    plateaus = np.where(np.arange(12) < 6, -30.0, 30.0) * np.ones((7, 1))
    assert np.array_equal(colour(plateaus, "magma", how=Colouring(slope=0.0)), colour(plateaus, "magma"))
    ramp = np.linspace(-2.0, -1.0, 40) * np.ones((20, 1))
    plain, lit, unlit = (colour(ramp, "", how=replace(GREY, slope=s)) for s in (None, 180.0, 0.0))
    brighter, darker = lit - plain, unlit - plain
    assert np.all(brighter * darker <= 0) and np.abs(brighter).max() > 0.1


@pytest.mark.parametrize("by", ["rank", "cyclic", "histogram", "distance"])
def test_each_attractor_has_its_own_part_of_the_palette(by):
    rng = np.random.default_rng(5)
    measure, attractor = 30 * rng.random((9, 9)), rng.integers(1, 4, (9, 9)).astype(np.int16)
    grey = coloured(field_of(measure, attractor, how=replace(GREY, by=by), system="newton"))[..., 0]
    for kind in (1, 2, 3):
        own = grey[attractor == kind]
        assert own.min() >= (kind - 1) / 3 and own.max() <= kind / 3


def test_distances_of_the_field_come_first():
    measure, none = escaped([5.0, 5.0, 5.0, -1.0], [5.0] * 4, [5.0] * 4)  # three rows, so distances spread by log 4
    given = np.array([[3.0, 1.0, 0.0, -1.0], [-1.0] * 4, [3.0] * 4])
    how = replace(GREY, by="distance", interior="#ff0000")
    rgb = coloured(field_of(measure, none, given, how))
    assert np.abs(rgb[0, :3, 0] - [1, 0.5, 0]).max() < LEVEL and rgb[0, 3].tolist() == [1, 0, 0]
    # an escaped pixel without a distance takes it from the counts, which are flat, or at most 1 beside the set
    assert np.abs(rgb[1, :, 0] - [1, 1, 1, 0.5]).max() < LEVEL
    assert np.abs(coloured(field_of(measure, none, None, how))[0, 1:3, 0] - [1, 0.5]).max() < LEVEL


@pytest.mark.parametrize("by", ["rank", "cyclic", "histogram", "distance"])
def test_pictures_of_a_part_of_the_pixels(by):
    """A pixel that is not done takes the coarser pixel's colour, attractor included, or grey if there is none."""
    field = field_of(np.zeros((16, 32)), np.zeros((16, 32), np.int16), how=Colouring(by, slope=10.0), system="newton")
    field.scene = replace(field.scene, palette="viridis")
    field.done[:] = False
    assert np.all(coloured(field) == 0.5)
    field.done[0, ::16], field.measure[0, ::16], field.attractor[0, ::16] = True, [3.5, 7.5], [1, 2]
    field.fate[0, ::16] = -1
    rgb = coloured(field)
    assert np.all(rgb[:, :15] == rgb[0, 0]) and np.all(rgb[:, 17:] == rgb[0, 31]) and np.any(rgb[0, 0] != rgb[0, 31])


def test_colours_in_a_row_blend_evenly():
    got = apply("", np.array([0.0, 0.25, 0.5, 1.0, NAN]), True, ("#000000", "#ff0000", "#ffffff"))
    assert np.allclose(got, [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [1, 1, 1], [0.5] * 3], atol=1e-4)
    assert np.allclose(apply("", np.array([0.0, 0.7]), colours=("#336699",)), [0.2, 0.4, 0.6])
    many = tuple(f"#{k:02x}{255 - k:02x}00" for k in range(256))  # as many colours as steps: each is used unchanged
    assert np.allclose(apply("", np.arange(256) / 256, colours=many)[:, 0] * 255, np.arange(256))
