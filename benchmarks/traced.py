"""Generated kernels of traced trainings: against the hand-written step of the published network, and against JAX.

    python -m pip install ".[jax]"
    python benchmarks/traced.py [--rounds 7] [--steps 50]

All programs run in turn on one core, 64 pixels each, at rates at which no run diverges. Printed are the medians of
the rounds in microseconds for a step of one pixel, the ratios of programs that ran in the same round, and the time that
compiling a training's kernels takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

import numpy as np

PIXELS, CALM = 64, -3.0


def rates() -> np.ndarray:
    return 10.0 ** (CALM + np.random.default_rng(0).uniform(0, 1e-3, (PIXELS, 2)))


def traced_engine(optimizer: str, steps: int):
    """(program, seconds to compile) of the published network with an optimizer."""
    from deepzoom.backends.training.traced_runs import NONE, TracedRuns
    from deepzoom.systems import create

    before = time.perf_counter()
    system = create("tanh", {"optimizer": optimizer}, steps) if optimizer != "sgd" else _published(steps)
    runs = TracedRuns(system, lambda text: None)
    compiled = time.perf_counter() - before
    given = rates()
    begun = runs.start(given)

    def run():
        runs.ran((begun.copy(), given, np.zeros(PIXELS, np.int64), np.zeros((PIXELS, 4))), NONE)

    return run, compiled


def _published(steps: int):
    """The published experiment, traced."""
    from deepzoom.systems.composed import training
    from deepzoom.systems.traced_system import TracedSystem

    return TracedSystem("tanh", training("tanh", {}, steps), {}, steps)


def hand_written_engine(steps: int):
    from deepzoom.backends.kernels.training.plain_run import run_plain
    from deepzoom.backends.training.batches import arrays_of, compile_kernels, start_weights
    from deepzoom.systems import create

    compile_kernels(lambda text: None)
    network = create("tanh").network
    net, none, given = arrays_of(network), np.zeros((PIXELS, 1)), rates()

    def run():
        state = start_weights(network, none), given, none, np.zeros(PIXELS, np.int64), np.zeros((PIXELS, 4))
        run_plain(net, steps, *state)

    return run


def jax_engine(optimizer: str, steps: int):
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    import jax
    import jax.numpy as jnp

    from deepzoom.systems import create

    jax.config.update("jax_enable_x64", True)
    net = create("tanh").network
    x, y = jnp.array(net.x), jnp.array(net.y)
    start = tuple(jnp.array(w) for w in net.weights)

    def loss(weights):
        return jnp.mean((jnp.tanh(x @ weights[0] * np.sqrt(2 / 16)) @ weights[1] / 16.0 - y) ** 2)

    def train(rate):
        def step(state, t):
            weights, m, v = state
            value, gradient = jax.value_and_grad(loss)(weights)
            if optimizer == "sgd":
                return (tuple(w - r * g for w, r, g in zip(weights, rate, gradient)), m, v), value
            m = tuple(0.9 * a + 0.1 * g for a, g in zip(m, gradient))
            v = tuple(0.999 * a + 0.001 * g * g for a, g in zip(v, gradient))
            one, two = 1 - 0.9 ** (t + 1), 1 - 0.999 ** (t + 1)
            moved = (w - r * (a / one) / (jnp.sqrt(b / two) + 1e-8) for w, r, a, b in zip(weights, rate, m, v))
            return (tuple(moved), m, v), value

        zeros = tuple(jnp.zeros_like(w) for w in start)
        return jax.lax.scan(step, (start, zeros, zeros), jnp.arange(steps))[1]

    program, given = jax.jit(jax.vmap(train)), rates()
    return lambda: program(given).block_until_ready()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # JAX takes all cores, whatever its flags say
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    engines, compiled = {}, {}
    for optimizer in ("sgd", "adam"):
        engines[f"traced {optimizer}"], compiled[optimizer] = traced_engine(optimizer, given.steps)
        engines[f"jax {optimizer}"] = jax_engine(optimizer, given.steps)
    engines["hand-written sgd"] = hand_written_engine(given.steps)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for run in engines.values():
        run()
    for _ in range(given.rounds):
        for name, run in engines.items():
            before = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - before) / (PIXELS * given.steps) * 1e6)
    for name, found in times.items():
        print(f"{name:18} {statistics.median(found):7.2f} us per step of a pixel")
    for above, below in (
        ("jax sgd", "traced sgd"), ("jax adam", "traced adam"), ("hand-written sgd", "traced sgd"),
    ):  # fmt: skip
        ratio = statistics.median(a / b for a, b in zip(times[above], times[below]))
        print(f"{above} / {below}: {ratio:.2f}")
    for optimizer, seconds in compiled.items():
        print(f"kernels of {optimizer}: {seconds:.1f} s to trace, generate, and compile or load")


if __name__ == "__main__":
    main()
