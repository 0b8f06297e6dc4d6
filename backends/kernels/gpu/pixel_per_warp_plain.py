"""The step of ``unit_per_lane_plain.py`` with a pixel in each warp: tensor cores multiply eight rows at a time.

It is for networks like the published ones: 16 inputs, 16 hidden units, one output, and a multiple of 8 rows, trained on
all rows or on minibatches of a multiple of 8. With the letters of ``tensor_cores.py``:

- Hidden inputs (16 units x 8 rows) are weights times inputs, C = A B. A lane holds the weights of units g + 8 u and
  inputs 4 q + i, as element 2 i + u. The columns of A may have any order, if the rows of B have the same.
- Gradients (16 units x 16 inputs) are the derivatives by hidden inputs times the inputs. A lane holds units g + 8 u in
  rows 2 q + b of C. These are just the elements of the next A that it needs, if rows are counted as q + 4 b: nothing
  moves between lanes. The columns of B are ordered so that a lane gets the gradients of its own weights.

``backends/gpu/pixel_per_warp.py`` puts data rows into this order beforehand.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from deepzoom.compiling.jit import implemented, inner

from .lane_columns import fma_each, times_each
from .lane_group import in_lanes
from .tensor_cores import fragment, multiply_add, packed, put_fragment, sum_columns, sum_rows
from .unit_per_lane_plain import activated, no_weights, put_weights, unit_per_lane_step, weights_at

WIDTH, ROWS = 16, 8
"""How many inputs and hidden units there are, and data rows in a tile."""
BELOW, ABOVE = (1, 4 * WIDTH, 8, WIDTH), (1, 0, 8, 0)
"""The steps (``fragment``) between a lane's weights, below and above."""
HELD = (1.0,) * 10
"""As many elements as a lane reads of a tile: inputs for both products, and targets."""


class Tiles(NamedTuple):
    """What the compiler must know of a network, by the lengths of tuples, as ``Shape``."""

    kind: tuple[float, ...]
    below: tuple[float, ...]
    """As many elements as a lane holds weights below."""
    above: tuple[float, ...]
    drawn: tuple[float, ...]
    """One element where the network is trained on minibatches, else none."""
    rows: tuple[float, ...]
    """As many elements as the tensor cores multiply rows at once."""
    distances: tuple[np.int64, ...]
    """Of 32 lanes."""


@inner
def drawn_tiles(net, step):
    """(first, last + 1) of the tiles of the rows drawn in a step; these tiles stand after those of all rows."""
    tiles = net.batches.shape[1] // ROWS
    first = net.rows // ROWS + min(step, net.batches.shape[0] - 1) * tiles
    return first, first + tiles


@inner
def of_weights(first, second, above):
    """Gradients of a lane's weights below: the results of the two products, times the factors above."""
    v, w = above
    return (
        first[0] * v, first[2] * w, first[1] * v, first[3] * w,
        second[0] * v, second[2] * w, second[1] * v, second[3] * w,
    )  # fmt: skip


@inner
def _ahead(x, tile, below, above, shape):
    """The forward pass of eight rows: inputs for the gradients, hidden values, their slopes, errors of the outputs."""
    x0, x1, x2, x3, b0, b1, b2, b3, y0, y1 = packed(x, tile * 32 * len(HELD), HELD, shape.distances)
    nothing = in_lanes(0.0, shape.distances)
    z = multiply_add(below, (x0, x1, x2, x3), (nothing, nothing, nothing, nothing), shape.rows)
    h0, steep0 = activated(z[0], shape)
    h1, steep1 = activated(z[1], shape)
    h2, steep2 = activated(z[2], shape)
    h3, steep3 = activated(z[3], shape)
    out = sum_rows((above[0] * h0 + above[1] * h2, above[0] * h1 + above[1] * h3))
    return (b0, b1, b2, b3), (h0, h1, h2, h3), (steep0, steep1, steep2, steep3), (out[0] - y0, out[1] - y1)


@inner
def _tile(x, tile, below, above, g_first, g_second, g_above, loss, shape):
    """Add eight rows, each lane its own, to gradients and loss; the gradients g still lack the factors above."""
    (b0, b1, b2, b3), (h0, h1, h2, h3), steep, (e0, e1) = _ahead(x, tile, below, above, shape)
    back = (e0 * steep[0], e0 * steep[2], e1 * steep[1], e1 * steep[3])
    g_first = multiply_add(back, (b0, b1), g_first, shape.rows)
    g_second = multiply_add(back, (b2, b3), g_second, shape.rows)
    g_above = fma_each((h1, h3), e1, fma_each((h0, h2), e0, g_above))
    return g_first, g_second, g_above, loss + e0 * e0 + e1 * e1


def _no_weights(shape):
    nothing = in_lanes(0.0, shape.distances)
    return times_each(shape.below, nothing), times_each(shape.above, nothing)


def _weights_at(array, start, net, shape):
    below = fragment(array, start, BELOW, shape.below, shape.distances)
    return below, fragment(array, start + WIDTH * WIDTH, ABOVE, shape.above, shape.distances)


def _put_weights(array, start, below, above, net, shape):
    put_fragment(array, start, BELOW, below, shape.distances)
    put_fragment(array, start + WIDTH * WIDTH, ABOVE, above, shape.distances)


def _step(net, t, below, above, rate_below, rate_above, offset, shape):
    nothing = in_lanes(0.0, shape.distances)
    if net.offset_every_step:
        below = fma_each(below, 1.0, offset)
    g_first = (nothing, nothing, nothing, nothing)
    g_second, g_above, loss = g_first, (nothing, nothing), nothing
    first, last, twice = 0, net.rows // ROWS, 2.0 / net.rows
    if len(shape.drawn) > 0:
        for tile in range(last):
            _, _, _, (e0, e1) = _ahead(net.x, tile, below, above, shape)
            loss = loss + e0 * e0 + e1 * e1
        first, last = drawn_tiles(net, t)
        twice = 2.0 / net.batches.shape[1]
    of_drawn = nothing
    for tile in range(first, last):
        g_first, g_second, g_above, of_drawn = _tile(
            net.x, tile, below, above, g_first, g_second, g_above, of_drawn, shape,
        )  # fmt: skip
    if len(shape.drawn) == 0:
        loss = of_drawn
    g_below = of_weights(g_first, g_second, above)
    g0, g1, total = sum_columns((g_above[0], g_above[1], loss))
    below = fma_each(g_below, -(rate_below * twice), below)
    above = fma_each((g0, g1), -(rate_above * twice), above)
    return total * (1.0 / net.rows), below, above


implemented(no_weights, Tiles, _no_weights)
implemented(weights_at, Tiles, _weights_at)
implemented(put_weights, Tiles, _put_weights)
implemented(unit_per_lane_step, Tiles, _step)
