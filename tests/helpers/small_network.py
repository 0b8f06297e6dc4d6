"""Networks small enough for the mpmath oracle, one of each kind."""

from __future__ import annotations

from itertools import pairwise
from typing import TypedDict

import mpmath
import numpy as np
import pytest
from oracle import Layers, train

from deepzoom.systems import create
from deepzoom.systems.experiments import TrainingSystem
from deepzoom.systems.training_step import Network


class Kind(TypedDict, total=False):
    """What may differ from the defaults of ``SmallNetwork``."""

    widths: tuple[int, ...]
    rows: int
    activation: str
    batch: int
    offset: bool
    every: bool


class SmallNetwork:
    """A random network small enough for the mpmath oracle, in the form that the package takes and the oracle's form.

    widths: of the inputs, each hidden layer and the outputs. batch: rows of a minibatch, or None for full batch.
    offset: whether x is an offset of the first layer's weights instead of a learning rate; every: before every step,
    or once.
    """

    def __init__(
        self, seed: int, widths: tuple[int, ...] = (3, 4, 1), rows: int = 5, activation: str = "tanh",
        batch: int | None = None, offset: bool | None = None, every: bool = True, steps: int = 60,
    ) -> None:  # fmt: skip
        rng = np.random.default_rng(seed)
        self.x, self.y = rng.normal(size=(rows, widths[0])), rng.normal(size=(rows, widths[-1]))
        self.weights = tuple(rng.normal(size=shape) for shape in pairwise(widths))
        self.activation, self.offset, self.every, self.steps = activation, offset, every, steps
        self.batches = None if batch is None else rng.integers(0, rows, size=(steps, batch))
        names = ("y",) * len(self.weights) if offset else tuple("xy"[i % 2] for i in range(len(self.weights)))
        self.network = Network(
            self.x, self.y, self.weights, activation, names, self.batches, "x" if offset else None, every
        )

    def oracle(
        self, x: float | mpmath.mpf, y: float | mpmath.mpf, steps: int | None = None
    ) -> tuple[list[mpmath.mpf], list[Layers]]:
        """(losses, weights) of the mpmath run at exact coordinates, as ``train`` gives them."""
        powers = {"x": mpmath.mpf(10) ** x, "y": mpmath.mpf(10) ** y}
        return train(
            self.x, self.y, self.weights, self.activation, [powers[n] for n in self.network.rates], steps or self.steps,
            batches=self.batches, offset=powers["x"] if self.offset else None, every_step=self.every,
        )  # fmt: skip


KINDS: dict[str, Kind] = {
    "tanh": {},
    "relu": {"activation": "relu"},
    "linear": {"activation": "identity"},
    "one row": {"rows": 1},
    "minibatch": {"rows": 7, "batch": 3},
    "offset every step": {"offset": True},
    "offset once": {"offset": True, "every": False},
    "deep tanh": {"widths": (3, 5, 4, 2)},
    "deep relu": {"widths": (4, 3, 5, 3, 1), "activation": "relu"},
    "deep minibatch": {"widths": (2, 4, 3, 1), "rows": 9, "batch": 4},
}


def system_of(small: SmallNetwork) -> TrainingSystem:
    """The package's system that trains this network."""
    system = create("tanh")
    assert isinstance(system, TrainingSystem)
    system.steps, system.network = small.steps, small.network
    return system


def quiet(*_: object) -> None:
    """Takes what a job reports, and says nothing."""
    return None


SHALLOW = {kind: given for kind, given in KINDS.items() if len(given.get("widths", (1, 1, 1))) == 3}


MORE: dict[str, Kind] = {
    "two outputs": {"widths": (4, 5, 2), "rows": 6},
    "wide": {"widths": (3, 11, 3), "activation": "relu", "rows": 8, "batch": 4},
}


ONE_HIDDEN = SHALLOW | MORE
STANDS_FOR = ("relu", "two outputs")
"""What "wide" stands for in a fast test run: it has rectifiers and three outputs."""
EACH_TIME = [pytest.param(kind, marks=[pytest.mark.slow] if kind in STANDS_FOR else []) for kind in ONE_HIDDEN]
"""The kinds, for kernels that are compiled for each activation and number of outputs."""
