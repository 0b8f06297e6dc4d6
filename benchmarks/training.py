"""Pixel-steps per second of the published tanh network: deepzoom, and the published program's own step in JAX.

    python -m pip install ".[jax]"
    python benchmarks/training.py [--rounds 7] [--steps 50]

Both run in one process per core, pinned to it, in turn within one run: each round times JAX (jitted, vmapped, float64,
batches of 64 pixels), deepzoom's plain step and its delta step on the same pixels, all cores at once. Printed are the
medians over rounds, their ratios, and the spread of a round's figure of the same program (the noise). The share of peak
is that of fused multiply-adds on a core's vector registers, measured here too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import time
from functools import partial

import numpy as np

BATCH = 64
PRODUCT_FLOPS = 304_640
"""Of one step: 2 * 272 * (16 * 16 + 16) forward; the same and the product by the output weights backward."""
TANHS = 4_352
CALM = -3.0
"""log10 of learning rates at which no run diverges: neither program stops early."""


def rates(pixels: int = BATCH) -> np.ndarray:
    rng = np.random.default_rng(0)
    return 10.0 ** (CALM + rng.uniform(0, 1e-3, (pixels, 2)))


def jax_program(steps):
    """The published program's step, jitted and vmapped over learning rates (pixels, 2): losses (pixels, steps)."""
    import jax
    import jax.numpy as jnp

    from deepzoom.systems import create

    jax.config.update("jax_enable_x64", True)
    net = create("tanh").network
    x, y = jnp.array(net.x), jnp.array(net.y)
    start = tuple(jnp.array(w) for w in net.weights)

    def loss(weights):
        z = x @ weights[0] / jnp.sqrt(16.0)
        out = jnp.tanh(jnp.sqrt(2.0) * z) @ weights[1] / 16.0
        return jnp.mean((out - y) ** 2)

    def train(rate):
        def step(weights, _):
            value, gradient = jax.value_and_grad(loss)(weights)
            return tuple(w - r * g for w, r, g in zip(weights, rate, gradient)), value

        return jax.lax.scan(step, start, None, length=steps)[1]

    return jax.jit(jax.vmap(train))


def jax_engine(steps):
    also = os.environ.get("XLA_FLAGS", "")  # as --xla_cpu_max_isa=AVX2
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1 {also}"
    program, given = jax_program(steps), rates()
    return lambda: program(given).block_until_ready()


def plain_engine(steps):
    from deepzoom.backends.kernels.training.plain_run import run_plain
    from deepzoom.backends.training.batches import arrays_of, start_weights
    from deepzoom.systems import create

    network = create("tanh").network
    net, none = arrays_of(network), np.zeros((BATCH, 1))

    def run():
        run_plain(
            net,
            steps,
            start_weights(network, none),
            rates(),
            none,
            np.zeros(BATCH, dtype=np.int64),
            np.zeros((BATCH, 4)),
        )

    return run


def delta_engine(steps):
    """Delta steps of a reference's first steps, by pixels that never leave it."""
    from deepzoom.backends.cpu_perturbation import CpuPerturbation
    from deepzoom.scene.view import View
    from deepzoom.systems import create

    view = View.parse(str(CALM), str(CALM), "1e-20", "8x8")
    job = CpuPerturbation().job(create("tanh", steps=steps), view, None, lambda *_: None, lambda *_: None)
    last = min(steps, job._reference.steps)
    assert last == steps
    at = job._differences(np.arange(BATCH))
    return partial(job._to_hand_off, None, last, np.inf, *at)


def peak_engine(steps):
    from peak import multiply_adds

    return partial(multiply_adds, 20_000_000)


ENGINES = {"jax": jax_engine, "plain": plain_engine, "delta": delta_engine, "peak": peak_engine}


def worker(core, steps, names, pipe):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    engines = {name: ENGINES[name](steps) for name in names}
    for run in engines.values():
        run()  # compiles
    pipe.send("ready")
    while (name := pipe.recv()) is not None:
        run = engines[name]
        begin = time.perf_counter()
        value = run()
        pipe.send((time.perf_counter() - begin, value if name == "peak" else None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=50)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    names = list(ENGINES)
    context = multiprocessing.get_context("spawn")
    workers = []
    for core in cores:  # one after the other: the first one compiles and keeps the kernels
        here, there = context.Pipe()
        context.Process(target=worker, args=(core, args.steps, names, there), daemon=True).start()
        there.close()  # so that a worker's death ends the wait
        assert here.recv() == "ready"
        workers.append(here)

    figures: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(args.rounds):
        for name in names:
            for pipe in workers:
                pipe.send(name)
            answers = [pipe.recv() for pipe in workers]
            if name == "peak":
                figures[name].append(statistics.mean(flops / seconds for seconds, flops in answers))
            else:
                figures[name].append(statistics.mean(a[0] for a in answers) / (args.steps * BATCH))
    for pipe in workers:
        pipe.send(None)

    print(f"{len(cores)} cores at once, load before {os.getloadavg()[0]:.2f}, {args.rounds} rounds")
    peak = statistics.median(figures["peak"])
    print(f"peak   {peak / 1e9:7.1f} GFlop/s a core (fused multiply-adds)")
    for name in names[:3]:
        found = figures[name]
        middle = statistics.median(found)
        flops = PRODUCT_FLOPS / middle
        ratio = statistics.median(a / b for a, b in zip(figures["jax"], found))
        spread = (max(found) - min(found)) / middle
        print(
            f"{name:<6} {middle * 1e6:7.2f} us a pixel-step and core   {flops / peak:4.0%} of peak in products alone"
            f"   {ratio:5.2f} times jax   spread {spread:.0%}"
        )


if __name__ == "__main__":
    main()
