"""Training runs by a GPU's kernels, started on a stand-in for a GPU.

This is no oracle: the tests compare these runs with the package's CPU kernels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray
from small_network import SmallNetwork, quiet, system_of
from stand_in import StandIn

from deepzoom.backends.base import Backend, Job, ReadOut, Say
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.kernels.training.network_arrays import NetworkArrays
from deepzoom.backends.training.batches import start_weights
from deepzoom.scene.view import View
from deepzoom.systems.training_step import Network

Floats = NDArray[np.float64]
State = tuple[Floats, Floats, Floats, NDArray[np.int64], Floats]
"""Weights (pixels, n), rates (pixels, 2), offsets (pixels, 1), step (pixels) and sums (pixels, 4)."""


def plain_state(network: Network, pixels: int, steps: int) -> State:
    """The state of pixels before their first step, at random learning rates. About a third of them are done already."""
    rng = np.random.default_rng(pixels)
    rates = 10.0 ** rng.uniform(-2, 0.5, (pixels, 2))
    offsets = 10.0 ** rng.uniform(-3, -1, (pixels, 1)) if network.offset else np.zeros((pixels, 1))
    step = rng.choice([0, 0, steps], size=pixels)  # some that are done already
    return start_weights(network, offsets), rates, offsets, step, np.zeros((pixels, 4))


def unit_per_lane_sums(
    net: NetworkArrays, steps: int, state: Sequence[NDArray[Any]], one: StandIn | None = None,
    shadow: bool = False, moved: NDArray[np.int64] | None = None,
) -> Floats:  # fmt: skip
    """The sums (pixels, 4) after the kernel with a hidden unit in each lane has run; state: the first four of State."""
    one, sums = one or StandIn(), np.zeros((len(state[3]), 4))
    kept: dict[str, Floats] = {}
    with patch.object(one, "download", lambda array: kept.setdefault("sums", array.copy())):
        unit_per_lane.UnitPerLane(net, steps).finish(one, state[0], state[1], state[2], state[3], sums, shadow, moved)
    return kept["sums"]


def jobs(
    gpu: type[Backend], cpu: type[Backend], small: SmallNetwork, depth: str, monkeypatch: pytest.MonkeyPatch,
    one: StandIn, size: str = "8x6", said: Say = quiet,
) -> Iterator[Job]:  # fmt: skip
    """The same view's job by a GPU backend, on the stand-in, and by a CPU backend."""
    view = View.parse("-0.61803398874989", "-0.3141592653589793", depth, size)
    monkeypatch.setattr(device, "opened", lambda: [one])
    return (b().job(system_of(small), view, None, quiet, said) for b in (gpu, cpu))


def same(a: ReadOut, b: ReadOut, within: float) -> None:
    """Check that all fates are equal, and all measures to this share of them."""
    assert np.array_equal(a.fate, b.fate)
    np.testing.assert_allclose(a.measure, b.measure, rtol=within)
