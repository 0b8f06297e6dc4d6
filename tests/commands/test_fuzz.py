"""Seeded random scenes of every kind against the oracles: systems, places, depths, sizes, stretches, turns and limits.

Places have structure: they lie at most one view's height from a golden centre. Each case compares the backend that
``auto`` chooses, and ``cpu-float64`` where it can run, with runs in integers or in mpmath.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest
from escape_oracle import exponent
from small_network import KINDS, SmallNetwork

from deepzoom.backends.base import AGREEMENT
from deepzoom.coordinates import log2, parse_decimal
from deepzoom.rendering import render as rendering
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import parse_stretch
from deepzoom.scene.view import View

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))
import make_depths  # noqa: E402
from higher_precision import settled  # noqa: E402

KEPT = [
    kept
    for name in ("escape.json", "depths.json")
    for kept in json.loads((GOLDEN / name).read_text())["systems"]
    if kept["system"] != "formula"
]
"""Golden centres of all systems but formulas, whose kernels take long to compile."""
FEW, MANY = 6, 150


def view_of(rng, x, y, depth):
    """A view of random size and shape whose centre lies near x, y."""
    width, height = (int(n) for n in rng.integers(3, 40, size=2))
    beside = [parse_decimal(f"{v:.6f}", "x") * parse_decimal(depth, "depth") for v in rng.uniform(-0.5, 0.5, size=2)]
    view = View(parse_decimal(x, "x") + beside[0], parse_decimal(y, "y") + beside[1], parse_decimal(depth, "depth"),
                width, height, bool(rng.integers(2)))  # fmt: skip
    if rng.integers(2):
        ratio, angle = 10 ** rng.uniform(0, 1.5), rng.uniform(-180, 180)
        view = replace(view, shape=parse_stretch(f"{ratio:.3f}@{angle:.3f}"))
    return view


def depth_of(rng, deepest):
    return f"{rng.uniform(1, 10):.3f}e-{rng.integers(1, deepest)}"


def jobs_of(scene):
    """Jobs by the chosen backend, and by float64 if that is another backend that can hold the pixels."""
    for name in ("auto", "cpu-perturbation"):
        planned = rendering.plan(replace(scene, backend=name))
        yield planned.backend.job(planned.system, scene.view, None, lambda share: None, lambda text: None)


def some(rng, view, count):
    return np.sort(rng.choice(view.pixels, min(count, view.pixels), replace=False)).astype(np.int64)


def point(view, pixel):
    return tuple(
        Fraction(int(v.numerator), int(v.denominator)) for v in view.at(pixel % view.width, pixel // view.width)
    )


def escape_time(seed):
    """How many pixels of a random escape-time scene are settled. Checks that each of these is right."""
    rng = np.random.default_rng(seed)
    kept = KEPT[rng.integers(len(KEPT))]
    depth = depth_of(rng, 100)
    view = view_of(rng, kept["x"], kept["y"], depth)
    limit = int(rng.integers(50, 3000))
    pixels = some(rng, view, 5)
    bits = round(300 - log2(view.depth))
    true = [make_depths.run(kept["system"], kept["settings"], *point(view, p), bits, limit) for p in pixels.tolist()]
    count = 0
    for job in jobs_of(Scene(kept["system"], view, limit, kept["settings"])):
        out = job.run(pixels)
        for k in np.flatnonzero(out.trust > 0).tolist():
            n, attractor, smooth = true[k]
            case = seed, kept["system"], depth, int(pixels[k])
            assert (out.iterations[k], out.attractor[k]) == (n, attractor), case
            assert abs(out.measure[k] - (-1.0 if smooth is None else smooth)) <= 1e-6, case
            count += 1
    return count


def training(seed, folder):
    """The same for a random network."""
    rng = np.random.default_rng(seed)
    kind = list(KINDS)[rng.integers(len(KINDS))]
    steps = int(rng.integers(25, 60))
    small = SmallNetwork(int(rng.integers(1000)), **KINDS[kind], steps=steps)
    given = {
        "data": str(folder / f"{seed}.npz"),
        "activation": small.activation,
        "rates": ",".join(small.network.rates),
    }
    arrays = {f"theta{i}": w for i, w in enumerate(small.weights)}
    if small.batches is not None:
        arrays["minibatch_idx"], given["batch"] = small.batches, "drawn"
    if small.offset:
        given |= {"offset": "x", "offset-when": "every-step" if small.every else "once"}
    np.savez(given["data"], X=small.x, Y=small.y, **arrays)
    depth = depth_of(rng, 60)
    view = view_of(rng, f"{rng.uniform(-1, 1.5):.9f}", f"{rng.uniform(-1, 1.5):.9f}", depth)
    pixels = some(rng, view, 2)
    true = []
    with mpmath.workprec(round(500 - log2(view.depth))):
        import oracle

        for p in pixels.tolist():
            x, y = (mpmath.mpf(v.numerator) / v.denominator for v in point(view, p))
            true.append(float(oracle.measure(small.oracle(x, y, steps)[0])))
    true = np.array(true)
    count = 0
    for job in jobs_of(Scene("tanh", view, steps, given)):
        out = settled(job, pixels)
        sure = out.trust > 0
        case = seed, kind, depth, pixels.tolist()
        assert np.array_equal(out.fate[sure], np.sign(true)[sure]), case
        assert np.allclose(out.measure[sure], true[sure], rtol=AGREEMENT, atol=0), case
        count += int(sure.sum())
    return count


def lyapunov(seed):
    """The same for a random view of Lyapunov exponents."""
    rng = np.random.default_rng(seed)
    sequence = "".join(rng.choice(["A", "B"], size=rng.integers(1, 9)))
    warmup, steps = (int(n) for n in rng.integers(1, 120, size=2))
    depth = depth_of(rng, 60)
    view = view_of(rng, f"{rng.uniform(2.5, 3.95):.9f}", f"{rng.uniform(2.5, 3.95):.9f}", depth)
    pixels = some(rng, view, 4)
    count = 0
    for job in jobs_of(Scene("lyapunov", view, steps, {"sequence": sequence, "warmup": str(warmup)})):
        out = job.run(pixels)
        for k, p in enumerate(pixels.tolist()):
            true = exponent(*view.at(p % view.width, p // view.width), sequence, warmup, steps, 300)
            if out.trust[k] > 0 and true is not None:
                assert abs(out.measure[k] - true) <= 1e-9, (seed, sequence, depth, p)
                count += 1
    return count


@pytest.mark.slow  # the kernels of each system take long to compile
def test_escape_time(own_cache):
    assert sum(escape_time(s) for s in range(MANY)) > 5 * MANY


@pytest.mark.parametrize("seeds", [range(FEW), pytest.param(range(FEW, MANY), marks=pytest.mark.slow)])
def test_training(own_cache, tmp_path, seeds):
    assert sum(training(s, tmp_path) for s in seeds) > len(seeds)


@pytest.mark.parametrize("seeds", [range(FEW), pytest.param(range(FEW, MANY), marks=pytest.mark.slow)])
def test_lyapunov(own_cache, seeds):
    assert sum(lyapunov(s) for s in seeds) > 2 * len(seeds)
