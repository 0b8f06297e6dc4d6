"""Whole processes, from the shell and back: how long small commands take, here and in another checkout, in turn.

    python benchmarks/startup.py [--before CHECKOUT] [--rounds 9] [--python PYTHON]

Wall time, and processor time of the process (user and system), which other programs disturb less; medians. Each
checkout has a cache folder of its own, and runs each command once before, so that kernels and references are there.
``NUMBA_CPU_NAME`` and ``NUMBA_CPU_FEATURES`` choose another processor's code.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OUT = ("--force", "--out", "a.png")
COMMANDS = {
    "--help": ("--help",),
    "mandelbrot, home, 320x180": ("render", "mandelbrot", "--size", "320x180", *OUT),
    "mandelbrot, 1e-20, 64x36": ("render", "mandelbrot", "--at", "mandelbrot-deep", "--size", "64x36", *OUT),
    "tanh, 1e-3, 8x8, 50 steps": ("render", "--depth", "1e-3", "--size", "8x8", "--steps", "50", *OUT),
}


def timed(python: str, checkout: Path, folder: Path, arguments: tuple[str, ...]) -> tuple[float, float]:
    """(wall, processor) seconds of one process."""
    # compiled modules are written, as they are where a package is installed
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {**inherited, "PYTHONPATH": str(checkout), "DEEPZOOM_CACHE": str(folder / "cache")}
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [python, "-m", "deepzoom", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="another checkout, to compare with")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    checkouts = {"here": Path(__file__).resolve().parents[1]}
    if options.before is not None:
        checkouts["before"] = options.before.resolve()
    print(f"{'command':28} {'checkout':9} {'wall s':>7} {'cpu s':>7}")
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in checkouts}
        for folder in folders.values():
            folder.mkdir()
        for title, arguments in COMMANDS.items():
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in checkouts}
            for _ in range(options.rounds + 1):
                for name, checkout in checkouts.items():
                    found[name].append(timed(options.python, checkout, folders[name], arguments))
            for name, rounds in found.items():
                wall, processor = (statistics.median(r[k] for r in rounds[1:]) for k in (0, 1))
                print(f"{title:28} {name:9} {wall:7.2f} {processor:7.2f}", flush=True)
    print("load", *(f"{v:.1f}" for v in os.getloadavg()))


if __name__ == "__main__":
    main()
