"""What samples cost, and how far their colours are from those of as many samples in every pixel.

    python benchmarks/samples.py [VIEW ...] [--samples 16] [--size 256x256] [--pixels 65536] [--scene FILE ...]

Renders each view (landmarks; by default four, or scenes in files), then samples of so many random pixels of it, as
many as their values ask for, then all of these pixels' others. Printed are, of these pixels: how many got samples, the
cost as a share of all runs and of their time, and the difference of colours (root mean square, of 255) with and without
samples, in the default's colours, in another palette and in cyclic ones. "Known before" is of as many runs by a choice
that knows how far each pixel's colours are spread, and takes samples in proportion.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from deepzoom import landmarks
from deepzoom.colouring.colour import coloured
from deepzoom.colouring.linear_light import linear
from deepzoom.pictures.png import read_scene
from deepzoom.rendering import antialiasing
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer, cores, run_batches
from deepzoom.rendering.field import Field, put
from deepzoom.rendering.sample_counts import Places
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene

VIEWS = ("mandelbrot-home", "burning-ship-deep", "tanh-published", "tanh-deep")
COLOURS = (("Spectral", Colouring()), ("twilight", Colouring()), ("Spectral", Colouring(by="cyclic")))


def scene_of(name: str, size: str, samples: int) -> Scene:
    place = landmarks.get(name)
    view = replace(place.view(None, size), samples=samples)
    return Scene(place.system, view, place.steps, dict(place.settings), trust="off")


def base(scene: Scene) -> tuple[Field, float]:
    """The field without samples, as one that may get some, and its seconds; kernels and reference are there before."""
    plain = replace(scene, view=replace(scene.view, samples=1))
    rendering.render(replace(plain, view=replace(plain.view, width=8, height=8)))
    begin = time.perf_counter()
    field = rendering.render(plain).field
    field.scene = scene
    return field, time.perf_counter() - begin


def take_samples(field: Field, pixels: np.ndarray) -> tuple[Field, Field, float, float]:
    """The field with samples where these pixels ask for them, and with all of theirs; seconds of each."""
    view, planned = field.scene.view, rendering.plan(field.scene)
    job = planned.backend.job(planned.system, view, None, lambda share: None, lambda text: None)

    def run(own: Field, batches, call, take) -> float:
        begin = time.perf_counter()
        run_batches(batches, call, take, own, cores(), Observer())
        return time.perf_counter() - begin

    some = replace(field)
    antialiasing.Sampling(job, some, Places(some, some.done))
    some.sampled = np.intersect1d(some.sampled, pixels)
    some.samples = Field.empty(field.scene, (len(some.sampled), view.samples - 1))
    sampling = antialiasing.Sampling(job, some, Places(some, some.done))

    def take(rows, found) -> None:
        for places, out in found:
            put(some.samples, places, out)

    seconds = run(some, sampling.batches(), sampling.run, take)
    every = replace(field, sampled=pixels, samples=Field.empty(field.scene, (len(pixels), view.samples - 1)))
    rows = np.searchsorted(pixels, some.sampled)
    for name in every.samples.channels:
        getattr(every.samples, name)[rows] = getattr(some.samples, name)
    left = np.flatnonzero(~every.samples.done)
    batches = (left[k : k + job.batch_size] for k in range(0, len(left), job.batch_size))
    of_all = antialiasing.OfSamples(job, every)
    rest = run(every, batches, of_all.run, lambda places, out: put(every.samples, places, out))
    return some, every, seconds, seconds + rest


def apart(a: Field, b: Field, pixels: np.ndarray, palette: str, how: Colouring) -> float:
    """Root mean square of the difference of two fields' colours, of 255."""
    colours = [coloured(replace(f, scene=replace(f.scene, palette=palette, colouring=how)), True) for f in (a, b)]
    return 255 * float(np.sqrt(np.mean((colours[0] - colours[1]).reshape(-1, 3)[pixels] ** 2)))


def known_before(every: Field, runs: int) -> Field:
    """The field with about so many samples, in each pixel in proportion to how far its colours are spread."""
    most, done = every.scene.view.samples, every.samples.done
    first = linear(coloured(replace(every, samples=None, sampled=None), True)).reshape(-1, 3)[every.sampled]
    light = [first]
    for k in range(most - 1):
        with_one = replace(every, samples=replace(every.samples, done=done & (np.arange(most - 1) == k)))
        light.append(2 * linear(coloured(with_one, True)).reshape(-1, 3)[every.sampled] - first)
    spread = np.std(light, axis=0).mean(axis=1)
    low, high = 0.0, 1e9
    for _ in range(60):
        middle = (low + high) / 2
        count = np.clip(np.round(middle * spread), 1, most)
        low, high = (middle, high) if count.sum() < runs else (low, middle)
    return replace(every, samples=replace(every.samples, done=np.arange(1, most) < count[:, None]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("views", nargs="*", default=VIEWS)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--pixels", type=int, default=1 << 16)
    parser.add_argument("--scene", type=Path, nargs="*")
    args = parser.parse_args()
    scenes = [(name, scene_of(name, args.size, args.samples)) for name in args.views]
    if args.scene is not None:
        given = [(path.stem, replace(read_scene(path), trust="off")) for path in args.scene]
        scenes = [(name, replace(s, view=replace(s.view, samples=args.samples))) for name, s in given]
    for name, scene in scenes:
        view = scene.view
        field, seconds = base(scene)
        count = min(args.pixels, view.pixels)
        pixels = np.sort(np.random.default_rng(0).choice(view.pixels, count, replace=False))
        some, every, took, whole = take_samples(field, pixels)
        own = seconds * count / view.pixels
        runs = count + int(some.samples.done.sum())
        print(
            f"{name} {view.width}x{view.height}, {count:,} pixels: {len(some.sampled) / count:.1%} with samples;"
            f" {runs / (count * view.samples):.1%} of runs, {(own + took) / (own + whole):.1%} of time"
            f" ({own + took:.1f} of {own + whole:.1f} s)"
        )
        plain, best = antialiasing.with_samples(field, 1, Path(name)), known_before(every, runs)
        for palette, how in COLOURS:
            found, without, known = (apart(f, every, pixels, palette, how) for f in (some, plain, best))
            print(f"  {palette}, {how.by}: {found:.2f} of 255; without samples {without:.2f}; known before {known:.2f}")


if __name__ == "__main__":
    main()
