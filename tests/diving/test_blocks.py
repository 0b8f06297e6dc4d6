"""Which blocks of a view a dive goes on with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dives import fates

import deepzoom
from deepzoom.diving import scouts
from deepzoom.diving.blocks import Block, blocks, correlation
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def chosen(field):
    return blocks(field, np.random.default_rng(0))


def test_a_straight_edge_is_not_rich_and_one_fate_or_dust_is_nothing():
    noise = np.random.default_rng(1).random((64, 64)) < 0.5
    assert chosen(fates(lambda x, y: x < 99)) == ([], "one fate: all pixels converge")
    assert chosen(fates(lambda x, y: noise))[1].startswith("dust")
    found, _ = chosen(fates(lambda x, y: x + 0.4 * y < 40))
    assert found and not any(block.rich for block in found)


def test_the_block_with_islands_is_taken_before_the_edge():
    def islands(x, y):
        spots = np.hypot((x - 46) % 8 - 4, (y - 14) % 8 - 4) < 2.6
        return np.where((abs(x - 46) < 9) & (abs(y - 14) < 9), spots, x < 12)

    best = chosen(fates(islands))[0][0]
    assert best.rich and np.hypot(best.column - 46, best.row - 14) < 8


def test_counts_without_a_border_are_none():
    field = deepzoom.render(Scene("mandelbrot", View.parse("2", "2", "0.001", "64x64"), 100)).field
    assert chosen(field) == ([], "no border: counts change too little")
    field = deepzoom.render(Scene("mandelbrot", View.parse("-0.1", "0", "0.001", "64x64"), 100)).field
    assert chosen(field) == ([], "no pixel escapes")


class Plane:
    """Stands in for a lattice: runs converge if ``inside`` of (column, row) is true."""

    def __init__(self, inside):
        self.inside, self.asked = inside, 0

    def kinds(self, window, columns, rows):
        columns, rows = (np.asarray(v, dtype=float).ravel() for v in (columns, rows))
        self.asked += len(columns)
        return self.inside(columns, rows).astype(float)


def test_blocks_of_training_go_by_what_they_hold_further_down():
    """Of a view's three edges one is dust, one is straight, and one has folds. A fourth is not looked at."""
    edges = fates(lambda x, y: (x // 16) % 2 == 0)
    noise = np.random.default_rng(3)

    def closely(x, y):
        place = x - (16 - 0.5)
        dust, folds = noise.random(len(x)) < 0.5, x + 0.07 * np.sin(50 * y) < 47.5
        return np.where(x < 24, np.where(abs(place) > 0.4, place < 0, dust), np.where(x < 40, x > 31.4, folds))

    dusty, straight, folded, spare = (Block(4.0 - k, 15.5 + 16 * min(k, 2), 31.5, False) for k in range(4))
    plane = Plane(closely)
    found = scouts.scouted(plane, None, edges, [dusty, straight, folded, spare], np.random.default_rng(0))
    assert found == [replace(folded, score=found[0].score, rich=True), spare, straight]
    assert found[0].score > folded.score and plane.asked < 3 * 300
    assert scouts.scouted(Plane(closely), None, edges, [dusty], np.random.default_rng(0)) == []


def test_dust_is_where_fates_do_not_correlate():
    """Against sums written out, for a window of stripes, one of blots and a random one."""
    rng = np.random.default_rng(2)
    blots = np.kron(rng.random((6, 6)) < 0.5, np.ones((3, 3)))
    stripes = np.repeat(rng.random((18, 1)) < 0.5, 18, axis=1)
    for kind in (blots, stripes, rng.random((18, 18)) < 0.5):
        kind = np.pad(kind.astype(float), 1)
        middle = kind[1:-1, 1:-1]
        wanted = np.mean(
            [
                1 - np.mean((p - q) ** 2) / (2 * middle.var())
                for p, q in ((middle[1:], middle[:-1]), (middle[:, 1:], middle[:, :-1]))
            ]
        )
        assert correlation(kind, 18, 18)[1, 1] == pytest.approx(wanted)
