"""The CPU's training kernels on a GPU: a pixel in each thread, for networks that do not fit a warp's registers.

``LANES`` neighbouring threads stand for the lanes of a vector (``simd.py``). Such a group has one workspace, its
*slot*: the numbers of a vector lie side by side there, so that neighbouring threads read neighbouring numbers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from deepzoom.backends.kernels.arithmetic.simd import LANES, first_lane, past_lane
from deepzoom.backends.kernels.arithmetic.simd_llvm import WIDTH, on_cpu
from deepzoom.backends.kernels.training.delta_layout import delta_workspace
from deepzoom.backends.kernels.training.delta_run import DELTA_EXTRA, rooms, to_hand_off
from deepzoom.backends.kernels.training.plain_layout import layout
from deepzoom.backends.kernels.training.plain_run import PLAIN_EXTRA, run_through
from deepzoom.compiling.jit import kernel

from .lane_group import any_group, next_pixel

GROUP = tuple([1] * (WIDTH.bit_length() - 1))
"""``distances`` (``lane_group.py``) of a group of ``LANES``: only the length matters."""


@intrinsic
def own_slot(typingctx: Any, counter: Any, group: Any) -> Any:
    """The index of this thread's slot; on the CPU the next number of a counter. group: ``GROUP``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        i64, i32 = ir.IntType(64), ir.IntType(32)
        if on_cpu(typingctx):
            data = context.make_array(signature.args[0])(context, builder, args[0]).data
            return builder.atomic_rmw("add", data, ir.Constant(i64, 1), "monotonic")
        kind = ir.FunctionType(i32, [])
        special = {
            name: builder.call(
                builder.module.globals.get(f"llvm.nvvm.read.ptx.sreg.{name}")
                or ir.Function(builder.module, kind, f"llvm.nvvm.read.ptx.sreg.{name}"),
                [],
            )
            for name in ("ctaid.x", "ntid.x", "tid.x")
        }
        thread = builder.add(builder.mul(special["ctaid.x"], special["ntid.x"]), special["tid.x"])
        return builder.zext(builder.udiv(thread, ir.Constant(i32, 2**group.count)), i64)

    return types.int64(counter, group), codegen


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
