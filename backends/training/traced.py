"""Pixels of traced trainings on the CPU: in float64, and as differences from an exact reference run."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.numpy_operations import floats
from deepzoom.backends.base import Facts, Job, ReadOut, Say
from deepzoom.backends.kernels.arithmetic.last_bit import OF_WEIGHTS
from deepzoom.backends.kernels.traced.module import StepKernels, kernels_of
from deepzoom.compiling import jit
from deepzoom.reference.training import Reference
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.graph import Node, ordered
from deepzoom.tracing.training import TracedTraining, X, Y

from .batches import read_out
from .exact import ExactTrainingJob
from .expansions import disturbed, signs
from .horizon import horizons
from .perturbation import Places, TrainingPerturbationJob

Floats = NDArray[np.float64]
State = tuple[Floats, Floats, NDArray[np.int64], Floats]
"""Where pixels stand: state (P, n), parameters (P, 2), step (P,) and sums (P, 4)."""

_BATCH_OPERATIONS = 2e10  # floating-point operations of one batch: some seconds on one core at most
_MORE = 53 * 4  # extra bits of a retry's first exact run


def operations(training: TracedTraining) -> float:
    """About how many floating-point operations one step takes."""
    total = 0.0
    for n in ordered([*training.after, training.loss]):
        depth = n.inputs[0].shape[-1] * 2 if n.op == "matmul" else 1
        total += n.size * depth
    return total


class TracedRuns:
    """The kernels of a training, as the jobs call them."""

    def __init__(self, system: TracedSystem, say: Say) -> None:
        self.training, self.steps = system.training, system.steps
        self.kernels: StepKernels = kernels_of(system.training)
        tables = [self._table(n) for n in self.kernels.per_step]
        self.tables = np.concatenate(tables, axis=1) if tables else np.zeros((1, 0))
        size = _BATCH_OPERATIONS / (operations(self.training) * self.steps)
        self.batch_size = int(min(4096, max(8, 2 ** round(math.log2(size)))))
        mark = self.kernels.module.__name__
        if not jit.ready(mark):
            say("Compiling the kernels of this training (once, some seconds) ...")
            n = self.training.layers[-1].stop
            self.ran((np.zeros((1, n)), np.zeros((1, 2)), np.zeros(1, np.int64), np.zeros((1, 4))), False, 1)
            jit.mark_ready(mark)

    def _table(self, n: Node) -> Floats:
        if n.data[0] == "step":
            return np.arange(float(self.steps))[:, None]
        table: Floats = self.training.tables[n.data[1]]
        return table[: self.steps].reshape(self.steps, -1)

    def ran(self, state: State, sloped: bool, steps: int | None = None) -> Floats:
        """Run pixels to their end, in place, and return their sums."""
        steps = self.steps if steps is None else steps
        self.kernels.module.run_pixels(steps, *state, self.kernels.numbers, self.tables, sloped, (0.0,))
        return state[3]

    def parameters(self, x: Floats, y: Floats) -> Floats:
        """The two parameters (P, 2) at some coordinates."""
        pair = zip((x, y), self.training.powers_of_ten, strict=True)
        return np.stack([10.0**v if power else v for v, power in pair], axis=1)

    def start(self, parameters: Floats) -> Floats:
        """The state (P, n) before the first step."""
        found = []
        for x, y in parameters:
            values = evaluate(self.training.start, {X: x, Y: y}, as_float64)
            found.append(np.concatenate([np.asarray(v, dtype=np.float64).ravel() for v in values]))
            if not _moves_start(self.training):
                return np.tile(found[0], (len(parameters), 1))
        return np.array(found)


def seconds_per_step(system: TracedSystem, say: Say) -> float:
    """Seconds that one step of one pixel takes on one core, measured within some milliseconds."""
    runs, steps, pixels = TracedRuns(system, say), 4, 16
    best = math.inf
    for _ in range(3):
        parameters = np.full((pixels, 2), 1e-6)
        state = runs.start(parameters), parameters, np.zeros(pixels, np.int64), np.zeros((pixels, 4))
        before = time.perf_counter()
        runs.ran(state, False, steps)
        best = min(best, time.perf_counter() - before)
    return best / (steps * pixels)


def _moves_start(training: TracedTraining) -> bool:
    """Whether pixels begin with different states."""
    return any(n in (X, Y) for n in ordered(training.start))


class TracedJob(Job):
    """Runs pixels in float64 to their end, from the states that ``begun`` gives."""

    has_shadow = True
    rungs = ("exact arithmetic",)
    _runs: TracedRuns
    _system: TracedSystem
    _view: View

    def begun(self, pixels: NDArray[np.int64], moved: bool) -> State:
        """The states of pixels before their first step in float64; moved: of their second run."""
        raise NotImplementedError

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return read_out(self._runs.ran(self.begun(pixels, False), False))

    def shadow(self, pixels: NDArray[np.int64]) -> ReadOut:
        return read_out(self._runs.ran(self.begun(pixels, True), True))

    def horizon(self, pixels: NDArray[np.int64]) -> NDArray[np.int32]:
        plain, shadow = self.begun(pixels, False), self.begun(pixels, True)
        return horizons(
            self._runs.steps,
            plain[2:],
            shadow[2:],
            lambda steps: self._runs.ran(plain, False, steps),
            lambda steps: self._runs.ran(shadow, True, steps),
        )

    def retry(self, pixels: NDArray[np.int64], rung: int) -> ReadOut:
        return ExactTrainingJob(self._system, self._view, None, _MORE).run(pixels)

    def retry_batch_size(self, rung: int) -> int:
        return 1


class TracedFloat64Job(TracedJob):
    """Runs pixels in float64 from their first step."""

    def __init__(self, system: TracedSystem, view: View, say: Say) -> None:
        self._system, self._view = system, view
        self._runs = TracedRuns(system, say)
        self.batch_size = self._runs.batch_size
        self.facts = Facts()

    def begun(self, pixels: NDArray[np.int64], moved: bool) -> State:
        x, y = self._view.points(pixels)
        if moved:
            x, y = disturbed(np.stack([x, y], axis=1), signs(pixels, 2, 0)).T
        parameters = self._runs.parameters(x, y)
        state = self._runs.start(parameters)
        if moved:
            parameters = disturbed(parameters, signs(pixels, 2, 1))
            state = disturbed(state, signs(pixels, state.shape[1], OF_WEIGHTS))
        return state, parameters, np.zeros(len(x), dtype=np.int64), np.zeros((len(x), 4))


class TracedPerturbationJob(TracedJob, TrainingPerturbationJob):  # type: ignore[misc]
    """Runs pixels as differences from a reference run, then in float64."""

    def __init__(self, system: TracedSystem, view: View, reference: Reference, seconds: float, say: Say) -> None:
        self._system, self._view, self._steps, self._deciding = system, view, system.steps, system.last
        self._runs = TracedRuns(system, say)
        self._reference, self._frame = reference, None
        self._layers = system.layers
        self._ends = np.array([layer.stop for layer in self._layers])
        self.batch_size = self._runs.batch_size
        self._totals = self._reference_totals()
        self._skip = None
        self._skip = self._confirmed_skip()
        self.holds_differences = self._hold_differences()
        skipped = 0 if self._skip is None else self._skip.step
        self.facts = Facts(reference.bits, reference.digits, reference.steps, seconds, skipped)

    def _parameters(self, by: Places) -> tuple[Floats, Floats]:
        """Differences of the two parameters (pixels, 2); the second array has no columns."""
        dx, dy, exponent = by
        found = []
        pair = zip((dx, dy), self._runs.training.powers_of_ten, self._reference.learning, strict=True)
        for d, power, value in pair:
            d = np.ldexp(d, exponent)
            found.append(value * np.expm1(d * math.log(10.0)) if power else d)
        return np.stack(found, axis=1), np.zeros((len(dx), 0))

    def _begun_differences(self, by: Places) -> Floats:
        """Differences (pixels, n) of the state before the first step."""
        training = self._runs.training
        changes, _ = self._parameters(by)
        found = np.zeros((len(changes), self._layers[-1].stop))
        if not _moves_start(training):
            return found
        given = {
            n: Delta(np.float64(value), Batch(np.ascontiguousarray(change)))
            for n, value, change in zip((X, Y), self._reference.learning, changes.T, strict=True)
        }
        for layer, value in zip(self._layers, evaluate(training.start, given, as_float64), strict=True):
            if isinstance(value, Delta):
                data = np.broadcast_to(value.difference.data, (len(found), *np.shape(floats(value.reference))))
                found[:, layer] = data.reshape(len(found), -1)
        return found

    def _stepped(
        self, first: int, last: int, threshold: float, differences: Floats, rates: Floats, offsets: Floats, sums: Floats
    ) -> NDArray[np.int64]:
        ref, kernels = self._reference, self._runs.kernels
        step = np.full(len(differences), first, dtype=np.int64)
        kernels.module.run_delta(
            self._steps, first, last, threshold, ref.record, ref.weights, ref.ratios, self._totals, self._ends,
            kernels.numbers, differences, rates, step, sums,
        )  # fmt: skip
        return step

    def begun(self, pixels: NDArray[np.int64], moved: bool) -> State:
        state, parameters, _, step, sums = self.handed_off(pixels, moved)
        return state, parameters, step, sums
