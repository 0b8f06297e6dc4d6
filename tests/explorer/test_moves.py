"""Moves are exact: what stays in place stays there to 2**-40 of the picture, however deep."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from gmpy2 import mpq

from deepzoom.coordinates import format_decimal
from deepzoom.errors import InputError
from deepzoom.explorer.moves import Grid, panned, sized, zoomed
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View


def deep(shape=None):
    view = View.parse("-1.7499" + "3" * 60, "0.0000" + "7" * 60, "3e-50", (40, 30))
    return view if shape is None else replace(view, shape=shape)


@pytest.mark.parametrize("shape", [None, Shape.stretched(7.5, 30.0)])
@pytest.mark.parametrize("factor", [2.0, 0.5, 1.37, 16.0])
def test_the_point_under_the_pointer_stays(shape, factor):
    view = deep(shape)
    for column, row in ((0, 0), (31, 4), (19.5, 14.5)):
        new = zoomed(view, factor, column, row)
        assert abs(new.depth * mpq(factor) / view.depth - 1) < mpq(1, 2**48)
        for old, now in zip(view.at(column, row), new.at(column, row), strict=True):
            assert abs(old - now) < new.depth / 2**39
        format_decimal(new.x)  # has a finite decimal expansion, so that the scene can be written


def test_a_pan_moves_by_whole_pixels():
    view = deep(Shape.stretched(3.0, 70.0))
    new = panned(view, 5, -3)
    for old, now in zip(view.at(17, 9), new.at(12, 12), strict=True):
        assert abs(old - now) < view.depth / 2**39


def test_in_and_out_again_is_the_same_place():
    view = deep()
    new = view
    for _ in range(50):
        new = zoomed(new, 2.0, 31, 4)
    for _ in range(50):
        new = zoomed(new, 0.5, 31, 4)
    assert abs(new.x - view.x) < view.depth / 2**32 and abs(new.depth / view.depth - 1) < mpq(1, 2**42)


def test_pixels_of_two_views():
    """Positions follow from the exact points of pixels."""
    view = deep(Shape.stretched(3.0, 70.0))
    for new in (zoomed(view, 2.0, 31, 4), zoomed(view, 0.5, 10, 20), panned(view, 7, 2), panned(view, 0.25, 0)):
        grid = Grid.of(new, view)
        for column, row in ((0, 0), (39, 0), (11, 29)):
            x, y = new.at(column, row)
            there = grid.ratio * column + grid.left, grid.ratio * row + grid.top
            a, b = view.at(*there)
            assert max(abs(a - x), abs(b - y)) < view.depth * 1e-9


def test_views_without_a_common_grid():
    view = deep()
    assert Grid.of(view, replace(view, shape=Shape.stretched(2.0, 0.0))) is None
    assert Grid.of(view, replace(view, flip=True)) is None
    assert Grid.of(view, replace(view, depth=mpq(1))) is None
    assert Grid.of(view, replace(view, x=view.x + 1)) is None


@pytest.mark.parametrize("bad", [0.0, -2.0, math.nan, math.inf, 1e300])
def test_factors_out_of_range_are_refused(bad):
    with pytest.raises(InputError, match="zoom"):
        zoomed(deep(), bad, 0, 0)


def test_moves_out_of_range_are_refused():
    with pytest.raises(InputError, match="pixels is too far"):
        panned(deep(), math.inf, 0)
    with pytest.raises(InputError, match="1e-2000"):
        zoomed(replace(deep(), depth=mpq(1, 10**2000)), 4.0, 0, 0)
    for size in ((0, 5), (1 << 15, 1), (1 << 12, 1 << 12)):
        with pytest.raises(InputError, match="is not a size"):
            sized(deep(), *size)
    assert sized(deep(), 64, 48).depth == deep().depth
