"""What a pixel-step of the published tanh network costs with more digits, in plain ones; all in one run, on one core.

python benchmarks/limbs.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

import numpy as np

from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.kernels.training.plain_run import run_plain
from deepzoom.backends.training.batches import arrays_of, start_weights
from deepzoom.backends.training.network_expansions import constants_of
from deepzoom.systems import create

PIXELS, STEPS, RATE = 16, 4, 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    network = create("tanh").network
    net, start = arrays_of(network), start_weights(network, np.zeros((PIXELS, 1)))

    def plain(steps: int) -> None:
        rates = np.full((PIXELS, 2), RATE)
        state = start.copy(), rates, np.zeros((PIXELS, 1)), np.zeros(PIXELS, dtype=np.int64), np.zeros((PIXELS, 4))
        run_plain(net, steps, *state)

    def limbs(count: int, steps: int) -> None:
        weights, rates = np.zeros((PIXELS, start.shape[1], count)), np.zeros((PIXELS, 2, count))
        weights[:, :, 0], rates[:, :, 0] = start, RATE
        state = weights.reshape(PIXELS, -1), rates.reshape(PIXELS, -1), np.zeros((PIXELS, count))
        counts = np.zeros(PIXELS, dtype=np.int64), np.zeros((PIXELS, 4))
        run_expansions(net, constants_of(network, count), steps, *state, *counts, (0.0,) * count)

    def timed(call, *arguments) -> float:
        before = time.process_time()
        call(*arguments)
        return (time.process_time() - before) / PIXELS / arguments[-1]

    names = {1: "one limb", 2: "double-double", 4: "quad-double", 8: "octo-double"}
    plain(1)
    for count in names:
        limbs(count, 1)
    figures: dict[int, list[tuple[float, float]]] = {count: [] for count in names}
    for _ in range(args.rounds):
        for count in names:
            figures[count].append((timed(plain, 100), timed(limbs, count, STEPS)))
    print(f"load {os.getloadavg()[0]:.1f}, {args.rounds} rounds, processor time")
    for count, name in names.items():
        ratio = statistics.median(b / a for a, b in figures[count])
        print(f"{name:<14} {1e6 * statistics.median(b for _, b in figures[count]):8.1f} us   {ratio:7.1f} plain steps")


if __name__ == "__main__":
    main()
