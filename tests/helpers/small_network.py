"""Networks small enough for the mpmath oracle, one of each kind."""

from __future__ import annotations

from itertools import pairwise

import mpmath
import numpy as np

from deepzoom.systems import create


class SmallNetwork:
    """A network small enough for the mpmath oracle, with the arguments both take."""

    def __init__(
        self, seed, widths=(3, 4, 1), rows=5, activation="tanh", batch=None, offset=None, every=True, steps=60
    ):
        from deepzoom.systems.training import Network

        rng = np.random.default_rng(seed)
        self.x, self.y = rng.normal(size=(rows, widths[0])), rng.normal(size=(rows, widths[-1]))
        self.weights = tuple(rng.normal(size=shape) for shape in pairwise(widths))
        self.activation, self.offset, self.every, self.steps = activation, offset, every, steps
        self.batches = None if batch is None else rng.integers(0, rows, size=(steps, batch))
        names = ("y",) * len(self.weights) if offset else tuple("xy"[i % 2] for i in range(len(self.weights)))
        self.network = Network(
            self.x, self.y, self.weights, activation, names, self.batches, "x" if offset else None, every
        )

    def oracle(self, x, y, steps=None):
        """(losses, weights) of the mpmath run at exact coordinates (anything mpf takes)."""
        import oracle

        powers = {"x": mpmath.mpf(10) ** x, "y": mpmath.mpf(10) ** y}
        return oracle.train(
            self.x, self.y, self.weights, self.activation, [powers[n] for n in self.network.rates], steps or self.steps,
            batches=self.batches, offset=powers["x"] if self.offset else None, every_step=self.every,
        )  # fmt: skip


KINDS = {
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


def system_of(small):
    system = create("tanh")
    system.steps, system.network = small.steps, small.network
    return system


def quiet(*_):
    return None


SHALLOW = {kind: given for kind, given in KINDS.items() if len(given.get("widths", (1, 1, 1))) == 3}


MORE = {
    "two outputs": {"widths": (4, 5, 2), "rows": 6},
    "wide": {"widths": (3, 11, 3), "activation": "relu", "rows": 8, "batch": 4},
}


ONE_HIDDEN = SHALLOW | MORE
