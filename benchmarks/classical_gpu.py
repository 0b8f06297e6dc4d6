"""Wall time of deep Mandelbrot pictures on the GPUs of this machine, and the ratio to two threads of its CPU.

    python benchmarks/classical_gpu.py [PLACE ...]

Places of ``tests/golden/locations.json`` at 1920x1080, the reference and its skips included, kernels compiled.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from classical import LIMITS, place

PLACES = ("e50", "e113", "e1000")
_WIDTH, _HEIGHT = 1920, 1080
_JOBS = 2


def rows(places: tuple[str, ...] = PLACES) -> Iterator[tuple[str, str]]:
    """(what was measured, figure) of each place. Raises InputError where no GPU can be used."""
    for name in places:
        gpu, cpu = (_seconds(name, kind) for kind in ("gpu-perturbation", "cpu-perturbation"))
        figure = f"{gpu:.2f} s; {_JOBS} CPU cores {cpu / gpu:.1f} times as long"
        yield f"Mandelbrot {name}, {_WIDTH} x {_HEIGHT}", figure


def _seconds(name: str, backend: str) -> float:
    """Of a render, with all compiled and no reference."""
    import deepzoom
    from deepzoom import cache

    x, y, height, _, _ = place(name)
    for size in (f"{_WIDTH // 30}x{_HEIGHT // 30}", f"{_WIDTH}x{_HEIGHT}"):
        cache.clear("references")
        scene = deepzoom.Scene("mandelbrot", deepzoom.View.parse(x, y, height, size), LIMITS[name], backend=backend)
        begin = time.perf_counter()
        deepzoom.render(scene, jobs=_JOBS)
        seconds = time.perf_counter() - begin
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("places", nargs="*", default=PLACES)
    for what, figure in rows(tuple(parser.parse_args().places)):
        print(f"{what:<36} {figure}", flush=True)


if __name__ == "__main__":
    main()
