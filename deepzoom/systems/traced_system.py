"""Training systems whose step is traced: a ``Training``, from a user's file or built in, with its settings."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError
from deepzoom.scene.view import View
from deepzoom.tracing.graph import Node, Values, ordered
from deepzoom.tracing.training import TracedTraining

from .experiments import LEAST_LOSS, MOST_LOG10, MOST_LOSS, MOST_STEPS
from .own_training import Training
from .trainable import Trainable

if TYPE_CHECKING:
    from deepzoom.arithmetic.delta import Delta

    from .traced_run import TracedRun, TracedTaylorRun
    from .training_run import Lift

T = TypeVar("T")
_MOST_LINEAR = 10**300


class TracedSystem(Trainable):
    """A training with its settings applied.

    training: its graphs. guard: runs the code of a user's file, and makes its errors name the file.
    """

    kind = "traced"

    def __init__(
        self,
        name: str,
        training: Training,
        given: Mapping[str, str],
        steps: int | None,
        guard: Callable[[Callable[[], Any]], Any] = lambda run: run(),
    ) -> None:
        title = training.title or str(training.function.__doc__ or "a training of your own").strip()
        super().__init__(name, title.splitlines()[0].rstrip("."), guard(lambda: training.axes(given)), training.steps)
        self.steps = training.steps if steps is None else steps
        if not 1 <= self.steps <= MOST_STEPS:
            raise InputError(f"--steps: {self.steps} is not from 1 to {MOST_STEPS:,}.")
        self.home = training.home()
        self.settings_known = training.settings(given.get("optimizer"))
        self.training: TracedTraining = guard(lambda: training.traced(given, self.steps))
        self.ends = range(1 + self.training.basins if self.training.basins else 0)

    @property
    def layers(self) -> list[slice]:
        return self.training.layers

    @property
    def last(self) -> int:
        from .convergence import LAST

        return LAST if self.training.last is None else self.training.last or self.steps

    def rate_bits(self, x: Any, y: Any) -> int:
        exponents = [float(v) for v, power in zip((x, y), self.training.powers_of_ten) if power]
        return max(0, math.ceil(-min(exponents, default=0.0) * math.log2(10)))

    def exact_run(self, x: Any, y: Any, bits: int) -> TracedRun:
        from .traced_run import TracedRun  # imports kernels of fixed-point numbers

        return TracedRun(self.training, x, y, bits)

    def series_run(self, x: Delta, y: Delta, lift: Lift, recording: bool) -> TracedTaylorRun:
        from .traced_run import TracedTaylorRun

        return TracedTaylorRun(self.training, x, y, lift, self.last, recording)

    def basin(self, run: TracedRun) -> int:
        return run.label()

    def record(self, step: Any) -> NDArray[np.float64]:
        from .traced_run import record

        return record(step)

    def key(self) -> str:
        t = self.training
        label = [] if t.label is None else [t.label]
        digest = hashlib.sha256(digest_of([*t.start, *t.after, t.loss, *label]).encode())
        digest.update(repr((t.powers_of_ten, t.last, [n.data for n in t.state])).encode())
        for name, table in t.tables.items():
            digest.update(repr((name, table.shape)).encode())
            digest.update(np.ascontiguousarray(table).tobytes())
        return digest.hexdigest()

    def check(self, view: View, steps: int) -> None:
        for name, value, axis in zip("xy", (view.x, view.y), self.axes):
            most = MOST_LOG10 if axis.power_of_ten else _MOST_LINEAR
            if abs(value) + view.largest_difference() > most:
                what = f"log10 of {axis.label}" if axis.power_of_ten else axis.label
                raise InputError(
                    f"--center {name}: coordinates are {what}, and this view goes beyond -{most:g} or {most:g}; give a"
                    " centre such as 1."
                )
        from deepzoom.tracing.float64_run import losses  # imports Numba, which a render of a map does not need

        loss = losses(self.training, float(view.x), float(view.y), 1)[0]
        if not LEAST_LOSS <= loss <= MOST_LOSS:
            raise InputError(
                f"SYSTEM: {self.name}: at the centre of the view the start has a loss of {loss:.3g}, with which later"
                f" losses cannot be compared; give a start with a loss from {LEAST_LOSS:g} to {MOST_LOSS:g}."
            )


def digest_of(outputs: Iterable[Node]) -> str:
    """A hash of the operations that make some nodes: the same in every process, and other for other numbers."""
    outputs = list(outputs)
    numbers: dict[Node, int] = {}
    digest = hashlib.sha256()
    for n in ordered(outputs):
        numbers[n] = len(numbers)
        if isinstance(n.data, Values):
            data = n.data.array.tobytes()
        elif isinstance(n.data, Fraction):
            data = f"{n.data.numerator:x}/{n.data.denominator:x}".encode()
        else:
            data = repr(n.data).encode()
        digest.update(repr((n.op, [numbers[i] for i in n.inputs], n.shape, len(data))).encode() + data)
    digest.update(repr([numbers[n] for n in outputs]).encode())
    return digest.hexdigest()
