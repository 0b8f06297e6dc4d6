"""The step of ``unit_per_lane_delta.py`` with a pixel in each warp and products by tensor cores.

It works as ``pixel_per_warp_plain.py`` does. The record holds the values of a tile of rows in the order of the lanes
(``backends/gpu/pixel_per_warp.py``).
"""

from __future__ import annotations

from typing import NamedTuple

from deepzoom.compiling.jit import implemented, inner

from .lane_columns import fma_each, times_each
from .lane_group import in_lanes
from .pixel_per_warp_plain import HELD, ROWS, Tiles, drawn_tiles, of_weights
from .tensor_cores import multiply_add, packed, sum_columns, sum_rows
from .unit_per_lane_delta import (
    activated_difference,
    factors_of_differences,
    moved,
    through_slope,
    unit_per_lane_delta_step,
)

RECORDED = (1.0,) * 14
"""As many elements as a lane reads of a tile's reference: hidden values, what stands beside them (``RecordLayout``),
the loss's derivatives by them, and errors of the outputs.
"""
TILE = 32 * len(RECORDED)
"""How many numbers of the record belong to a tile."""
ONE_EACH = (1.0, 1.0)


class TileRecord(NamedTuple):
    """Where the values of a step stand in its record: tiles of all rows first, then tiles of the rows drawn."""

    gradient: int
    size: int


@inner
def _ahead(x, record, tile, start, factors, shape):
    """The forward pass of eight rows: (inputs for the gradients, the reference's values, h, r).

    The reference's values are those of ``RECORDED``; h: differences of the hidden values, r: of the outputs. start: of
    the tile in the record; factors: as of ``factors_of_differences``.
    """
    below, scale, (first, second), (whole_first, whole_second) = factors
    x0, x1, x2, x3, b0, b1, b2, b3, _, _ = packed(x, tile * 32 * len(HELD), HELD, shape.distances)
    v0, v1, v2, v3, s0, s1, s2, s3, p0, p1, p2, p3, before0, before1 = packed(record, start, RECORDED, shape.distances)
    nothing = in_lanes(0.0, shape.distances)
    z = multiply_add(below, (x0, x1, x2, x3), (nothing, nothing, nothing, nothing), shape.rows)
    h0 = activated_difference(z[0] * scale, v0, s0, shape)
    h1 = activated_difference(z[1] * scale, v1, s1, shape)
    h2 = activated_difference(z[2] * scale, v2, s2, shape)
    h3 = activated_difference(z[3] * scale, v3, s3, shape)
    r = sum_rows((
        first * v0 + whole_first * h0 + second * v2 + whole_second * h2,
        first * v1 + whole_first * h1 + second * v3 + whole_second * h3,
    ))  # fmt: skip
    of_reference = (v0, v1, v2, v3), (s0, s1, s2, s3), (p0, p1, p2, p3), (before0, before1)
    return (b0, b1, b2, b3), of_reference, (h0, h1, h2, h3), r


@inner
def _loss(before, r):
    """Difference of the loss over the rows of each lane; before: the reference's errors, r: differences of outputs."""
    return (r[0] + before[0] + before[0]) * r[0] + (r[1] + before[1] + before[1]) * r[1]


@inner
def _tile(x, record, tile, start, factors, sums, twice, shape):
    """Add eight rows, each lane its own: differences of the gradients and of the loss.

    The gradients above still lack their factor.
    """
    _, _, (first, second), (whole_first, whole_second) = factors
    g_first, g_second, g_above, loss = sums
    (b0, b1, b2, b3), of_reference, h, r = _ahead(x, record, tile, start, factors, shape)
    value, side, p, before = of_reference
    a0, a1, c0, c1 = r[0] * twice, r[1] * twice, before[0] * twice, before[1] * twice
    back = (
        through_slope(a0 * whole_first + c0 * first, p[0], h[0], value[0], side[0], shape),
        through_slope(a0 * whole_second + c0 * second, p[2], h[2], value[2], side[2], shape),
        through_slope(a1 * whole_first + c1 * first, p[1], h[1], value[1], side[1], shape),
        through_slope(a1 * whole_second + c1 * second, p[3], h[3], value[3], side[3], shape),
    )
    g_first = multiply_add(back, (b0, b1), g_first, shape.rows)
    g_second = multiply_add(back, (b2, b3), g_second, shape.rows)
    g_above = fma_each((value[0], value[2]), r[0], fma_each((h[0], h[2]), r[0] + before[0], g_above))
    g_above = fma_each((value[1], value[3]), r[1], fma_each((h[1], h[3]), r[1] + before[1], g_above))
    return g_first, g_second, g_above, loss + _loss(before, r)


def _delta_step(
    net, t, record, layout, weights, learning, below, above, rate_below, rate_above, offset, shape,
):  # fmt: skip
    nothing = in_lanes(0.0, shape.distances)
    if net.offset_every_step:
        below = fma_each(below, 1.0, offset)
    base = t * layout.size
    factors = factors_of_differences(net, t, weights, below, above, shape)
    four = (nothing, nothing, nothing, nothing)
    sums = four, four, (nothing, nothing), nothing
    every, twice = net.rows // ROWS, 2.0 / net.rows
    first, last, loss = 0, every, nothing
    if len(shape.drawn) > 0:
        for tile in range(every):
            _, of_reference, _, r = _ahead(net.x, record, tile, base + tile * TILE, factors, shape)
            loss = loss + _loss(of_reference[3], r)
        first, last = drawn_tiles(net, t)
        twice = 2.0 / net.batches.shape[1]
    start = base + (every * TILE if first > 0 else 0)
    for tile in range(first, last):
        sums = _tile(net.x, record, tile, start + (tile - first) * TILE, factors, sums, twice, shape)
    g_first, g_second, g_above, of_drawn = sums
    if len(shape.drawn) == 0:
        loss = of_drawn
    g0, g1, total = sum_columns((g_above[0], g_above[1], loss))
    g_below = times_each(of_weights(g_first, g_second, ONE_EACH), net.scales[0])
    g_above = times_each((g0, g1), net.scales[1] * twice)
    below, above = moved(
        record, base + layout.gradient, net, learning, below, above, g_below, g_above, rate_below, rate_above, shape,
    )  # fmt: skip
    return total * (1.0 / net.rows), below, above


implemented(unit_per_lane_delta_step, Tiles, _delta_step)
