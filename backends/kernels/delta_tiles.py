"""The differences of ``delta_units.py`` with a pixel in each warp, and products by its tensor units, as
``network_tiles.py``.

What a tile of rows has of the reference stands in the order in which lanes hold it (``backends/tiles.py``).
"""

from __future__ import annotations

from typing import NamedTuple

from deepzoom.compiled import implemented, inner

from .delta_units import activated_difference, delta_units_step, moved, through_slope
from .fragments import multiply_add, packed, sum_columns, sum_rows
from .group import fma_each, in_lanes, times_each
from .network import factor
from .network_tiles import HELD, ROWS, Tiles, of_weights
from .network_units import weights_at

RECORDED = (1.0,) * 14
"""As many elements as numbers that a lane needs of a tile's reference: hidden values, what stands beside them, what
flows back to them, and outputs' errors.
"""
ONE_EACH = (1.0, 1.0)


class TileRecord(NamedTuple):
    """Where a step's values stand in its record: its tiles first."""

    gradient: int
    size: int


@inner
def _tile(net, record, base, tile, factors, sums, twice, shape):
    """Loss's difference and gradients, but for a factor of those above, with those of eight rows, in each lane of its
    own rows.
    """
    below, scale, scaled, totals = factors
    g_first, g_second, g_above, loss = sums
    x0, x1, x2, x3, b0, b1, b2, b3, _, _ = packed(net.x, tile * 32 * len(HELD), HELD, shape.distances)
    v0, v1, v2, v3, s0, s1, s2, s3, p0, p1, p2, p3, before0, before1 = packed(
        record, base + tile * 32 * len(RECORDED), RECORDED, shape.distances
    )
    nothing = in_lanes(0.0, shape.distances)
    z = multiply_add(below, (x0, x1, x2, x3), (nothing, nothing, nothing, nothing))
    h0 = activated_difference(z[0] * scale, v0, s0, shape)
    h1 = activated_difference(z[1] * scale, v1, s1, shape)
    h2 = activated_difference(z[2] * scale, v2, s2, shape)
    h3 = activated_difference(z[3] * scale, v3, s3, shape)
    first, second = scaled
    whole_first, whole_second = totals
    r0, r1 = sum_rows((
        first * v0 + whole_first * h0 + second * v2 + whole_second * h2,
        first * v1 + whole_first * h1 + second * v3 + whole_second * h3,
    ))  # fmt: skip
    e0, e1 = r0 + before0, r1 + before1
    loss = loss + (e0 + before0) * r0 + (e1 + before1) * r1
    a0, a1, c0, c1 = r0 * twice, r1 * twice, before0 * twice, before1 * twice
    back = (
        through_slope(a0 * whole_first + c0 * first, p0, h0, v0, s0, shape),
        through_slope(a0 * whole_second + c0 * second, p2, h2, v2, s2, shape),
        through_slope(a1 * whole_first + c1 * first, p1, h1, v1, s1, shape),
        through_slope(a1 * whole_second + c1 * second, p3, h3, v3, s3, shape),
    )
    g_first, g_second = multiply_add(back, (b0, b1), g_first), multiply_add(back, (b2, b3), g_second)
    g_above = fma_each((v0, v2), r0, fma_each((h0, h2), e0, g_above))
    g_above = fma_each((v1, v3), r1, fma_each((h1, h3), e1, g_above))
    return g_first, g_second, g_above, loss


def _delta_step(
    net, t, record, layout, weights, learning, below, above, rate_below, rate_above, offset, shape,
):  # fmt: skip
    nothing = in_lanes(0.0, shape.distances)
    if net.offset_every_step:
        below = fma_each(below, 1.0, offset)
    base = t * layout.size
    scale = factor(net.scales, 1, net.activation)
    _, reference = weights_at(weights, t * weights.shape[1], net, shape)
    factors = (
        below, factor(net.scales, 0, net.activation), times_each(above, scale),
        times_each(fma_each(above, 1.0, reference), scale),
    )  # fmt: skip
    four = (nothing, nothing, nothing, nothing)
    sums = four, four, (nothing, nothing), nothing
    twice = 2.0 / net.rows
    for tile in range(net.rows // ROWS):
        sums = _tile(net, record, base, tile, factors, sums, twice, shape)
    g_first, g_second, g_above, loss = sums
    g0, g1, total = sum_columns((g_above[0], g_above[1], loss))
    g_below = times_each(of_weights(g_first, g_second, ONE_EACH), net.scales[0])
    g_above = times_each((g0, g1), net.scales[1] * twice)
    below, above = moved(
        record, base + layout.gradient, net, learning, below, above, g_below, g_above, rate_below, rate_above, shape,
    )  # fmt: skip
    return total * (1.0 / net.rows), below, above


implemented(delta_units_step, Tiles, _delta_step)
