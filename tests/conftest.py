from __future__ import annotations

import gc
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")
# no test depends on how fast a machine is; how fast Hypothesis makes its examples, neither
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config):
    # compiling makes millions of objects that stay: looking for garbage among them takes a tenth of the time
    gc.set_threshold(50_000, 20, 100)
    # kernels stay compiled between test runs; references are made anew
    folder = Path(str(config.rootpath)) / ".pytest_cache" / "deepzoom"
    os.environ["DEEPZOOM_CACHE"] = str(folder)
    # no landmarks of the user's own, nor of another worker's tests
    os.environ["DEEPZOOM_DATA"] = str(folder / f"data{os.environ.get('PYTEST_XDIST_WORKER', '')}")
    if not hasattr(config, "workerinput"):
        from deepzoom import cache

        cache.clear("references")


def pytest_collection_modifyitems(items):
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu:
        from deepzoom.backends import device

        missing = device.obstacle()
        for item in gpu:
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"no GPU: {missing}"))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache of references of this test's own."""
    from deepzoom import cache

    monkeypatch.setattr(cache, "_references", lambda: tmp_path / "references")
    return tmp_path / "references"


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
        import mpmath
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


@pytest.fixture(params=KINDS, ids=[k.replace(" ", "-") for k in KINDS])
def small(request):
    """One small network of each kind."""
    return SmallNetwork(sum(map(ord, request.param)), **KINDS[request.param])
