"""The horizon (``backends/training/horizon.py``) with a hidden unit in each lane of a group.

The run of a pixel and its shadow advance side by side, by the steps of ``unit_per_lane_plain.py``.
"""

from __future__ import annotations

from deepzoom.backends.kernels.arithmetic.last_bit import OF_WEIGHTS
from deepzoom.backends.kernels.training.convergence_measure import FIRST, SUM, with_loss
from deepzoom.backends.kernels.training.network_arrays import factor
from deepzoom.compiling.jit import inner, kernel

from .lane_group import any_group, first_of, next_pixel
from .unit_per_lane_plain import disturbed, factors_of, no_weights, unit_per_lane_step, weights_at


@inner
def _taken(net, state, p, numbers, places, shape):
    """(factors below and above, their rates, the offset of those below, step, first loss) of a pixel.

    state: weights, rates, offsets, step and sums of all pixels, numbers and places: as of ``run_unit_per_lane``.
    """
    weights, rates, offsets, step, sums = state
    start = weights_at(weights, p * weights.shape[1] if weights.shape[0] > 1 else 0, net, shape)
    if numbers.size > 0:
        start = disturbed(start, numbers[p], OF_WEIGHTS, places, net, shape)
    first, second = factor(net.scales, 0, net.activation), factor(net.scales, 1, net.activation)
    below, above = factors_of(start, net)
    return (
        below,
        above,
        rates[p, 0] * net.scales[0] * first,
        rates[p, 1] * net.scales[1] * second,
        offsets[p, 0] * first,
        step[p],
        sums[p, FIRST],
    )


@inner
def _stepped(net, t, run, shape):
    """A run after step t, unchanged if it begins later; and its loss over the first, clipped as in the measure."""
    below, above, rate_below, rate_above, offset, begun, first = run
    loss, next_below, next_above = unit_per_lane_step(net, t, below, above, rate_below, rate_above, offset, shape)
    row = with_loss((first, 0.0, 0.0, 0.0), t, t + 1, first_of(loss))
    if begun <= t:
        below, above, first = next_below, next_above, row[FIRST]
    return (below, above, rate_below, rate_above, offset, begun, first), row[SUM]


@inner
def _nothing(shape):
    """The state of a run before a pixel is taken."""
    below, above = no_weights(shape)
    return below, above, 0.0, 0.0, 0.0, 0, 0.0


@kernel()
def run_horizons(queue, net, steps, share, negligible, plain, shadow, found, none, numbers, places, shape, sloped):
    """Write to ``found`` (P,) int64 the step from which a pixel's two runs differ, as ``horizons``; ``steps`` for none.

    plain, shadow: weights, rates, offsets, step and sums of all pixels. The shadow has the shape ``sloped``, and
    ``numbers`` and ``places`` are its own, all as of ``run_unit_per_lane``. none: (0,) int64.
    """
    pixels = found.size
    lanes = shape.distances
    pixel = 0
    t = 0
    over = True
    own = False
    one = _nothing(shape)
    two = _nothing(shape)
    while True:
        pixel = next_pixel(queue, over, pixel, lanes)
        if over:
            own = pixel < pixels
            p = min(pixel, pixels - 1)
            one, two = _taken(net, plain, p, none, places, shape), _taken(net, shadow, p, numbers, places, shape)
            t = min(one[5], two[5])
            over = own and t >= steps
            if over:
                found[pixel] = steps
        if not any_group(own):
            return
        both = max(one[5], two[5]) <= t
        one, a = _stepped(net, t, one, shape)
        two, b = _stepped(net, t, two, sloped)
        if own and not over:
            larger = max(a, b)
            lost = both and abs(a - b) > share * larger and larger > negligible
            over = lost or t + 1 == steps
            if over:
                found[pixel] = t if lost else steps
        t = t + 1 if t + 1 < steps else 0  # also in a group without a pixel
