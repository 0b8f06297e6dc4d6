"""Traced trainings on GPUs: the CPU's generated kernels with a pixel in each thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.kernels.arithmetic.last_bit import OF_DIFFERENCES
from deepzoom.backends.kernels.arithmetic.simd import LANES
from deepzoom.backends.kernels.gpu.lane_group import GROUP
from deepzoom.backends.training.expansions import disturbed, signs
from deepzoom.backends.training.horizon import horizons
from deepzoom.backends.training.traced import TracedFloat64Job, TracedJob, TracedPerturbationJob
from deepzoom.backends.training.traced_runs import NONE, Floats, TracedRuns
from deepzoom.compiling import jit
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import HAND_OFF, Reference
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem

from .device import Arrays
from .devices import Devices
from .pixel_per_thread import THREADS, WORKSPACE, slots
from .unit_per_lane import Held, placed

Pixels = NDArray[np.int64]
Standing = tuple[Any, Any, Any, Any]
"""A ``State`` of ``traced_runs.py``, here or on a GPU."""

_FEWEST = 1024
"""Fewer threads than this would leave most of a GPU idle."""


class TracedPerThread(Held):
    """Runs pixels of a traced training on GPUs.

    runs: its kernels. reference: what ``run_delta`` takes of a reference run, from its record to ``ends``; () for none.
    """

    batch_size = 2**14

    def __init__(self, runs: TracedRuns, reference: tuple[Any, ...] = ()) -> None:
        super().__init__()
        self._module, self._steps, self._reference = runs.kernels.module, runs.steps, reference
        self._constants = runs.kernels.numbers, runs.tables
        m = self._module
        self._sizes = {
            "plain": m.PLAIN_SIZE + m.EXTRA,
            "sloped": m.SLOPED_SIZE + m.EXTRA,
            "delta": m.DELTA_SIZE + m.DELTA_EXTRA,
        }

    def obstacle(self) -> str | None:
        """Why GPUs cannot run the training, or None."""
        size = 8 * max(self._sizes.values())
        if size * _FEWEST <= WORKSPACE:
            return None
        return f"a step of this training needs {size / 2**20:.1f} MiB for each pixel, too much for a GPU's kernels"

    def _on(self, one: Arrays) -> tuple[Any, ...]:
        """(numbers, tables, *reference) on a GPU."""
        return self._kept(one, "training", lambda: (*self._constants, *self._reference))

    def _lanes(self, one: Arrays, pixels: int, step: str) -> Any:
        """Workspaces for a step."""
        size = self._sizes[step] * int(LANES)
        return one.zeros((slots(pixels, size), size), np.float64)

    def run(self, one: Arrays, state: Standing, moved: bool, steps: int | None = None) -> tuple[Any, Any]:
        """Run pixels to their end, or to a step; their steps and sums on the GPU. moved: these are second runs."""
        there = [placed(one, v) for v in state]
        lanes = self._lanes(one, len(state[1]), "sloped" if moved else "plain")
        own = one.zeros((len(lanes), 2, int(LANES)), np.int64)
        queues = one.zeros(1, np.int64), one.zeros(1, np.int64)
        given = self._steps if steps is None else steps, *there, *self._on(one)[:2], 0 if moved else NONE, (0.0,)
        one.launch(self._module.run_pixels_lanes, (*queues, *given, lanes, own, GROUP), THREADS)
        return there[2], there[3]

    def from_reference(
        self, one: Arrays, first: int, last: int, differences: Floats, parameters: Floats, sums: Floats,
        moved: Pixels | None,
    ) -> tuple[Any, Any, Any]:  # fmt: skip
        """State, step and sums at the hand-offs, on the GPU. moved: the pixels' numbers in a second run."""
        numbers, _, *reference = self._on(one)
        state, step, own = one.upload(differences), one.zeros(len(sums), np.int64), one.upload(sums)
        which = one.upload(np.zeros(0, np.int64) if moved is None else moved)
        lanes = self._lanes(one, len(sums), "delta")
        queues = one.zeros(1, np.int64), one.zeros(1, np.int64)
        given = self._steps, first, last, HAND_OFF, *reference, numbers, state, one.upload(parameters), step, own, which
        one.launch(self._module.run_delta_lanes, (*queues, *given, lanes, GROUP), THREADS)
        return state, step, own


class GpuTracedJob(TracedJob):
    """A base class to put before the CPU's job: runs that job's pixels on GPUs.

    On GPUs run the pixels, their second runs and horizons. The CPU's job runs retries, and whatever a GPU cannot.
    """

    _devices: Devices
    _on_gpu: TracedPerThread

    def _open(self, say: Say, reference: tuple[Any, ...] = ()) -> None:
        """Open the GPUs; reference: as of ``TracedPerThread``."""
        self._on_gpu = TracedPerThread(self._runs, reference)
        why = self._on_gpu.obstacle()
        if why is not None:
            say(f"Running on the CPU: {why}.")
        self._devices = Devices([], say) if why is not None else Devices.opened(say)
        if self._devices.count:
            self.batch_size = TracedPerThread.batch_size
            if not jit.ready(f"{self._runs.mark}-gpu"):
                say("Preparing the kernels of this training for the GPU (the first time up to a minute) ...")

    def standing(self, one: Arrays, pixels: Pixels, moved: bool) -> Standing:
        """The states of pixels before their first step in float64, here or on the GPU; moved: of their second run."""
        return self.begun(pixels, moved)

    def run(self, pixels: Pixels) -> ReadOut:
        return self._ran(pixels, False, super().run)

    def shadow(self, pixels: Pixels) -> ReadOut:
        return self._ran(pixels, True, super().shadow)

    def _ran(self, pixels: Pixels, moved: bool, cpu: Callable[[Pixels], ReadOut]) -> ReadOut:
        def on_gpu(one: Arrays, some: Pixels) -> ReadOut:
            state, *others = (placed(one, v) for v in self.standing(one, some, moved))
            _, sums = self._on_gpu.run(one, (state, *others), moved)
            jit.mark_ready(f"{self._runs.mark}-gpu")
            final = one.download(state) if self._runs.labels is not None else np.zeros((len(some), 0))
            return self._runs.read_out(final, one.download(sums))

        return self._devices.run(pixels, on_gpu, cpu, ReadOut.joined)

    def horizon(self, pixels: Pixels) -> NDArray[np.int32]:
        def on_gpu(one: Arrays, some: Pixels) -> NDArray[np.int32]:
            (plain, run_plain), (shadow, run_shadow) = (self._by_steps(one, some, moved) for moved in (False, True))
            return horizons(self._runs.steps, plain, shadow, run_plain, run_shadow)

        return self._devices.run(pixels, on_gpu, super().horizon, np.concatenate)

    def _by_steps(
        self, one: Arrays, pixels: Pixels, moved: bool
    ) -> tuple[tuple[NDArray[np.int64], Floats], Callable[[int], None]]:
        """Step and sums of pixels, and what takes their runs on to a step and updates these."""
        state, parameters, step, sums = (placed(one, v) for v in self.standing(one, pixels, moved))
        here = one.download(step), one.download(sums)

        def run(steps: int) -> None:
            for old, new in zip(here, self._on_gpu.run(one, (state, parameters, *here), moved, steps), strict=True):
                old[:] = one.download(new)

        return here, run


class GpuTracedFloat64Job(GpuTracedJob, TracedFloat64Job):
    """Runs pixels in float64 from their first step."""

    def __init__(self, system: TracedSystem, view: View, say: Say) -> None:
        super().__init__(system, view, say)
        self._open(say)


class GpuTracedPerturbationJob(GpuTracedJob, TracedPerturbationJob):  # type: ignore[misc]
    """Runs pixels as differences from a reference run, then in float64."""

    def __init__(
        self, system: TracedSystem, view: View, reference: Reference, seconds: float, say: Say,
        frame: Frame | None = None,
    ) -> None:  # fmt: skip
        super().__init__(system, view, reference, seconds, say, frame)
        self._open(say, (reference.record, reference.weights, reference.ratios, self._totals, self._ends))

    def standing(self, one: Arrays, pixels: Pixels, moved: bool) -> Standing:
        """``begun`` on a GPU; the kernel moves the state of second runs."""
        ref, size = self._reference, self._layers[-1].stop
        first, differences, changes, _, sums = self._start(self._skip, *self._differences(pixels, moved))
        parameters = ref.learning + changes
        if moved:
            changes = disturbed(changes, signs(pixels, size, OF_DIFFERENCES, min(size, 2)))
            parameters = disturbed(parameters, signs(pixels, 2, 2))
        last, numbers = min(ref.steps, self._steps), pixels if moved else None
        state, step, own = self._on_gpu.from_reference(one, first, last, differences, changes, sums, numbers)
        return state, parameters, step, own
