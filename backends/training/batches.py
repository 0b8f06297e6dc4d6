"""Batches of training runs: how the float64 and perturbation jobs call the compiled kernels."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import ReadOut, Say
from deepzoom.backends.kernels.arithmetic.simd import LANES
from deepzoom.backends.kernels.training import convergence_measure
from deepzoom.backends.kernels.training.delta_layout import RecordLayout
from deepzoom.backends.kernels.training.delta_run import run_delta
from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.kernels.training.network_arrays import IDENTITY, RELU, TANH, NetworkArrays
from deepzoom.backends.kernels.training.plain_run import run_frozen, run_plain
from deepzoom.compiling import ahead, jit
from deepzoom.systems.training_run import TaylorRun, record, record_parts, variables
from deepzoom.systems.training_step import Network

Floats = NDArray[np.float64]

_ACTIVATIONS = {"identity": IDENTITY, "relu": RELU, "tanh": TANH}
_BATCH_OPERATIONS = 4e10  # floating-point operations of one batch: about a second on one core


def arrays_of(network: Network) -> NetworkArrays:
    """The network as the kernels take it."""
    none = np.zeros((0, 0), dtype=np.int64)
    return NetworkArrays(
        x=network.x.ravel().copy(),
        y=network.y.ravel().copy(),
        widths=np.array(network.widths, dtype=np.int64),
        scales=np.array([float(s) ** 0.5 for s in network.squared_scales()]),
        activation=_ACTIVATIONS[network.activation],
        rows=len(network.x),
        batches=none if network.batches is None else network.batches.copy(),
        offset_every_step=network.offset is not None and network.offset_every_step,
        largest=float(np.abs(network.x).max()),
    )


def layout_of(network: Network, batch: int | None = None) -> RecordLayout:
    """Where the values of a reference step stand in its record; batch: of a minibatch with that many rows."""
    parts = record_parts(network, batch)
    starts = np.cumsum([0, *(size for _, size in parts)])

    def at(name: str) -> NDArray[np.int64]:
        return np.array([s for s, (n, _) in zip(starts, parts, strict=False) if n == name], dtype=np.int64)

    return RecordLayout(
        at("hidden"), at("side"), at("back"), int(at("residual")[0]), int(at("gradient")[0]), int(starts[-1])
    )


def start_weights(network: Network, offsets: Floats) -> Floats:
    """Weights of each pixel before the first step, float64 (pixels, n); offsets: (pixels, 1)."""
    flat = np.concatenate([w.ravel() for w in network.weights])
    weights = np.tile(flat, (len(offsets), 1))
    if network.offset is not None and not network.offset_every_step:
        weights[:, : network.weights[0].size] += offsets
    return weights


def finish(
    net: NetworkArrays,
    steps: int,
    weights: Floats,
    rates: Floats,
    offsets: Floats,
    step: NDArray[np.int64],
    sums: Floats,
) -> ReadOut:
    """Run pixels from where they stand to their end in float64, and read them out."""
    frozen, _ = run_plain(net, steps, weights, rates, offsets, step, sums)
    rest = np.flatnonzero(frozen)
    while len(rest):
        rest_weights, rest_rates, rest_step, rest_sums = weights[rest], rates[rest], step[rest], sums[rest]
        run_frozen(net, steps, rest_weights, rest_rates, rest_step, rest_sums)
        weights[rest], step[rest], sums[rest] = rest_weights, rest_step, rest_sums
        # these stood still for one step, but are not saturated: go on with full steps
        rest = rest[rest_step < steps]
        if len(rest):
            part = weights[rest], rates[rest], offsets[rest], step[rest], sums[rest]
            frozen, _ = run_plain(net, steps, *part)
            weights[rest], step[rest], sums[rest] = part[0], part[3], part[4]
            rest = rest[frozen]
    return read_out(sums)


def read_out(sums: Floats) -> ReadOut:
    """Read-outs of finished pixels from their sums (pixels, 4), unchecked."""
    measure = convergence_measure.measures(sums)
    fate = np.where(measure < 0, -1, 1).astype(np.int8)
    excess = sums[:, convergence_measure.EXCESS].copy()
    return ReadOut(measure, fate, np.zeros(len(sums), dtype=np.int8), excess=excess)


def batch_size_of(network: Network, steps: int) -> int:
    """How many pixels to run together."""
    operations = 4.0 * len(network.x) * sum(w.size for w in network.weights) * steps
    return int(min(4096, max(8, 2 ** round(np.log2(_BATCH_OPERATIONS / operations)))))


_SMALL = Network(np.ones((1, 1)), np.ones((1, 1)), (np.ones((1, 1)), np.ones((1, 1))), "tanh", ("x", "y"))
"""The network with which kernels are compiled, which is once for all networks."""


def _calls() -> tuple[tuple[Any, tuple[Any, ...]], ...]:
    """The longest kernels in the order in which they are needed, and arguments of a pixel that has no step to take."""
    from .network_expansions import constants_of

    net, layout, one, sums = arrays_of(_SMALL), layout_of(_SMALL), np.zeros((1, 1)), np.zeros((1, 4))
    weights, rates, step = np.ones((1, 2)), np.ones((1, 2)), np.full(1, 2)
    reference = np.ones((1, layout.size)), layout, layout, np.ones((2, 2)), np.ones(2), np.ones(1), np.zeros((2, 4))
    rest = 2, weights, rates, one, step, sums
    return (
        (run_delta, (net, 2, 0, 1, 1.0, *reference, weights.copy(), rates, one, sums.copy())),
        (run_plain, (net, *rest)),
        (run_expansions, (net, constants_of(_SMALL, 1), *rest, 0, (0.0,))),
    )


def compile_kernels_ahead() -> None:
    """Let another process compile the training kernels, unless that is done."""
    if not jit.ready("training"):
        ahead.compile_ahead(*_calls())


def compile_kernels(say: Say) -> None:
    """Compile the training kernels and keep them on disk; once for each version and kind of machine."""
    if jit.ready("training"):
        return
    say("Compiling kernels for this machine (once, half a minute) ...")
    compile_kernels_ahead()
    reference_run = TaylorRun(_SMALL, *variables(Fraction(0), Fraction(0), 64, 2))
    record(_SMALL, reference_run.advance())
    weights, rates, step = np.ones((1, 2)), np.ones((1, 2)), np.zeros(1, dtype=np.int64)
    run_frozen(arrays_of(_SMALL), 2, weights, rates, step, np.zeros((1, 4)))
    for kernel, arguments in _calls()[:2]:
        kernel(*arguments)
    convergence_measure.measures(np.zeros((1, 4)))
    jit.mark_ready("training")


def seconds_per_pixel_step(network: Network, say: Say) -> float:
    """Seconds that one step of one pixel takes on one core, measured within some milliseconds."""
    compile_kernels(say)
    net, steps = arrays_of(network), 8
    rates = np.full((2 * LANES, len(network.weights)), 1e-6)
    best = np.inf
    for _ in range(3):
        offsets = np.zeros((2 * LANES, 1))
        weights, step, sums = (
            start_weights(network, offsets),
            np.zeros(2 * LANES, dtype=np.int64),
            np.zeros((2 * LANES, 4)),
        )
        before = time.perf_counter()
        run_plain(net, steps, weights, rates, offsets, step, sums)
        best = min(best, time.perf_counter() - before)
    return best / (steps * 2 * LANES)
