"""Wall time of deep Mandelbrot renders: deepzoom, and Fractalshades, the other deep zoomer of Python, or itself before.

    python -m venv fs && fs/bin/pip install numpy==2.2.4 numba==0.61.2 fractalshades
    python benchmarks/classical.py --fractalshades fs/bin/python [--rounds 5] [--whole] [PLACE ...]
    python benchmarks/classical.py --before old/bin/python [--rounds 9] [--whole] [PLACE ...]

Each program renders a place at 640x360 twice in one process, and the second render is timed: with its picture, kernels
compiled, nothing of the first reused (the reference is computed again). With ``--whole``, whole processes are timed,
from their start to a picture in a file. The two programs run in turn; printed are medians over the rounds and the
median of their ratios. Places are the Mandelbrot ones of ``tests/golden/locations.json``, and ``shallow``.

With Fractalshades and ``--whole``, the last column is Imagina's time over deepzoom's. Imagina's whole processes were
timed once, on two cores with AVX-512, where Fractalshades' renders took ``FRACTALSHADES_THERE``; its times are scaled
by what Fractalshades' renders take here.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLACES = ("shallow", "fs_double_embedded_julia", "e50", "e113", "e533", "e1000")
WIDTH, HEIGHT = 640, 360
LIMITS = {"fs_double_embedded_julia": 100_000, "e50": 263_010, "e113": 35_494, "e533": 120_000, "e1000": 32_000}

IMAGINA = {"shallow": 0.70, "fs_double_embedded_julia": 0.75, "e50": 1.6, "e113": 0.35, "e533": 0.33, "e1000": 0.98}
"""Seconds of its whole process at a place."""
FRACTALSHADES_THERE = {
    "shallow": 1.45, "fs_double_embedded_julia": 1.54, "e50": 2.62, "e113": 1.33, "e533": 4.32, "e1000": 2.08,
}  # fmt: skip
"""Seconds of its second render on the machine where Imagina was timed."""

OURS = """
import sys, tempfile, time
from pathlib import Path
x, y, depth, limit, size = sys.argv[1:6]
import deepzoom
from deepzoom import cache
from deepzoom.commands.write_picture import write_picture
scene = deepzoom.Scene("mandelbrot", deepzoom.View.parse(x, y, depth, size), int(limit))
for _ in range(2):
    cache.clear("references")
    begin = time.perf_counter()
    result = deepzoom.render(scene)
    write_picture(result.field, Path(tempfile.mkdtemp()) / "a.png", False, 8)
    seconds = time.perf_counter() - begin
print("SECONDS", seconds)
"""

THEIRS = """
import sys, tempfile, time
x, y, width, limit, digits = sys.argv[1:6]
import fractalshades as fs
import fractalshades.colors as colors
import fractalshades.models as models
import fractalshades.settings as settings
from fractalshades.colors.layers import Color_layer
from fractalshades.postproc import Continuous_iter_pp, Postproc_batch
settings.enable_multithreading = True
for _ in range(int(sys.argv[6])):
    f = models.Perturbation_mandelbrot(tempfile.mkdtemp())
    begin = time.perf_counter()
    f.zoom(precision=int(digits), x=x, y=y, dx=width, nx=640, xy_ratio=640 / 360, theta_deg=0.0)
    f.calc_std_div(
        calc_name="d", subset=None, max_iter=int(limit), M_divergence=1e3, epsilon_stationnary=1e-3, BLA_eps=1e-6,
        interior_detect=False, calc_dzndc=False,
    )
    batch = Postproc_batch(f, "d")
    batch.add_postproc("count", Continuous_iter_pp())
    plotter = fs.Fractal_plotter(batch)
    plotter.add_layer(
        Color_layer("count", func="np.log(x)", colormap=colors.cmap_register["classic"], probes_z=[0, 1], output=True)
    )
    plotter.plot()
    seconds = time.perf_counter() - begin
print("SECONDS", seconds)
"""


def place(name: str) -> tuple[str, str, str, str, int]:
    """(x, y, height, width, limit) of a place."""
    from deepzoom.coordinates import parse_decimal, with_digits

    if name == "shallow":
        return "-0.743643887037151", "0.131825904205330", str(1e-10 * HEIGHT / WIDTH), "1e-10", 20_000
    golden = Path(__file__).parent.parent / "tests" / "golden" / "locations.json"
    known = {p["name"]: p for p in json.loads(golden.read_text()) if p["system"] == "mandelbrot"}
    if name not in known:
        raise SystemExit(f"{name}: no such place. Places: shallow, {', '.join(known)}.")
    found = known[name]
    if found["width"]:
        width = parse_decimal(found["width"], "width")
    else:
        width = 4 / parse_decimal(found["zoom_height4"], "zoom") * WIDTH / HEIGHT
    height = width * HEIGHT / WIDTH
    return found["x"], found["y"], with_digits(height, 15), with_digits(width, 15), LIMITS.get(name, found["limit"])


def seconds(python: str, code: str, *arguments: object) -> float:
    done = subprocess.run(
        [python, "-P", "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False
    )  # -P: the installed package, not one in the current folder
    lines = [line for line in done.stdout.splitlines() if line.startswith("SECONDS")]
    if not lines:
        raise SystemExit(done.stdout[-1000:] + done.stderr[-2000:])
    return float(lines[-1].split()[1])


def whole(python: str, *arguments: str) -> float:
    """Seconds of a whole process."""
    begin = time.perf_counter()
    subprocess.run([python, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600, check=True)
    return time.perf_counter() - begin


def whole_ours(python: str, place: tuple[str, str, str, str, int]) -> float:
    """Seconds of ``deepzoom render`` of a place, without a reference in the cache."""
    x, y, height, _, limit = place
    command = "-P", "-m", "deepzoom"
    whole(python, *command, "cache", "--clear", "references")
    with tempfile.TemporaryDirectory() as folder:
        return whole(
            python, *command, "render", "mandelbrot", "--center", x, y, "--depth", height, "--size",
            f"{WIDTH}x{HEIGHT}", "--steps", str(limit), "--out", f"{folder}/a.png",
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("places", nargs="*", default=PLACES)
    other = parser.add_mutually_exclusive_group(required=True)
    other.add_argument("--fractalshades", help="Python interpreter that has it installed")
    other.add_argument("--before", help="Python interpreter that has an earlier deepzoom installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="time whole processes")
    args = parser.parse_args()
    for name in args.places:
        at = place(name)
        x, y, height, width, limit = at
        digits = 20 + max(0, -int(height.split("e")[1]))
        ours = OURS, x, y, height, limit, f"{WIDTH}x{HEIGHT}"
        theirs = THEIRS, x, y, width, limit, digits
        rows = []
        for _ in range(args.rounds):
            mine = whole_ours(sys.executable, at) if args.whole else seconds(sys.executable, *ours)
            if args.before:
                rows.append((mine, whole_ours(args.before, at) if args.whole else seconds(args.before, *ours)))
            elif args.whole:
                other = whole(args.fractalshades, "-c", *map(str, theirs), "1")
                rows.append((mine, other, seconds(args.fractalshades, *theirs, 2)))
            else:
                rows.append((mine, seconds(args.fractalshades, *theirs, 2)))
        medians = [statistics.median(column) for column in zip(*rows)]
        ratio = statistics.median(row[1] / row[0] for row in rows)
        line = f"{name:<26} {medians[0]:6.2f} s  {medians[1]:7.2f} s  {ratio:7.2f} times"
        if len(medians) > 2 and name in IMAGINA:
            line += f"  Imagina {IMAGINA[name] * medians[2] / FRACTALSHADES_THERE[name] / medians[0]:5.2f}"
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"{line}   load {load:.1f}", flush=True)


if __name__ == "__main__":
    main()
