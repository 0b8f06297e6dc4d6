"""The published table of dimensions anew: the border in each published window, by pairs of points.

    python scripts/paper_table.py [--only NAME ...] [--measure]

Without --measure it writes the table of docs/dimension.md and its figure from the results in docs/dimensions.json. With
it, it first runs ``deepzoom dimension`` for each row that has no result yet, and keeps each result as it comes; a
measurement that is stopped goes on where it was. To measure a row again, take its result out of the file.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from deepzoom.files import whole_file

DOCS = Path(__file__).parents[1] / "docs"
RESULTS, PAGE, FIGURE = DOCS / "dimensions.json", DOCS / "dimension.md", DOCS / "figures" / "dimensions.png"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->"


@dataclass(frozen=True)
class Row:
    """One measurement. published: the dimension in the publication (J. Sohl-Dickstein, arXiv 2402.06184, table 1)."""

    name: str
    published: float | None
    options: str


def _rows(name: str, published: float, pairs: int) -> list[Row]:
    """A window settled, and as float64 has it."""
    options = f"--at {name}-published --pairs {pairs} --to 1e-7"
    return [Row(name, published, options), Row(f"{name}, float64", published, f"{options} --trust off")]


ROWS = [
    *_rows("linear", 1.17, 10240),
    *_rows("relu", 1.20, 10240),
    *_rows("single-datapoint", 1.41, 40960),
    *_rows("minibatch", 1.55, 5120),
    *_rows("tanh", 1.66, 2560),
    *_rows("weight-init", 1.98, 1280),
    Row("tanh, 20 decades", None, "--at tanh-published --pairs 1280 --to 1e-21"),
]


def command(row: Row) -> list[str]:
    """What measures a row."""
    return ["dimension", *row.options.split()]


def measure(row: Row) -> dict[str, Any]:
    """Run a row's measurement, or go on with it. Raises CalledProcessError where it fails."""
    run = [sys.executable, "-m", "deepzoom", *command(row), "--json"]
    for more in ([], ["--resume"]):  # --resume is for those that were stopped only
        done = subprocess.run([*run, *more], stdout=subprocess.PIPE, text=True, check=bool(more))
        if done.returncode == 0:
            break
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


def table(results: dict[str, dict[str, Any]]) -> str:
    """The Markdown table of the rows that have a result."""
    lines = [
        "| window | published | dimension | 95 % interval | decades | pairs | repaired | settled | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        if row.name in results:
            facts = results[row.name]
            published = "" if row.published is None else f"{row.published:.2f}"
            cells = [
                row.name, published, f"{facts['dimension']:.2f}", f"{facts['low']:.2f} to {facts['high']:.2f}",
                f"{facts['decades']:.1f}", f"{facts['pairs'][0]:,}", _share(facts, "repaired"),
                _share(facts, "settled"), _minutes(facts),
            ]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(page: str, results: dict[str, dict[str, Any]]) -> str:
    """The page with the table between its marks."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table(results) + END + rest.split(END)[1]


def draw(results: dict[str, dict[str, Any]]) -> None:
    """Write the figure: shares against distance, as parts of the window's height, and the fits."""
    figure = Figure(figsize=(7.2, 4.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    for row in ROWS:
        facts = results.get(row.name)
        if facts is None or "float64" in row.name:
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
    results: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for row in ROWS if args.measure else []:
        if row.name in args.only and row.name not in results:
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
