"""The published table of dimensions anew: the border in the frames of each published zoom, by pairs of points.

    python scripts/paper_table.py [--only NAME ...] [--measure]

Without --measure it writes the table of docs/dimension.md and its figure from the results in docs/dimensions.json. With
it, it first runs ``deepzoom dimension`` for each row that has no result yet, and keeps each result as it comes; a
measurement that is stopped goes on where it was. To measure a row again, take its result out of the file.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepzoom import landmarks
from deepzoom.coordinates import format_decimal
from deepzoom.files import whole_file

DOCS = Path(__file__).parents[1] / "docs"
RESULTS, PAGE, FIGURE = DOCS / "dimensions.json", DOCS / "dimension.md", DOCS / "figures" / "dimensions.png"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->"


@dataclass(frozen=True)
class Row:
    """One measurement. published: the dimension in the publication (J. Sohl-Dickstein, arXiv 2402.06184, table 1).

    pairs: of each frame of the zoom.
    """

    name: str
    options: str
    published: float | None = None
    pairs: int = 0


def _window(name: str, published: float, pairs: int, of_frames: int) -> Row:
    return Row(name, f"--at {name}-published --pairs {pairs} --to 5e-8", published, of_frames)


Results = dict[str, dict[str, Any] | None]
"""What ``deepzoom dimension --json`` printed for each row; None where a frame has too little of a border."""

ROWS = [
    _window("linear", 1.17, 10240, 20480),
    _window("relu", 1.20, 10240, 5120),
    _window("single-datapoint", 1.41, 40960, 20480),
    _window("minibatch", 1.55, 5120, 1280),
    _window("tanh", 1.66, 2560, 1280),
    _window("weight-init", 1.98, 1280, 1280),
    Row("tanh, 20 decades", "--at tanh-published --pairs 1280 --to 1e-21"),
]
OVERVIEW = 9
"""Height of the first published frames."""


def frames(row: Row) -> list[Row]:
    """Frames of the published zoom into a window, each ten times as deep as the one before, as float64 has them.

    Their distances are those that a frame of 4096 pixels shows.
    """
    place = landmarks.get(f"{row.name}-published").view(None, (2, 2))
    at, depth, found = f"--center {format_decimal(place.x)} {format_decimal(place.y)}", place.depth, []
    while depth <= OVERVIEW:
        options = f"{row.name} {at} --depth {format_decimal(depth)} --pairs {row.pairs} --to 2e-4 --trust off"
        found.append(Row(f"{row.name}, {format_decimal(depth)}", options))
        depth *= 10
    return found[::-1]


def command(row: Row) -> list[str]:
    """What measures a row."""
    return ["dimension", *shlex.split(row.options)]


def measure(row: Row) -> dict[str, Any] | None:
    """Run a row's measurement, or go on with it; None where too few of its pairs differ. Raises CalledProcessError."""
    run = [sys.executable, "-m", "deepzoom", *command(row), "--json"]
    for more in ([], ["--resume"]):  # --resume is for those that were stopped only
        done = subprocess.run([*run, *more], capture_output=True, text=True)
        if "have the same fate" in done.stderr:
            return None
        if done.returncode == 0:
            break
    done.check_returncode()
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def _share(facts: dict[str, Any], name: str) -> str:
    """The mean over all distances of a share that may not be known, as text."""
    known = [s for s in facts[name] if s is not None]
    return f"{100 * sum(known) / len(known):.0f} %" if known else ""


def write(path: Path, text: str) -> None:
    """Write a text file whole."""
    with whole_file(path) as file:
        file.write(text.encode())


def _minutes(facts: dict[str, Any]) -> str:
    return f"{facts['seconds'] / 60:.1f}"


def _of_frames(row: Row, results: Results) -> str:
    """The median dimension of the frames of a row's zoom that have a border, the least and the largest, as text."""
    known = [results.get(frame.name) for frame in frames(row)] if row.published else []
    found = [facts["dimension"] for facts in known if facts is not None]
    if not found:
        return ""
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def table(results: Results) -> str:
    """The Markdown table of the rows that have a result."""
    lines = [
        "| window | published | frames of the zoom | the window | 95 % interval | decades | pairs | repaired |"
        " settled | minutes |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        facts = results.get(row.name)
        if facts is not None:
            published = "" if row.published is None else f"{row.published:.2f}"
            cells = [
                row.name, published, _of_frames(row, results), f"{facts['dimension']:.2f}",
                f"{facts['low']:.2f} to {facts['high']:.2f}",
                f"{facts['decades']:.1f}", f"{facts['pairs'][0]:,}", _share(facts, "repaired"),
                _share(facts, "settled"), _minutes(facts),
            ]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(page: str, results: Results) -> str:
    """The page with the table between its marks."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table(results) + END + rest.split(END)[1]


def draw(results: Results) -> None:
    """Write the figure: shares against distance, as parts of the window's height, and the fits."""
    figure = Figure(figsize=(7.2, 4.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    for row in ROWS:
        facts = results.get(row.name)
        if facts is None:
            continue
        height = math.log10(float(facts["depth"]))
        x = [v - height for v in facts["log10_distance"]]
        line = [share - left for share, left in zip(facts["log10_share"], facts["residual"])]
        interval = f"{facts['dimension']:.2f} [{facts['low']:.2f}, {facts['high']:.2f}]"
        marks = ax.errorbar(
            x, facts["log10_share"], facts["log10_error"], fmt="o", ms=3, lw=1, label=f"{row.name}: {interval}"
        )
        ax.plot(x, line, lw=0.8, color=marks[0].get_color())
    ax.set_xlabel("log10 of the distance of a pair, in heights of the window")
    ax.set_ylabel("log10 of the share of pairs with two fates")
    ax.legend(fontsize=8, frameon=False)
    with whole_file(FIGURE) as file:
        figure.savefig(file, format="png", pil_kwargs={"optimize": True})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=[row.name for row in ROWS], metavar="NAME")
    parser.add_argument("--measure", action="store_true", help="measure the rows that have no result yet")
    args = parser.parse_args()
    results: Results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    wanted = [r for row in ROWS if row.name in args.only for r in (*(frames(row) if row.published else ()), row)]
    for row in wanted if args.measure else []:
        if row.name not in results:
            print(f"{row.name}: deepzoom {' '.join(command(row))}", file=sys.stderr)
            results[row.name] = measure(row)
            write(
                RESULTS,
                "{\n" + ",\n".join(f'"{name}": {json.dumps(facts)}' for name, facts in results.items()) + "\n}\n",
            )
    write(PAGE, with_table(PAGE.read_text("utf-8"), results))
    draw(results)


if __name__ == "__main__":
    main()
