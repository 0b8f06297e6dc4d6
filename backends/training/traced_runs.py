"""The kernels of a traced training, as its jobs call them."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.kernels.traced.module import StepKernels, kernels_of
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.compiling import jit
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.graph import Node, ordered
from deepzoom.tracing.training import TracedTraining, X, Y

from .batches import read_out

Floats = NDArray[np.float64]
State = tuple[Floats, Floats, NDArray[np.int64], Floats]
"""Where pixels stand: state (P, n), parameters (P, 2), step (P,) and sums (P, 4); of expansions, limb after limb."""

NONE = 2**62
"""Of rows that are second runs: there are none."""
_BATCH_OPERATIONS = 2e10  # floating-point operations of one batch: some seconds on one core at most


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
        self.moves_start = any(n in (X, Y) for n in ordered(system.training.start))
        """Whether pixels begin with different states."""
        sizes = [n.size for n in system.training.state]
        self.counting = np.repeat(system.training.counting, sizes)
        """Which numbers of the state only count, so that second runs do not move them."""
        self.kernels: StepKernels = kernels_of(system.training)
        labelling = system.training.labelling
        self.labels = None if labelling is None else kernels_of(labelling)
        """The kernels of the basins' numbers, None if basins have none."""
        tables = [self.table(n) for n in self.kernels.per_step]
        self.tables = np.concatenate(tables, axis=1) if tables else np.zeros((1, 0))
        size = _BATCH_OPERATIONS / (operations(self.training) * self.steps)
        self.batch_size = int(min(4096, max(8, 2 ** round(math.log2(size)))))
        self.mark = self.kernels.module.__name__ + ("" if self.labels is None else f"-{self.labels.module.__name__}")
        if not jit.ready(self.mark):
            say("Compiling the kernels of this training (once, some seconds) ...")
            self.compile(1)
            jit.mark_ready(self.mark)

    def compile(self, limbs: int) -> None:
        """Compile the kernel for numbers of some limbs, by one step."""
        n = self.training.layers[-1].stop
        state = np.zeros((1, n * limbs)), np.zeros((1, 2 * limbs)), np.zeros(1, np.int64), np.zeros((1, 4))
        self.read_out(state[0], self.ran(state, NONE, 1, limbs), limbs)

    def table(self, n: Node) -> Floats:
        """The values (steps, size) of an input that is different at each step."""
        if n.data[0] == "step":
            return np.arange(float(self.steps))[:, None]
        table: Floats = self.training.tables[n.data[1]]
        return table[: self.steps].reshape(self.steps, -1)

    def ran(self, state: State, second: int, steps: int | None = None, limbs: int = 1) -> Floats:
        """Run pixels to their end, in place, and return their sums. second, limbs: as of ``run_pixels``."""
        steps = self.steps if steps is None else steps
        numbers = self.kernels.numbers if limbs == 1 else self.kernels.expansions(limbs)
        self.kernels.module.run_pixels(steps, *state, numbers, self.tables, second, (0.0,) * limbs)
        return state[3]

    def ended(self, state: State, second: int, limbs: int = 1) -> ReadOut:
        """Run pixels to their end, in place, and read them out; arguments as of ``ran``."""
        return self.read_out(state[0], self.ran(state, second, None, limbs), limbs)

    def read_out(self, state: Floats, sums: Floats, limbs: int = 1) -> ReadOut:
        """Read-outs of pixels from their final state and sums."""
        out = read_out(sums)
        if self.labels is None:
            return out
        labels = self.labels
        count, number = len(state), np.zeros((len(state), convergence_measure.COLUMNS))
        numbers = labels.numbers if limbs == 1 else labels.expansions(limbs)
        given = state.copy(), np.zeros((count, 2 * limbs)), np.zeros(count, np.int64), number
        labels.module.run_pixels(1, *given, numbers, np.zeros((1, 0)), NONE, (0.0,) * limbs)
        found = (out.fate < 0) & np.isfinite(state).all(axis=1)
        basin = np.where(found, number[:, convergence_measure.FIRST], 0).astype(np.int16)
        return replace(out, attractor=basin)

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
            if not self.moves_start:
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
        runs.ran(state, NONE, steps)
        best = min(best, time.perf_counter() - before)
    return best / (steps * pixels)
