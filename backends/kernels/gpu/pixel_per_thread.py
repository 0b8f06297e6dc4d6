"""The CPU's training kernels on a GPU: a pixel in each thread, for networks that do not fit a warp's registers.

``LANES`` neighbouring threads stand for the lanes of a vector (``simd.py``). Such a group has one workspace, its
*slot*: the numbers of a vector lie side by side there, so that neighbouring threads read neighbouring numbers.
"""

from __future__ import annotations

from deepzoom.backends.kernels.arithmetic.simd import LANES, first_lane, past_lane
from deepzoom.backends.kernels.training.delta_layout import delta_workspace
from deepzoom.backends.kernels.training.delta_run import DELTA_EXTRA, rooms, to_hand_off
from deepzoom.backends.kernels.training.plain_layout import layout
from deepzoom.backends.kernels.training.plain_run import PLAIN_EXTRA, run_through
from deepzoom.compiling.jit import kernel

from .lane_group import any_group, next_pixel, own_slot


@kernel()
def plain_room(net):
    """How many numbers a slot of ``run_plain_lanes`` holds."""
    return layout(net.widths).size + PLAIN_EXTRA * LANES


@kernel()
def delta_rooms(net, drawn_layout):
    """How many numbers a slot of ``run_delta_lanes`` holds: for each lane, and shared by the lanes."""
    shared, drawn, xs = rooms(net, drawn_layout)
    return delta_workspace(net.widths).size + DELTA_EXTRA * LANES, shared + drawn + xs


@kernel()
def run_plain_lanes(queue, counter, net, steps, weights, rates, offsets, step, sums, frozen, lanes, own, group):
    """Run pixels on from their step to the end, as ``run_through``; none freezes.

    queue, counter (1,): int64, zero before the first call. frozen: (0,) bool. lanes: (slots, ``plain_room``); own
    (slots, 2, LANES) int64: room for each lane's step and pixel. group: ``GROUP``; it keeps kernels on disk apart that
    were compiled for another number of lanes.
    """
    slot = own_slot(counter, group)
    if slot < lanes.shape[0]:
        t, holds = own[slot, 0], own[slot, 1]
        run_through(queue, net, steps, weights, rates, offsets, step, sums, frozen, lanes[slot], t, holds)


@kernel()
def run_delta_lanes(
    queue, counter, net, steps, first, last, threshold, record, layout, drawn_layout, weights, learning, ratios, totals,
    differences, rates, offsets, step, sums, lanes, room, group,
):  # fmt: skip
    """Run pixels as differences from step ``first`` until their hand-off, as ``run_delta``, in place.

    On return ``differences`` holds the pixels' own weights, and step (P,) the steps of their hand-offs. lanes and room:
    (slots, ``delta_rooms``), of whole warps. group: ``GROUP``.
    """
    slot = own_slot(counter, group)
    if slot >= lanes.shape[0]:
        return
    pixels = step.size
    shared_size, drawn_size, _ = rooms(net, drawn_layout)
    shared, drawn = room[slot, :shared_size], room[slot, shared_size : shared_size + drawn_size]
    xs = room[slot, shared_size + drawn_size :]
    batch = 0
    while True:
        batch = next_pixel(queue, True, batch, group)
        start = batch * LANES
        if not any_group(start < pixels):
            return
        to_hand_off(
            net, steps, first, last, threshold, record, layout, drawn_layout, weights, learning, ratios, totals,
            differences, rates, offsets, step, sums, start, lanes[slot], shared, drawn, xs,
        )  # fmt: skip
        for lane in range(first_lane(), past_lane()):
            pixel = start + lane
            if pixel < pixels:
                t = min(step[pixel], weights.shape[0] - 1)
                for i in range(differences.shape[1]):
                    differences[pixel, i] += weights[t, i]
