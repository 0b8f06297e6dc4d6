"""Training pixels on a GPU with a pixel in each thread: networks that ``units.py`` does not serve."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import ReadOut
from .device import Arrays
from .kernels.network import NetworkArrays
from .kernels.network_delta import RecordLayout
from .kernels.pixel_lanes import GROUP, delta_rooms, plain_room, run_delta_lanes, run_plain_lanes
from .kernels.simd import LANES
from .training import read_out
from .units import TILE as UNITS_TILE
from .units import ReferenceArrays, Units, obstacle, placed, uploaded

Floats = NDArray[np.float64]

TILE = 2**14
_WORKSPACE = 2**30
"""Bytes of all slots of a batch, at most: those of some thousand threads, which keep a GPU's memory busy. Two batches
are under way.
"""
_THREADS = 128
_WARP = 32


def runs_of(
    net: NetworkArrays, steps: int, reference: ReferenceArrays | None = None, drawn: RecordLayout | None = None
) -> tuple[Units | PixelLanes, int]:
    """What runs a network's pixels on GPUs, and how many of them make a tile."""
    if obstacle(net) is None:
        return Units(net, steps, reference), UNITS_TILE
    return PixelLanes(net, steps, reference, drawn), TILE


class PixelLanes:
    """A training job's pixels on whatever GPU is given, as ``units.Units``; the network goes to each once."""

    def __init__(
        self,
        net: NetworkArrays,
        steps: int,
        reference: ReferenceArrays | None = None,
        drawn: RecordLayout | None = None,
    ) -> None:
        """drawn: where a reference's values stand in the rows of a minibatch."""
        self._net, self._steps, self._reference, self._drawn = net, steps, reference, drawn
        self._held: dict[int, tuple[Any, ...]] = {}
        self._lock = threading.Lock()

    def _on(self, one: Arrays) -> tuple[Any, ...]:
        """(network, reference's record, layouts, weights, learning, ratios and totals or None) on a GPU."""
        with self._lock:
            if id(one) not in self._held:
                ref = self._reference
                given = None
                if ref is not None:
                    given = ref.record, ref.layout, self._drawn, ref.weights, ref.learning, ref.ratios, ref.totals
                self._held[id(one)] = uploaded(one, self._net), None if given is None else uploaded(one, given)
            return self._held[id(one)]

    def _slots(self, pixels: int, size: int) -> int:
        """Groups of threads that work at once, of whole warps, each with so many numbers of its own."""
        warp = _WARP // int(LANES)
        wanted, room = -(-pixels // _WARP), _WORKSPACE // (8 * size) // warp
        return max(1, min(wanted, room)) * warp

    def finish(self, one: Arrays, weights: Any, rates: Floats, offsets: Floats, step: Any, sums: Any) -> ReadOut:
        """Run pixels from where they stand to their end, as ``units.Units.finish``."""
        net, _ = self._on(one)
        size = plain_room(self._net)
        slots = self._slots(len(rates), size)
        sums = placed(one, sums)
        given = placed(one, weights), one.upload(rates), one.upload(offsets), placed(one, step), sums
        room = one.zeros((slots, size), np.float64), one.zeros((slots, 2, int(LANES)), np.int64)
        queues = one.zeros(1, np.int64), one.zeros(1, np.int64)
        none = one.zeros(0, np.bool_)
        one.launch(run_plain_lanes, (*queues, net, self._steps, *given, none, *room, GROUP), _THREADS)
        return read_out(one.download(sums))

    def from_reference(
        self,
        one: Arrays,
        first: int,
        last: int,
        threshold: float,
        differences: Floats,
        rates: Floats,
        offsets: Floats,
        sums: Floats,
    ) -> tuple[Any, Any, Any]:
        """Differences from the reference until the hand-off, as ``units.Units.from_reference``."""
        net, reference = self._on(one)
        state = one.upload(differences), one.upload(rates), one.upload(offsets)
        step, own = one.zeros(len(differences), np.int64), one.upload(sums)
        size, more = delta_rooms(self._net, self._drawn)
        slots = self._slots(len(rates), size + more)
        room = one.zeros((slots, size), np.float64), one.zeros((slots, more), np.float64)
        queues = one.zeros(1, np.int64), one.zeros(1, np.int64)
        given = net, self._steps, first, last, threshold, *reference, *state, step, own, *room, GROUP
        one.launch(run_delta_lanes, (*queues, *given), _THREADS)
        return state[0], step, own
