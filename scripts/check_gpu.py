"""Everything that only a GPU can show, in one command: tests/gpu, then the figures of docs/gpu.md in one table.

    python -m pip install ".[test,cuda12]"     # or cuda13; "jax[cuda12]" beside it for the comparison
    python scripts/check_gpu.py

It takes less than eight minutes on one GPU, and ends with 1 where there is none.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom import landmarks
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.kernels.arithmetic.simd import fma
from deepzoom.backends.kernels.gpu.lane_columns import times_each
from deepzoom.backends.kernels.gpu.lane_group import any_group, first_of, in_lanes, next_pixel
from deepzoom.backends.kernels.gpu.tensor_cores import multiply_add
from deepzoom.backends.kernels.training.expansion_run import run_expansions
from deepzoom.backends.training.batches import arrays_of, start_weights
from deepzoom.backends.training.higher_precision import LIMBS
from deepzoom.backends.training.network_expansions import constants_of
from deepzoom.backends.training.traced_runs import NONE
from deepzoom.compiling.jit import kernel
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems import create

SETTLING = 30.0
"""Seconds that settling may take: what needs more digits than the GPU has goes to the CPU."""
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "benchmarks"))
DISTANCES = tuple(np.int64(1 << i) for i in range(4))
WARP = tuple(np.int64(1 << i) for i in range(5))
ITEMS, ROUNDS, CHAINS = 200_000, 4_096, 8
"""Of the peak: work of a group of 16 lanes, multiply-adds in each of its chains, chains in each lane."""
STEPS = 500
CALM_PIXELS = 2**17
LIMB_STEPS, LIMB_PIXELS, LIMB_ALONE = 10, 8448, 16
"""With more digits: four pixels for each group of lanes of an H100, and two vectors of a core."""


@kernel()
def chains(queue, items, rounds, out):
    """Independent chains of multiply-adds in every lane, nothing else."""
    item = next_pixel(queue, True, 0, DISTANCES)
    while any_group(item < items):
        a, b, c, d, e, f, g, h = 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7
        for _ in range(rounds):
            a, b, c, d = fma(a, 0.999, 1e-9), fma(b, 0.999, 1e-9), fma(c, 0.999, 1e-9), fma(d, 0.999, 1e-9)
            e, f, g, h = fma(e, 0.999, 1e-9), fma(f, 0.999, 1e-9), fma(g, 0.999, 1e-9), fma(h, 0.999, 1e-9)
        if a + b + c + d + e + f + g + h == 0.5:  # never, which the compiler cannot know
            out[0] = 1.0
        item = next_pixel(queue, True, item, DISTANCES)


@kernel()
def products(queue, items, rounds, out, eight, four, rows):
    """Independent chains of a warp's products, nothing else; eight, four, rows: tuples of as many ones."""
    item = next_pixel(queue, True, 0, WARP)
    while any_group(item < items):
        a, b = times_each(eight, in_lanes(0.5, WARP)), times_each(four, in_lanes(0.03, WARP))
        c, d, e, f = b, b, b, b
        for _ in range(rounds):
            c, d = multiply_add(a, b, c, rows), multiply_add(a, b, d, rows)
            e, f = multiply_add(a, b, e, rows), multiply_add(a, b, f, rows)
        if first_of(c[0] + d[0] + e[0] + f[0]) == 0.5:  # never
            out[0] = 1.0
        item = next_pixel(queue, True, item, WARP)


def best(run: Any, times: int = 3) -> float:
    """Seconds of the fastest run, after one that compiles."""
    run()
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        found.append(time.perf_counter() - begin)
    return min(found)


def peak(one: device.Device) -> float:
    """Measured float64 operations a second, a multiply-add being two."""
    out = one.zeros(1, np.float64)
    seconds = best(lambda: one.launch(chains, (one.zeros(1, np.int64), ITEMS, ROUNDS, out), 256))
    return 2.0 * ITEMS * 2 ** len(DISTANCES) * ROUNDS * CHAINS / seconds


def tensor_peak(one: device.Device) -> float:
    """The same of the tensor units."""
    out, ones = one.zeros(1, np.float64), [(1.0,) * count for count in (8, 4, one.tensor_rows)]
    seconds = best(lambda: one.launch(products, (one.zeros(1, np.int64), ITEMS, ROUNDS, out, *ones), 128))
    return 2.0 * ITEMS * ROUNDS * 4 * 16 * 8 * 16 / seconds


def steps_a_second(one: device.Device, tensor_units: bool = True) -> float:
    """Pixel-steps of the published tanh network, of runs that all go on to the end.

    tensor_units: use them where the GPU has some.
    """
    from training import rates

    network = create("tanh").network
    made, none = unit_per_lane.UnitPerLane(arrays_of(network), STEPS), np.zeros((CALM_PIXELS, 1))
    weights, given = start_weights(network, none[:1]), rates(CALM_PIXELS)

    def run() -> None:
        made.finish(one, weights, given, none, np.zeros(CALM_PIXELS, np.int64), np.zeros((CALM_PIXELS, 4)))

    before, one.tensor_rows = one.tensor_rows, one.tensor_rows if tensor_units else 0
    try:
        return CALM_PIXELS * STEPS / best(run)
    finally:
        one.tensor_rows = before


def limb_steps_a_second(one: device.Device, limbs: int) -> tuple[float, float]:
    """The same with more digits, and on one core of the CPU."""
    network = create("tanh").network
    net, constants = arrays_of(network), constants_of(network, limbs)
    made, start = unit_per_lane.UnitPerLane(net, LIMB_STEPS), start_weights(network, np.zeros((1, 1)))

    def state(pixels: int) -> list[Any]:
        values = [np.zeros((pixels, n, limbs)) for n in (start.shape[1], 2, 1)]
        values[0][:, :, 0], values[1][:, :, 0] = start, 1e-3
        return [v.reshape(pixels, -1) for v in values] + [np.zeros(pixels, np.int64), np.zeros((pixels, 4))]

    seconds = best(lambda: made.in_expansions(one, constants, *state(LIMB_PIXELS)))
    alone = best(lambda: run_expansions(net, constants, LIMB_STEPS, *state(LIMB_ALONE), NONE, (0.0,) * limbs), 1)
    return LIMB_PIXELS * LIMB_STEPS / seconds, LIMB_ALONE * LIMB_STEPS / alone


def jax_steps_a_second() -> tuple[float, int] | str:
    """The same of the published program's step, and the best batch; or why not."""
    if importlib.util.find_spec("jax") is None:
        return "JAX is not installed"
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    if jax.default_backend() != "gpu":
        return "JAX finds no GPU"
    from training import jax_program, rates

    steps = 50
    program, found = jax_program(steps), []
    for batch in (1024, 4096, 16384, 65536):
        given = jax.device_put(rates(batch))
        found.append((batch * steps / best(lambda given=given: program(given).block_until_ready()), batch))
    return max(found)


class Said(Observer):
    """Tells what would be a slow run only: that something goes to the CPU."""

    def say(self, text: str) -> None:
        if "CPU" in text:
            print(text, flush=True)


def rendered(
    at: str,
    depth: str | None,
    backend: str,
    size: str = "1024x1024",
    trust: str = "off",
    horizon: bool = False,
    budget: float | None = None,
) -> tuple[float, dict[str, Any]]:
    """Seconds and facts of a view."""
    place = landmarks.get(at)
    view = View.parse(place.x, place.y, depth or place.depth, size)
    settings = dict(place.settings)
    scene = Scene(place.system, view, place.steps, settings, backend=backend, trust=trust, horizon=horizon)
    begin = time.perf_counter()
    result = rendering.render(scene, observer=Said(), budget=budget)
    assert result.complete
    return time.perf_counter() - begin, result.facts


def published_step(one: device.Device) -> Iterator[tuple[str, str]]:
    from training import PRODUCT_FLOPS

    most, plain, lanes = peak(one), steps_a_second(one), steps_a_second(one, tensor_units=False)
    yield "multiply-adds, measured peak", f"{most / 1e12:.2f} TFlop/s"
    yield "tanh, calm pixel-steps a second", f"{plain / 1e6:.2f} million"
    yield "products alone, share of that peak", f"{plain * PRODUCT_FLOPS / most:.1%}"
    if one.tensor_rows:
        tensor = tensor_peak(one)
        yield "products by tensor units, measured peak", f"{tensor / 1e12:.2f} TFlop/s"
        yield "products alone, share of that peak", f"{plain * PRODUCT_FLOPS / tensor:.1%}"
        yield "calm pixel-steps a second without them", f"{lanes / 1e6:.2f} million"
        yield "products alone, share of multiply-adds' peak", f"{lanes * PRODUCT_FLOPS / most:.1%}"
    theirs = jax_steps_a_second()
    if isinstance(theirs, str):
        yield "ratio to the published program", theirs
    else:
        yield "JAX, pixel-steps a second", f"{theirs[0] / 1e6:.2f} million (batch {theirs[1]:,})"
        yield "ratio to the published program", f"{plain / theirs[0]:.2f}"


def views(one: device.Device) -> Iterator[tuple[str, str]]:
    rendered("tanh-published", None, "gpu-float64", "64x64")  # compiles
    seconds, facts = rendered("tanh-published", None, "gpu-float64")
    yield "published tanh window, 1024 x 1024", f"{facts['pixels'] / seconds:,.0f} pixels/s, {seconds:.2f} s in all"
    rendered("tanh-deep", "1e-20", "gpu-perturbation", "64x64")
    seconds, facts = rendered("tanh-deep", "1e-20", "gpu-perturbation")
    yield (
        "tanh at 1e-20, 1024 x 1024, its reference cached",
        f"{facts['pixels'] / seconds:,.0f} pixels/s, {seconds:.2f} s",
    )


def classical(one: device.Device) -> Iterator[tuple[str, str]]:
    if importlib.util.find_spec("classical_gpu") is not None:
        from classical_gpu import rows

        yield from rows()


def traced(one: device.Device) -> Iterator[tuple[str, str]]:
    from traced_gpu import rows

    yield from rows(one)


def horizons(one: device.Device) -> Iterator[tuple[str, str]]:
    rendered("tanh-published", None, "gpu-float64", "64x64", horizon=True)  # compiles
    with_it, without = (rendered("tanh-published", None, "gpu-float64", "512x512", horizon=h)[0] for h in (True, False))
    yield (
        "published tanh window, 512 x 512, horizons",
        f"{with_it - without:.2f} s beside {without:.2f} s of the pixels",
    )


def more_digits(one: device.Device) -> Iterator[tuple[str, str]]:
    for name, limbs in LIMBS.items():
        if name in unit_per_lane.EXPANSION_BATCHES:
            gpu, core = limb_steps_a_second(one, limbs)
            yield (
                f"tanh, pixel-steps a second in {name}",
                f"{gpu / 1e3:,.0f} thousand, of a CPU's core {core / 1e3:.1f}",
            )
    seconds, facts = rendered("tanh-published", None, "gpu-float64", "128x128", trust="settle", budget=SETTLING)
    yield (
        f"published tanh window, 128 x 128, {SETTLING:.0f} s of settling",
        f"{seconds:.1f} s; {facts['settled']:,} settled, {facts['unsettled']:,} not",
    )


PARTS = (published_step, views, classical, traced, horizons, more_digits)


def main() -> int:
    missing = device.obstacle()
    if missing is not None:
        print(f"No GPU can be checked here: {missing}.")
        return 1
    import cupy

    begin = time.perf_counter()
    tests = subprocess.run([sys.executable, "-m", "pytest", "-q", "-n", "4", "tests/gpu"], cwd=HERE.parent)
    one, failed = device.Device(), tests.returncode != 0
    runtime = cupy.cuda.runtime

    def row(name: str, figure: str) -> None:
        print(f"{name:<52} {figure}", flush=True)

    row("GPU", one.name)
    row("CuPy", f"{cupy.__version__}, driver of CUDA {device.version(runtime.driverGetVersion())}")
    row("tests/gpu", "FAIL" if failed else "pass")
    for part in PARTS:
        try:
            for name, figure in part(one):
                row(name, figure)
        except Exception as error:  # the others are worth their figures all the same
            traceback.print_exc()
            row(part.__name__, f"FAIL ({type(error).__name__})")
            failed = True
    row("seconds in all", f"{time.perf_counter() - begin:.0f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
