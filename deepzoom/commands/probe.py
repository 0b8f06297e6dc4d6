"""``deepzoom probe``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exit_codes import reported
from .shared_options import OUTPUT, RUN, VIEW, AsJson, At, Center, Quiet, Settings, SystemName, flag, with_default

if TYPE_CHECKING:
    from deepzoom.measuring.probe import Probe


@reported
def probe(
    system: SystemName = None,
    at: At = None,
    center: Center = None,
    scene: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Probe a point of this picture, data file or scene file.", rich_help_panel=VIEW
        ),
    ] = None,
    pixel: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="J I",
            help=with_default("With --scene: column J, row I, counted from the upper left.", "the middle"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    settings: Settings = None,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help=with_default("Number of training steps.", "the landmark's or scene's; with --center: the system's"),
            rich_help_panel=RUN,
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the curves into this file.", rich_help_panel=OUTPUT),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz|.csv", help="Write the numbers of every step to this file.", rich_help_panel=OUTPUT
        ),
    ] = None,
    force: Annotated[bool, flag("--force", help="Replace existing files.", rich_help_panel=OUTPUT)] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run one point of a training exactly: losses, exponents, sharpness, and where float64 loses it."""
    from deepzoom.commands.requests.probe import check_files, to_point
    from deepzoom.commands.requests.scene import Request, settings_of
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import Stopped
    from deepzoom.measuring.probe import probe as probed
    from deepzoom.measuring.probe_files import facts_of, write_numbers

    check_files(out, figure, force)
    point = to_point(Request(system, at, center, steps=steps, settings=settings_of(settings or ()), scene=scene), pixel)
    with Watcher(quiet) as watcher:
        try:
            found = probed(point.scene, point.x, point.y, point.pixel, watcher)
        except Stopped:
            if not quiet:
                typer.echo("Stopped; nothing is saved.", err=True)
            raise typer.Exit(3) from None
    if out is not None:
        write_numbers(out, found)
    if figure is not None:
        from deepzoom.measuring.probe_figure import write_probe

        write_probe(figure, found, f"{found.scene.system}, {point.where}: {_fate(found)}")
    files = {name: None if path is None else str(path) for name, path in (("out", out), ("figure", figure))}
    if as_json:
        typer.echo(json.dumps({**facts_of(found), **files}))
        return
    _show([("point", point.where), *_lines(found), *((k, v) for k, v in files.items() if v)])


def _show(lines: list[tuple[str, str]]) -> None:
    """Print names and sentences in two columns."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in lines:
        grid.add_row(name, text)
    console.print(grid, highlight=False, markup=False)


def _fate(found: Probe) -> str:
    return f"{'converged' if found.exact.fate < 0 else 'diverged'} in {found.scene.steps} steps"


def _lines(found: Probe) -> list[tuple[str, str]]:
    """What is known, a sentence a line."""
    from deepzoom.measuring.probe_files import coordinate

    exact, steps = found.exact, found.scene.steps
    lines = [(name, coordinate(v, exact.bits)) for name, v in (("x", found.x), ("y", found.y))]
    lines.append(("fate", f"{_fate(found)}, measure {exact.measure!r}"))
    taken = len(exact.losses)
    if taken:
        ended = "" if taken == steps else f"; float64 cannot hold the loss from step {taken} on"
        lines.append(("loss", f"{float(exact.losses[0])!r} at first, {float(exact.losses[-1])!r} at last{ended}"))
        lines.append(("digits", f"all are right: exact runs with {exact.bits} bits and with more agree"))
    lost = [f"the plain run is wrong from step {found.parted} on" if found.parted < steps else "the plain run is right"]
    if found.horizon is not None:
        ends = f"lost at step {found.horizon}" if found.horizon < steps else "never lost"
        lost.append(f"as a pixel it is {ends}")
    lines.append(("float64", "; ".join(lost)))
    if taken:
        lines += [("exponents", _exponents(found)), ("sharpness", _sharpness(found))]
    return lines


def _exponents(found: Probe) -> str:
    import math

    texts = []
    for exponent, growth in zip(found.exact.exponents[-1], found.exact.growth[-1], strict=True):
        if math.isfinite(exponent):
            power = math.floor(growth / math.log(10))
            factor = (
                f"{math.exp(growth - power * math.log(10)):.1f}e{power}"
                if abs(power) > 3
                else f"{math.exp(growth):.3g}"
            )
            texts.append(f"{exponent:+.6g} per step ({factor} times in all)")
    if any(map(math.isnan, found.exact.exponents[-1])):
        return "float64 cannot hold the derivatives"
    return " and ".join(texts) or "none: the parameters do not move the state"


def _sharpness(found: Probe) -> str:
    import numpy as np

    def at(k: int) -> str:
        edge = f" (edge of stability {found.edges[k]:.4g})" if np.isfinite(found.edges[k]) else ""
        return f"{found.sharpness[k]:.4g} at step {found.at[k]}{edge}"

    known: Any = np.flatnonzero(np.isfinite(found.sharpness))
    if not len(known):
        return "float64 cannot hold the second derivatives"
    chosen = [int(known[0]), int(known[np.argmax(found.sharpness[known])]), int(known[-1])]
    return ", ".join(at(k) for k in sorted(set(chosen)))
