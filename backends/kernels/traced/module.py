"""The kernels of one training: code generated from its graph, and the loops around it, in one module."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.kernels.arithmetic.expansion_series import split
from deepzoom.backends.kernels.training.convergence_measure import LAST
from deepzoom.compiling import generated_module
from deepzoom.tracing.delta_step import delta_step
from deepzoom.tracing.doubts import DOUBT, with_doubts
from deepzoom.tracing.graph import Node, given, ordered
from deepzoom.tracing.lowering import lowered, lowered_for_expansions, lowered_otherwise
from deepzoom.tracing.training import STEP, TracedTraining, X, Y

from .emit import Emitter
from .memory import DATA_ROWS
from .schedule import Schedule
from .vocabulary import EXPANSIONS, FLOAT64, Vocabulary

_HERE = Path(__file__).parent
REPLACED = re.compile(
    r"from (__future__|deepzoom\.backends\.kernels\.traced\.(steps|following)_placeholder) import [^\n(]*(\([^)]*\))?\n"
)
IMPORTS = """\
import math

import numba

from deepzoom.backends.kernels.arithmetic.circular import cosine, sine
from deepzoom.backends.kernels.arithmetic.expansion import *
from deepzoom.backends.kernels.arithmetic.expansion_functions import *
from deepzoom.backends.kernels.arithmetic.expansion_tanh import tanh_of_array
from deepzoom.backends.kernels.arithmetic.functions import *
from deepzoom.backends.kernels.arithmetic.simd import *
from deepzoom.backends.kernels.arithmetic.simd import spread
from deepzoom.backends.kernels.arithmetic.simd_llvm import vector
from deepzoom.backends.kernels.arithmetic.simd_parts import square_root
from deepzoom.backends.kernels.arithmetic.tanh import tanh, tanh_and_slope, tanh_difference
from deepzoom.backends.kernels.arithmetic.undefined import divided, positive, select
from deepzoom.backends.kernels.training.expansion_products import contract_expansions
from deepzoom.backends.kernels.training.expansion_products import contract_shared as contract_shared_with_expansions
from deepzoom.backends.kernels.training.convergence_measure import CEILING, COLUMNS, EXCESS, FIRST, INVERSE, SUM
from deepzoom.backends.kernels.training.matrix_products import ADD, SET, UNIT, contract_shared, contract_vector
from deepzoom.compiling.jit import direct_inner, inner, late_inner
"""
_COPIED = {
    "convergence_measure.py": ("with_loss", "with_difference", "sums_of", "put_sums", "add_loss", "add_difference"),
    "delta_run.py": ("own_sums", "some_go_on"),
}
"""What a module takes from the published networks' kernels as text, to have its own ``LAST``."""


@dataclass(frozen=True)
class StepKernels:
    """The module of a training.

    numbers: its constants; per_step: inputs that are different at each step; exact: the constants of its expansions.
    """

    module: ModuleType
    numbers: NDArray[np.float64]
    per_step: tuple[Node, ...]
    exact: tuple[Node, ...]

    def expansions(self, limbs: int) -> NDArray[np.float64]:
        """The constants of a step in expansions, flat, limb after limb."""
        parts = [np.zeros(limbs)]
        for n in self.exact:
            if n.number is not None:
                parts.append(np.array(split(n.number, limbs)))
            else:
                parts.append(np.zeros((n.size, limbs)))
                parts[-1][:, 0] = n.data.array.ravel()
        return np.concatenate([p.ravel() for p in parts])


def per_step_inputs(training: TracedTraining) -> tuple[Node, ...]:
    """The inputs of the step that are different at each step."""
    nodes = ordered([*training.after, training.loss])
    return tuple(n for n in nodes if n is STEP or (n.op == "input" and n.data[0] == "drawn"))


@lru_cache(maxsize=16)
def kernels_of(training: TracedTraining) -> StepKernels:
    """The kernels of a training, compiled when they are first called."""
    per_step = per_step_inputs(training)
    step = with_doubts(training)
    plain, otherwise, in_limbs = (f(step.outputs) for f in (lowered, lowered_otherwise, lowered_for_expansions))
    loads = [*training.state, *step.carried, X, Y, *per_step, DOUBT]
    of_differences = delta_step(training)
    delta, kept = of_differences.outputs, of_differences.recorded
    places: dict[Node, int] = {}
    at = 0
    for n in kept:
        places[given("reference", n, n.shape)] = at
        at += n.size
    constants, exact = constants_of([*plain, *otherwise, *delta], FLOAT64), constants_of(in_limbs, EXPANSIONS)
    numbers = np.concatenate([np.zeros(1), *(n.data.array.ravel() for n in constants)])
    parts = []
    sizes = {}
    for name, outputs, inputs, words, begins, recorded in (
        ("plain_step", plain, loads, FLOAT64, constants, None),
        ("sloped_step", otherwise, loads, FLOAT64, constants, None),
        ("delta_step", delta, of_differences.inputs, FLOAT64, constants, places),
        ("expansion_step", in_limbs, loads, EXPANSIONS, exact, None),
    ):
        emitter = Emitter(name, Schedule(outputs, inputs, words.of_arrays), DATA_ROWS, words, begins, recorded)
        parts.append(emitter.text)
        sizes[name] = emitter.size
    state = sum(n.size for n in training.state)
    last = LAST if training.last is None else training.last or 1 << 40  # more steps than any run has
    moving = [(0, 0), *((part.start, part.stop) for part, c in zip(training.layers, training.counting) if not c)]
    head = (
        f"STATE, CARRIED, PER_STEP = {state}, {sum(n.size for n in step.carried)}, {sum(n.size for n in per_step)}\n"
        f"LAST = {last}\nMOVING = {tuple(moving)}\n"
        + "".join(f"{name.split('_')[0].upper()}_SIZE = {size}\n" for name, size in sizes.items())
    )
    loops = REPLACED.sub("", (_HERE / "loops.py").read_text(encoding="utf-8"))
    copied = [_functions(file, names) for file, names in _COPIED.items()]
    text = "\n\n".join([IMPORTS + head, *parts, *copied, loops])
    return StepKernels(generated_module.imported("training", text), numbers, per_step, tuple(exact))


def _functions(file: str, names: Sequence[str]) -> str:
    """The text of some functions of a file of ``kernels/training/``."""
    parts = re.split(r"\n\n\n(?=@)", (_HERE.parent / "training" / file).read_text(encoding="utf-8"))
    return "\n\n\n".join(p for p in parts if any(f"def {name}(" in p for name in names))


def constants_of(outputs: Sequence[Node], words: Vocabulary) -> dict[Node, int]:
    """Where each constant that is not a literal begins among all of them; the first place is free."""
    places: dict[Node, int] = {}
    at = 1
    for n in ordered(outputs):
        if n.op == "constant" and (n.number is None or not words.is_literal(n.number)):
            places[n] = at
            at += n.size
    return places
