"""Training on GPUs with a hidden unit in each lane: what the kernels ``unit_per_lane_*.py`` need, and their launch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import SETTLED, ReadOut
from deepzoom.backends.kernels.gpu.pixel_per_warp_plain import Tiles
from deepzoom.backends.kernels.gpu.unit_per_lane_delta import run_unit_per_lane_delta
from deepzoom.backends.kernels.gpu.unit_per_lane_expansions import run_unit_per_lane_expansions
from deepzoom.backends.kernels.gpu.unit_per_lane_horizon import run_horizons
from deepzoom.backends.kernels.gpu.unit_per_lane_plain import SLOPED, Shape, run_unit_per_lane
from deepzoom.backends.kernels.training.delta_layout import RecordLayout
from deepzoom.backends.kernels.training.expansion_step import ExpansionConstants
from deepzoom.backends.kernels.training.network_arrays import TANH, NetworkArrays
from deepzoom.backends.training.batches import read_out
from deepzoom.backends.training.horizon import NEGLIGIBLE

from . import pixel_per_warp
from .device import Arrays

Floats = NDArray[np.float64]
Pixels = NDArray[np.int64]
Standing = tuple[Any, Floats, Floats, Any, Any]
"""The state of pixels as ``horizon.State``: weights, rates, offsets, step and sums, here or on the GPU."""

MOST_UNITS, MOST_INPUTS, MOST_OUTPUTS = 32, 64, 8
"""The largest networks that fit: a warp has so many lanes, and its registers hold so many inputs and outputs."""
_THREADS, _REGISTERS = 128, 168
"""Three blocks of four warps on a multiprocessor; with fewer registers the sums of two rows no longer fit."""
_TILE_REGISTERS = 128
"""Four blocks on a multiprocessor."""


EXPANSION_BATCHES = {"double-double": 2048, "quad-double": 512}
"""Higher precisions that have a GPU kernel, and the pixels of a batch.

Each pixel runs twice and two batches are under way, which fills a large GPU for seconds. If the GPU fails, the CPU
needs minutes for a batch. A kernel for octo-double takes too long to compile.
"""


@dataclass(frozen=True)
class ReferenceArrays:
    """A reference run as ``run_unit_per_lane_delta`` takes it."""

    record: Floats
    layout: RecordLayout
    weights: Floats
    sizes: Floats
    learning: Floats
    ratios: Floats
    totals: Floats


class Polynomials(NamedTuple):
    """Differences of the weights where a kernel begins: it computes ``terms @ coefficients``."""

    terms: Any
    """(P, monomials)"""
    coefficients: Any
    """(monomials, n)"""


_NO_POLYNOMIALS = Polynomials(np.zeros((0, 0)), np.zeros((0, 0)))


def obstacle(net: NetworkArrays) -> str | None:
    """Why a network does not fit the kernels that keep it in registers, or None."""
    widths = net.widths.tolist()
    if len(widths) != 3:
        return "the GPU's kernels for these are for networks with one hidden layer"
    for name, width, most in zip(
        ("inputs", "hidden units", "outputs"), widths, (MOST_INPUTS, MOST_UNITS, MOST_OUTPUTS)
    ):
        if width > most:
            return f"the GPU's kernels for these are for networks of at most {most} {name}"
    return None


class Held:
    """Arrays that stay on each GPU."""

    def __init__(self) -> None:
        self._held: dict[tuple[int, str], tuple[Any, ...]] = {}
        self._lock = threading.Lock()

    def _kept(self, one: Arrays, name: str, make: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        """The result of ``make`` on a GPU, made and uploaded once."""
        with self._lock:
            if (id(one), name) not in self._held:
                self._held[id(one), name] = uploaded(one, make())
            return self._held[id(one), name]


class Runs(Held):
    """Runs the pixels of a training job on a GPU; network and reference are uploaded to each GPU once."""

    batch_size: int

    def __init__(self, net: NetworkArrays, steps: int, reference: tuple[Any, ...] | None) -> None:
        """reference: what the kernel of differences takes of the reference run."""
        super().__init__()
        self._net, self._steps, self._reference = net, steps, reference

    def _on(self, one: Arrays) -> tuple[Any, ...]:
        """(network, reference or None) on a GPU."""
        return self._kept(one, "network", lambda: self._given(one))

    def _given(self, one: Arrays) -> tuple[Any, ...]:
        """The same here, in the form that this GPU's kernels take."""
        return self._net, self._reference

    def from_reference(
        self,
        one: Arrays,
        first: int,
        last: int,
        threshold: float,
        start: Floats | Polynomials,
        rates: Floats,
        offsets: Floats,
        sums: Floats,
        moved: Pixels | None = None,
    ) -> tuple[Any, Any, Any]:
        """Differences from the reference until the hand-off: weights, step and sums there, on the GPU.

        start: differences of the weights (P, n); ``UnitPerLane`` also takes their polynomials. moved: None, or for
        ``UnitPerLane`` the pixels' numbers in a second run: its kernel moves differences and weights.
        """
        net, reference = self._on(one)
        if isinstance(start, Polynomials):
            differences = one.zeros((len(rates), start.coefficients.shape[1]), np.float64)
        else:
            differences, start = one.upload(start), _NO_POLYNOMIALS
        state = differences, one.upload(rates), one.upload(offsets)
        step, own = one.zeros(len(rates), np.int64), one.upload(sums)
        given = net, self._steps, first, last, threshold, *reference, *state, step, own
        self._launch_delta(one, given, start, len(rates), moved)
        return differences, step, own

    def _launch_delta(
        self, one: Arrays, given: tuple[Any, ...], start: Polynomials, pixels: int, moved: Pixels | None
    ) -> None:
        """Launch the kernel of differences. given: the arguments that all such kernels share, without the queue."""
        raise NotImplementedError


class UnitPerLane(Runs):
    """Runs a hidden unit in each lane; or a pixel in each warp, where tensor cores can compute the network."""

    batch_size = 2**16
    """Pixels of a batch: some hundred for each group of lanes of a large GPU, so that few lanes idle at the end."""

    def __init__(self, net: NetworkArrays, steps: int, reference: ReferenceArrays | None = None) -> None:
        super().__init__(net, steps, None if reference is None else tuple(vars(reference).values()))
        n, width, k = net.widths.tolist()
        self._size = (n + k) * width
        lanes = max(4, 1 << (width - 1).bit_length())
        distances = tuple(np.int64(1 << i) for i in range(lanes.bit_length() - 1))
        self.shape = Shape((1.0,) * net.activation, (1.0,) * n, (1.0,) * k, distances)
        drawn, warp = (1.0,) if net.batches.size else (), tuple(np.int64(1 << i) for i in range(5))
        self._tiles = Tiles(self.shape.kind, (1.0,) * 8, (1.0,) * 2, drawn, (), warp)

    def in_tiles(self, one: Arrays) -> bool:
        """Whether the tensor cores of a GPU are used."""
        return one.tensor_rows > 0 and pixel_per_warp.fits(self._net)

    def _given(self, one: Arrays) -> tuple[Any, ...]:
        return self._in_tiles if self.in_tiles(one) else (self._net, self._reference)

    @cached_property
    def _in_tiles(self) -> tuple[Any, ...]:
        """Network and reference in the form that the tensor-core kernels take."""
        reference = self._reference
        if reference is not None:
            reference = *pixel_per_warp.record_in_tiles(reference[0], reference[1], self._net), *reference[2:]
        return pixel_per_warp.tiled(self._net), reference

    def _shape(self, one: Arrays, shadow: bool = False) -> Shape | Tiles:
        """The shape for the compiler. shadow: with slopes that do not vanish where tanh is 1 to the last bit."""
        found = self._tiles._replace(rows=(1.0,) * one.tensor_rows) if self.in_tiles(one) else self.shape
        return found._replace(kind=(1.0,) * SLOPED) if shadow and self._net.activation == TANH else found

    def finish(
        self,
        one: Arrays,
        weights: Any,
        rates: Floats,
        offsets: Floats,
        step: Any,
        sums: Any,
        shadow: bool = False,
        moved: Pixels | None = None,
    ) -> ReadOut:
        """Run pixels from where they stand to their end, as ``batches.finish``; the arrays may be here or on the GPU.

        weights may have one row for all pixels. shadow: as of ``_shape``; moved: the pixels' numbers, where the kernel
        is to move their weights for a second run.
        """
        net, _ = self._on(one)
        sums = placed(one, sums)
        given = placed(one, weights), one.upload(rates), one.upload(offsets), placed(one, step), sums
        arguments = net, self._steps, *given, *self._moved(one, moved), self._shape(one, shadow)
        self._launch(one, run_unit_per_lane, (one.zeros(1, np.int64), *arguments))
        return read_out(one.download(sums))

    def horizons(
        self, one: Arrays, plain: Standing, shadow: Standing, moved: Pixels | None = None
    ) -> NDArray[np.int32]:
        """The step from which each pixel's run and its shadow differ, as ``horizon.horizons``.

        moved: as of ``finish``, for the weights of the shadow.
        """
        net, _ = self._on(one)
        both = (tuple(placed(one, v) for v in state) for state in (plain, shadow))
        found = one.zeros(len(plain[1]), np.int64)
        none, shapes = one.zeros(0, np.int64), (self._shape(one), self._shape(one, True))
        given = net, self._steps, SETTLED, NEGLIGIBLE, *both, found, none, *self._moved(one, moved), *shapes
        one.launch(run_horizons, (one.zeros(1, np.int64), *given), _THREADS, _REGISTERS if self.in_tiles(one) else None)
        return one.download(found).astype(np.int32)

    def in_expansions(
        self,
        one: Arrays,
        constants: ExpansionConstants,
        weights: Floats,
        rates: Floats,
        offsets: Floats,
        step: NDArray[np.int64],
        sums: Floats,
    ) -> None:
        """Run pixels from where they stand to their end in expansions, as ``run_expansions``; write only their sums."""
        (net,) = self._kept(one, "rows", lambda: (self._net,))
        own = one.upload(sums)
        state = one.upload(weights), one.upload(rates), one.upload(offsets), one.upload(step), own
        given = one.zeros(1, np.int64), net, uploaded(one, constants), self._steps, *state
        one.launch(run_unit_per_lane_expansions, (*given, self.shape, (0.0,) * constants.scales.shape[1]), _THREADS)
        sums[:] = one.download(own)

    def _launch_delta(
        self, one: Arrays, given: tuple[Any, ...], start: Polynomials, pixels: int, moved: Pixels | None
    ) -> None:
        arguments = *given, *uploaded(one, start), *self._moved(one, moved), self._shape(one)
        self._launch(one, run_unit_per_lane_delta, (one.zeros(1, np.int64), *arguments))

    def _moved(self, one: Arrays, pixels: Pixels | None) -> tuple[Any, Any]:
        """The arguments ``numbers`` and ``places`` of the kernels."""
        (places,) = self._kept(one, "places", lambda: (np.arange(self._size, dtype=np.float64),))
        return one.upload(np.zeros(0, np.int64) if pixels is None else pixels), places

    def _launch(self, one: Arrays, kernel: Any, arguments: tuple[Any, ...]) -> None:
        one.launch(kernel, arguments, _THREADS, _TILE_REGISTERS if self.in_tiles(one) else _REGISTERS)


def uploaded(one: Arrays, value: Any) -> Any:
    """A value whose arrays, also inside tuples, are uploaded to a GPU."""
    if isinstance(value, tuple):
        parts = [uploaded(one, v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return one.upload(value) if isinstance(value, np.ndarray) else value


def placed(one: Arrays, array: Any) -> Any:
    """An array on a GPU: uploaded, unless it is there already."""
    return one.upload(array) if isinstance(array, np.ndarray) else array
