"""Kernels that follow the runs of a traced training, and read out losses, outputs and the growth of tangents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from deepzoom.compiling import generated_module
from deepzoom.tracing.delta_step import delta_step
from deepzoom.tracing.graph import Node, given, ordered
from deepzoom.tracing.tangents import followed_delta_step, followed_step
from deepzoom.tracing.training import STEP, TracedTraining

from .emit import Emitter
from .memory import DATA_ROWS
from .module import IMPORTS, REPLACED, constants_of
from .schedule import Schedule
from .vocabulary import FLOAT64


@dataclass(frozen=True)
class FollowingKernels:
    """The module of a training. numbers: its constants. per_step: inputs of a plain step that differ at each step.

    references: what a step of differences needs of the reference besides the record of ``DeltaStep``, in order.
    """

    module: ModuleType
    numbers: NDArray[np.float64]
    per_step: tuple[Node, ...]
    references: tuple[Node, ...]


@lru_cache(maxsize=16)
def following_kernels(training: TracedTraining, tangents: bool) -> FollowingKernels:
    """The kernels of a training, compiled when they are first called. tangents: whether they follow tangents."""
    plain, delta = followed_step(training, tangents), followed_delta_step(training, tangents)
    per_step = tuple(n for n in ordered(plain.outputs) if n is STEP or (n.op == "input" and n.data[0] == "drawn"))
    places: dict[Node, int] = {}
    at = 0
    for n in (*delta_step(training).recorded, *delta.references):
        places[given("reference", n, n.shape)] = at
        at += n.size
    constants = constants_of([*plain.outputs, *delta.outputs], FLOAT64)
    numbers = np.concatenate([np.zeros(1), *(n.data.array.ravel() for n in constants)])
    steps = []
    for name, step, more, record in (("plain_step", plain, per_step, None), ("delta_step", delta, (), places)):
        loads = [*step.moving, *step.fixed, *more]
        steps.append(Emitter(name, Schedule(step.outputs, loads), DATA_ROWS, FLOAT64, constants, record))
    state = sum(n.size for n in training.state)
    head = (
        f"STATE, TANGENTS, FIXED = {state}, {2 * state if tangents else 0}, {4 if tangents else 2}\n"
        f"PER_STEP = {sum(n.size for n in per_step)}\nPLAIN_SIZE, DELTA_SIZE = {steps[0].size}, {steps[1].size}\n"
    )
    loops = REPLACED.sub("", (Path(__file__).parent / "following_loops.py").read_text(encoding="utf-8"))
    text = "\n\n".join([IMPORTS + head, *(s.text for s in steps), loops])
    return FollowingKernels(generated_module.imported("following", text), numbers, per_step, delta.references)
