"""Training on GPUs with a pixel in each thread: for networks that do not fit ``unit_per_lane.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut
from deepzoom.backends.kernels.arithmetic.simd import LANES
from deepzoom.backends.kernels.gpu.lane_group import GROUP
from deepzoom.backends.kernels.gpu.pixel_per_thread import (
    delta_rooms,
    plain_room,
    run_delta_lanes,
    run_plain_lanes,
)
from deepzoom.backends.kernels.training.delta_layout import RecordLayout
from deepzoom.backends.kernels.training.network_arrays import NetworkArrays
from deepzoom.backends.training.batches import read_out

from .device import Arrays
from .unit_per_lane import Pixels, Polynomials, ReferenceArrays, Runs, UnitPerLane, obstacle, placed

Floats = NDArray[np.float64]

WORKSPACE = 2**30
"""The most bytes for the workspaces of a batch: enough for some thousand threads, which keep a GPU's memory busy.

Two batches are under way at a time.
"""
THREADS = 128
_WARP = 32


def slots(pixels: int, size: int) -> int:
    """How many workspaces of ``size`` numbers to make, each for ``LANES`` threads: for whole warps."""
    warp = _WARP // int(LANES)
    wanted, room = -(-pixels // _WARP), WORKSPACE // (8 * size) // warp
    return max(1, min(wanted, room)) * warp


def runs_of(
    net: NetworkArrays, steps: int, reference: ReferenceArrays | None = None, drawn: RecordLayout | None = None
) -> UnitPerLane | PixelPerThread:
    """What runs the pixels of a network on GPUs; the arguments are those of its class."""
    return UnitPerLane(net, steps, reference) if obstacle(net) is None else PixelPerThread(net, steps, reference, drawn)


class PixelPerThread(Runs):
    """Runs a pixel in each thread."""

    batch_size = 2**14

    def __init__(
        self,
        net: NetworkArrays,
        steps: int,
        reference: ReferenceArrays | None = None,
        drawn: RecordLayout | None = None,
    ) -> None:
        """drawn: where the reference's values stand in its record, of the rows of a minibatch."""
        ref, self._drawn = reference, drawn
        given = None if ref is None else (
            ref.record, ref.layout, drawn, ref.weights, ref.learning, ref.ratios, ref.totals
        )  # fmt: skip
        super().__init__(net, steps, given)

    def finish(self, one: Arrays, weights: Any, rates: Floats, offsets: Floats, step: Any, sums: Any) -> ReadOut:
        """Run pixels from where they stand to their end, as ``unit_per_lane.UnitPerLane.finish``."""
        net, _ = self._on(one)
        size = plain_room(self._net)
        count = slots(len(rates), size)
        sums = placed(one, sums)
        given = placed(one, weights), one.upload(rates), one.upload(offsets), placed(one, step), sums
        room = one.zeros((count, size), np.float64), one.zeros((count, 2, int(LANES)), np.int64)
        queues = one.zeros(1, np.int64), one.zeros(1, np.int64)
        none = one.zeros(0, np.bool_)
        one.launch(run_plain_lanes, (*queues, net, self._steps, *given, none, *room, GROUP), THREADS)
        return read_out(one.download(sums))

    def _launch_delta(
        self, one: Arrays, given: tuple[Any, ...], start: Polynomials, pixels: int, moved: Pixels | None
    ) -> None:
        size, more = delta_rooms(self._net, self._drawn)
        count = slots(pixels, size + more)
        room = one.zeros((count, size), np.float64), one.zeros((count, more), np.float64)
        queues = one.zeros(1, np.int64), one.zeros(1, np.int64)
        one.launch(run_delta_lanes, (*queues, *given, *room, GROUP), THREADS)
