"""Pixels of traced trainings on the CPU: in float64, and as differences from an exact reference run."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from deepzoom.arithmetic.delta import Delta
from deepzoom.arithmetic.difference import Batch
from deepzoom.arithmetic.numpy_operations import floats
from deepzoom.backends.base import Course, Facts, Job, ReadOut, Say
from deepzoom.backends.kernels.arithmetic.last_bit import OF_WEIGHTS
from deepzoom.backends.kernels.traced.module import kernels_of
from deepzoom.compiling.ahead import compile_ahead
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import Reference
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.training import X, Y

from .expansions import disturbed, further, signs
from .following import Followers, skipped_tangents
from .horizon import horizons
from .perturbation import Places, TrainingPerturbationJob
from .traced_expansions import TracedExpansions
from .traced_runs import NONE, Floats, State, TracedRuns


class TracedJob(Job):
    """Runs pixels in float64 to their end, from the states that ``begun`` gives."""

    has_shadow = True
    rungs = TracedExpansions.rungs
    _runs: TracedRuns
    _expansions: TracedExpansions
    _system: TracedSystem
    _view: View
    _followers: Followers

    def begun(self, pixels: NDArray[np.int64], moved: bool) -> State:
        """The states of pixels before their first step in float64; moved: of their second run."""
        raise NotImplementedError

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        return self._runs.ended(self.begun(pixels, False), NONE)

    def shadow(self, pixels: NDArray[np.int64]) -> ReadOut:
        return self._runs.ended(self.begun(pixels, True), 0)

    def horizon(self, pixels: NDArray[np.int64]) -> NDArray[np.int32]:
        plain, shadow = self.begun(pixels, False), self.begun(pixels, True)
        return horizons(
            self._runs.steps,
            plain[2:],
            shadow[2:],
            lambda steps: self._runs.ran(plain, NONE, steps),
            lambda steps: self._runs.ran(shadow, 0, steps),
        )

    def retry(self, pixels: NDArray[np.int64], rung: int) -> ReadOut:
        return self._expansions.retry(pixels, rung)

    def retry_batch_size(self, rung: int) -> int:
        return self._expansions.retry_batch_size(rung)


class TracedFloat64Job(TracedJob):
    """Runs pixels in float64 from their first step."""

    def __init__(self, system: TracedSystem, view: View, say: Say) -> None:
        self._system, self._view = system, view
        self._runs = TracedRuns(system, say)
        self._followers = Followers(self._runs, say)
        self._expansions = TracedExpansions(self._runs, system, view, say)
        self.batch_size = self._runs.batch_size
        self.facts = Facts()

    def begun(self, pixels: NDArray[np.int64], moved: bool) -> State:
        x, y = self._view.points(pixels)
        parameters = self._runs.parameters(x, y)
        state = self._runs.start(parameters)
        if moved:
            near = self._runs.parameters(*disturbed(np.stack([x, y], axis=1), signs(pixels, 2, 0)).T)
            apart = further(self._runs.start(near), state, signs(pixels, state.shape[1], OF_WEIGHTS))
            state = np.where(self._runs.counting, state, apart)
            parameters = further(near, parameters, signs(pixels, 2, 1))
        return state, parameters, np.zeros(len(x), dtype=np.int64), np.zeros((len(x), 4))

    def course(self, pixels: NDArray[np.int64], exponents: bool) -> Course:
        follower, (state, parameters, *_) = self._followers.of(exponents), self.begun(pixels, False)
        return follower.course(follower.standing(state, parameters, parameters, follower.start_tangents(parameters)))


def compile_kernels_ahead(system: TracedSystem) -> None:
    """Let another process compile a training's kernels, while this one computes the reference run."""
    kernels, n, one = kernels_of(system.training), system.layers[-1].stop, np.zeros((1, 1))
    state, rates, step, sums = np.zeros((1, n)), np.zeros((1, 2)), np.zeros(1, np.int64), np.zeros((1, 4))
    reference = one, one, np.zeros(1), sums, np.zeros(1, np.int64)
    compile_ahead(
        (kernels.module.run_pixels, (1, state, rates, step, sums, kernels.numbers, one, NONE, (0.0,))),
        (kernels.module.run_delta, (1, 0, 1, 1.0, *reference, kernels.numbers, state, rates, step, sums)),
    )


class TracedPerturbationJob(TracedJob, TrainingPerturbationJob):  # type: ignore[misc]
    """Runs pixels as differences from a reference run, then in float64."""

    def __init__(
        self,
        system: TracedSystem,
        view: View,
        reference: Reference,
        seconds: float,
        say: Say,
        frame: Frame | None = None,
    ) -> None:
        self._system, self._view, self._steps, self._deciding = system, view, system.steps, system.last
        self._runs = TracedRuns(system, say)
        self._counting = self._runs.counting
        self._followers = Followers(self._runs, say)
        self._reference, self._frame = reference, frame
        self._layers = system.layers
        self._ends = np.array([layer.stop for layer in self._layers])
        self.batch_size = self._runs.batch_size
        self._totals = self._reference_totals()
        self._skip = None
        self._skip = self._confirmed_skip()
        self.holds_differences = self._hold_differences()
        self._expansions = TracedExpansions(self._runs, system, view, say, reference, self._totals, self._skip, frame)
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
        if not self._runs.moves_start:
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

    def course(self, pixels: NDArray[np.int64], exponents: bool) -> Course:
        follower, ref = self._followers.of(exponents), self._reference
        by, at = self._differences(pixels)
        first, differences, parameters, _, _ = self._start(self._skip, by, at)
        own = ref.learning + parameters
        tangents, exponent = follower.start_tangents(own), 0
        if self._skip is not None and exponents:
            tangents, exponent = skipped_tangents(self._skip, at, self._view, self._frame)
        standing = follower.standing(differences, parameters, own, tangents, exponent)
        follower.to_hand_off(standing, ref, self._ends, first, min(ref.steps, self._steps))
        return follower.course(standing)
