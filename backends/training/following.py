"""The course of runs: their last and lowest loss, output and finite-time Lyapunov exponent, read out step by step."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom.arithmetic.tangent import monomials
from deepzoom.backends.base import Course, Say
from deepzoom.backends.kernels.traced import following_loops as noted
from deepzoom.backends.kernels.traced.following import FollowingKernels, following_kernels
from deepzoom.compiling import jit
from deepzoom.coordinates import scaled_float
from deepzoom.reference.picture_coordinates import Frame
from deepzoom.reference.training import HAND_OFF, ORDER, Reference
from deepzoom.scene.view import View
from deepzoom.systems.training_run import Snapshot
from deepzoom.tracing.evaluate import as_float64, evaluate
from deepzoom.tracing.graph import Node
from deepzoom.tracing.tangents import AXES, start_tangents, tangent_inputs

from .traced_runs import TracedRuns

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Standing:
    """Where pixels stand: the arrays of the kernel ``follow``, one row for each."""

    moving: Floats
    fixed: Floats
    exponents: Integers
    step: Integers
    found: Floats


class Follower:
    """Follows pixels of a training. tangents: whether with tangents, which Lyapunov exponents need."""

    def __init__(self, runs: TracedRuns, tangents: bool, say: Say) -> None:
        self._runs, self._training, self._tangents, self._steps = runs, runs.training, tangents, runs.steps
        self._kernels: FollowingKernels = following_kernels(runs.training, tangents)
        tables = [runs.table(n) for n in self._kernels.per_step]
        self._tables = np.concatenate(tables, axis=1) if tables else np.zeros((1, 0))
        self._start_tangents = start_tangents(runs.training) if tangents else []
        self._beside: Floats | None = None
        mark = self._kernels.module.__name__
        if not jit.ready(mark):
            say("Compiling the kernels that follow this training (once, some seconds) ...")
            none = np.zeros((0, 2))
            self.course(self.standing(np.zeros((0, runs.training.layers[-1].stop)), none, none))
            jit.mark_ready(mark)

    def standing(
        self, state: Floats, parameters: Floats, own: Floats, tangents: Floats | None = None, exponent: int = 0
    ) -> Standing:
        """Pixels before their first step.

        state (P, n), parameters (P, 2): values, or differences from the reference. own (P, 2): the values of the
        parameters. tangents (P, 2 n): of the state, by x and by y, over 2**exponent; None: 0.
        """
        count, size = state.shape
        parts = [state]
        fixed = [parameters]
        if self._tangents:
            parts.append(np.zeros((count, 2 * size)) if tangents is None else tangents)
            fixed.append(np.ldexp(self._slopes(own), max(-exponent, -2000)))
        found = np.zeros((count, 6))
        found[:, [noted.LOSS, noted.BEST, noted.OUTPUT]] = np.inf
        found[:, noted.BEST_STEP] = self._steps
        moving = np.concatenate([*parts, np.zeros((count, 1))], axis=1)
        step, exponents = np.zeros(count, np.int64), np.full(count, exponent, np.int64)
        return Standing(moving, np.concatenate(fixed, axis=1), exponents, step, found)

    def _slopes(self, parameters: Floats) -> Floats:
        """The derivatives (P, 2) of the parameters by their coordinates."""
        powers = np.array(self._training.powers_of_ten)
        return np.where(powers, parameters * math.log(10.0), 1.0)

    def start_tangents(self, parameters: Floats) -> Floats | None:
        """The tangents (P, 2 n) of the start of pixels; None where all begin with the same state."""
        if not (self._tangents and self._runs.moves_start):
            return None
        along = [tangent_inputs(self._training, axis)[axis] for axis in AXES]
        found = []
        for values in np.concatenate([parameters, self._slopes(parameters)], axis=1):
            parts = evaluate(self._start_tangents, dict(zip((*AXES, *along), values, strict=True)), as_float64)
            shapes = [n.shape for n in self._start_tangents]
            found.append(np.concatenate([np.broadcast_to(p, s).ravel() for p, s in zip(parts, shapes, strict=True)]))
        return np.array(found)

    def to_hand_off(self, standing: Standing, reference: Reference, ends: Integers, first: int, last: int) -> None:
        """Run pixels as differences from step ``first`` to their hand-off, in place."""
        beside = self._of_reference(reference)
        before = reference.losses[:first]
        if first:  # a skip: differences are too small to show in these losses
            found, best = standing.found, int(np.argmin(before))
            found[:, noted.LOSS], found[:, noted.BEST], found[:, noted.BEST_STEP] = before[-1], before[best], best
        self._kernels.module.follow_delta(
            self._steps, first, last, HAND_OFF, reference.record, beside, reference.weights, ends,
            self._kernels.numbers, standing.moving, standing.fixed, standing.exponents, standing.step, standing.found,
        )  # fmt: skip
        standing.fixed[:, :2] += reference.learning

    def _of_reference(self, reference: Reference) -> Floats:
        """What steps of differences need besides the record, (steps, k)."""
        if self._beside is None:
            layers = dict(zip(self._training.state, self._runs.training.layers, strict=True))
            steps = reference.steps
            own: dict[Node, Floats] = {n: reference.weights[:steps, layer] for n, layer in layers.items()}
            own |= {n: np.full((steps, 1), v) for n, v in zip(AXES, reference.learning, strict=True)}
            own[self._training.loss] = reference.losses[:steps, None]
            parts = [own[n] if n in own else self._runs.table(n)[:steps] for n in self._kernels.references]
            self._beside = np.concatenate(parts, axis=1)
        return self._beside

    def course(self, standing: Standing) -> Course:
        """Run pixels to their end, in place, and read them out."""
        s, found = standing, standing.found
        self._kernels.module.follow(
            self._steps, s.moving, s.fixed, s.exponents, s.step, found, self._kernels.numbers, self._tables
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            exponents = np.where(found[:, noted.GROWN] > 0, found[:, noted.GROWTH] / found[:, noted.GROWN], np.inf)
        return Course(
            found[:, noted.LOSS], found[:, noted.BEST_STEP].astype(np.int32),
            None if self._training.output is None else found[:, noted.OUTPUT],
            exponents if self._tangents else None,
        )  # fmt: skip


class Followers:
    """What follows the pixels of a job, with tangents and without: made when it is first needed, for all threads."""

    def __init__(self, runs: TracedRuns, say: Say) -> None:
        self._runs, self._say = runs, say
        self._lock = threading.Lock()
        self._made: dict[bool, Follower] = {}

    def of(self, tangents: bool) -> Follower:
        """The one with or without tangents."""
        with self._lock:
            if tangents not in self._made:
                self._made[tangents] = Follower(self._runs, tangents, self._say)
            return self._made[tangents]


def skipped_tangents(
    skip: Snapshot, at: tuple[Floats, Floats, int], view: View, frame: Frame | None
) -> tuple[Floats, int]:
    """(tangents (P, 2 n) over 2**exponent, exponent) of the state after a skip: the derivatives of its polynomials.

    at: the pixels' coordinates in the polynomials. In a frame, where these are the picture's, the first derivatives by
    the coordinates of the plane are the exact ones: those by the picture's would cancel.
    """
    by, exponent = [], -skip.exponent
    x, y = (np.ldexp(v, at[2] - skip.exponent) for v in at[:2])
    for which in (0, 1):
        terms = np.zeros((len(x), len(skip.weights)))
        for k, powers in enumerate(monomials(ORDER).tolist()):
            if powers[which] and (frame is None or sum(powers) > 1):
                i, j = powers[0] - (which == 0), powers[1] - (which == 1)
                terms[:, k] = powers[which] * x**i * y**j
        by.append(terms @ skip.weights)
    if frame is not None:  # du/dx and the like, of the inverse of the depth times the shape
        shape = view.shape
        parts = [v / shape.determinant / view.depth for v in (shape.yv, -shape.xv, -shape.yu, shape.xu)]
        more = max(scaled_float(v)[1] for v in parts)
        exponent += more
        ux, uy, vx, vy = (float(v / mpq(2) ** more) for v in parts)
        one = mpq(2) ** -exponent
        first = [frame.tangents.along(skip.step, *pair).floats() for pair in ((one, mpq(0)), (mpq(0), one))]
        by = [first[0] + by[0] * ux + by[1] * vx, first[1] + by[0] * uy + by[1] * vy]
    return np.concatenate(by, axis=1), exponent
