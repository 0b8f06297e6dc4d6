"""Box counting: against a count box by box, against porespy, and on borders of known dimension."""

from __future__ import annotations

import math

import known_borders as known
import numpy as np
import pytest

from deepzoom.errors import InputError
from deepzoom.measuring.box_counting import border_of, box_counts, box_sizes, count, edges, labels_of, local_slopes
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

PORESPY_SIZES = [10, 14, 21, 31, 45, 66, 96, 140, 205, 300]
PORESPY_COUNTS = [859, 579, 292, 138, 70, 35, 20, 9, 6, 2]
PORESPY_SLOPES = [
    1.172359563369665,
    1.4063432524675221,
    1.808746937635168,
    1.8717388949352394,
    1.8156452770158342,
    1.6499428874184492,
    1.8038906146830884,
    1.5926239148400918,
    1.9749147328033367,
    2.885219656357176,
]


def counted_slowly(border, size):
    """Boxes that hold the border without being full of it, one after the other."""
    found = 0
    for i in range(0, border.shape[0], size):
        for j in range(0, border.shape[1], size):
            box = border[i : i + size, j : j + size]
            found += bool(box.any()) - bool(box.all())
    return found


@pytest.mark.parametrize("shape", [(64, 64), (61, 97)])
def test_counts_are_those_of_a_count_box_by_box(shape):
    border = np.random.default_rng(1).random(shape) < 0.02
    border[:12, :12] = True
    sizes = box_sizes(shape)
    assert box_counts(border, sizes).tolist() == [counted_slowly(border, s) for s in sizes.tolist()]


def test_sizes_counts_and_slopes_are_porespys():
    """The numbers are those of ``porespy.metrics.boxcount``, version 3.2.0, of the same picture."""
    i, j = np.indices((300, 411))
    border = (i * i + 3 * j) % 97 == 0
    sizes = box_sizes(border.shape)
    assert sizes.tolist() == PORESPY_SIZES
    assert box_counts(border, sizes).tolist() == PORESPY_COUNTS
    np.testing.assert_allclose(local_slopes(sizes, box_counts(border, sizes)), PORESPY_SLOPES, rtol=1e-12)


def test_counts_are_porespys_where_it_is_installed():
    porespy = pytest.importorskip("porespy")
    border = np.random.default_rng(4).random((300, 411)) < 0.01
    theirs = porespy.metrics.boxcount(border)
    assert box_counts(border, box_sizes(border.shape)).tolist() == [int(n) for n in theirs.count]


def test_an_edge_is_a_block_with_two_fates():
    labels = np.array([[0, 0, 1], [0, 0, 1], [0, 2, 2]])
    assert edges(labels).tolist() == [[False, True], [True, True]]
    fate, attractor = np.array([1, -1, 0, -1], np.int8), np.array([0, 0, 0, 3], np.int16)
    assert labels_of(fate, None).tolist() == [1, 0, 0, 0]
    assert labels_of(fate, attractor).tolist() == [1, 0, 0, 4]


@pytest.mark.parametrize(
    ("border", "dimension", "within"),
    [(known.line, 1, 0.05), (known.koch, math.log(4) / math.log(3), 0.06), (known.noise, 2, 0.1)],
)
def test_known_dimensions(border, dimension, within):
    """The smooth curve and the noise are the null models: a border that is not fractal, and no border at all."""
    x, y = grid(512)
    found = count([edges(border(x, y).reshape(512, 512))], shifts=20)
    assert abs(found.dimension - dimension) < within
    assert found.low - 0.05 < found.dimension < found.high + 0.05


def grid(side):
    j, i = np.divmod(np.arange(side * side), side)
    return (i + 0.5) / side, (j + 0.5) / side


def field_of(fates):
    height, width = fates.shape
    field = Field.empty(Scene("tanh", View.parse("0", "0", "1", (width, height)), 10))
    field.fate[:] = fates
    field.measure[:] = fates
    field.done[:] = True
    return field


def test_fields_that_have_no_border_to_count():
    fates = np.ones((40, 40), np.int8)
    with pytest.raises(InputError, match=r"FILE: a\.npz holds only one fate"):
        border_of(field_of(fates), "a.npz")
    with pytest.raises(InputError, match="at least 32x32"):
        border_of(field_of(fates[:20]), "a.npz")
    fates[20:] = -1
    field = field_of(fates)
    assert border_of(field, "a.npz").sum() == 39
    field.measure[3, 3] = np.nan
    with pytest.raises(InputError, match="NaN"):
        border_of(field, "a.npz")
    field.done[3, 3] = False
    with pytest.raises(InputError, match="unfinished"):
        border_of(field, "a.npz")
    checks = edges(np.indices((64, 64)).sum(0) % 2)
    with pytest.raises(InputError, match="fills every box"):
        count([checks])
