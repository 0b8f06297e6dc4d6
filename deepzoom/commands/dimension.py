"""``deepzoom dimension``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exit_codes import reported
from .prepare_scene import prepared
from .shared_options import (
    OUTPUT,
    QUALITY,
    RUN,
    VIEW,
    AsJson,
    At,
    BackendName,
    Bits,
    Center,
    DeviceMemory,
    DeviceNumber,
    FormulaText,
    Jobs,
    Quiet,
    Settings,
    flag,
    with_default,
)

if TYPE_CHECKING:
    from deepzoom.measuring.descent import Descent
    from deepzoom.scene.scene import Scene


@reported
def dimension(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SYSTEM|FILE.npz...]",
            help=with_default(
                "What to measure: a system, by pairs of points; or data files of 'deepzoom render', by box counting.",
                "tanh",
            ),
        ),
    ] = None,
    at: At = None,
    center: Center = None,
    depth: Annotated[
        str | None,
        typer.Option(metavar="D", help=with_default("Height of the window.", "the landmark's"), rich_help_panel=VIEW),
    ] = None,
    stretch: Annotated[
        str | None,
        typer.Option(
            metavar="auto|off|RATIO@ANGLE",
            help=with_default("Stretch the window, as 'deepzoom render' does.", "the landmark's or the scene's shape"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure the scene of a picture, data file or TOML file.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    largest: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="E0",
            help=with_default("Largest distance of a pair, as a share of the window's height.", "1e-1"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    smallest: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="E1",
            help=with_default("Smallest distance, as a share of the height, such as 1e-30.", "1e-6"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=with_default("Number of pairs at each distance.", "5120"), rich_help_panel=QUALITY
        ),
    ] = None,
    filaments: Annotated[
        bool,
        flag(
            "--filaments",
            help="Escape-time maps: also count pairs of which a point is nearer to the border than half their distance,"
            " so that filaments count.",
            rich_help_panel=QUALITY,
        ),
    ] = False,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="off|sample|settle",
            help=with_default(
                "settle checks all points, repairs those that fail, and leaves out pairs that stay unsettled; sample"
                " checks some; off checks none.",
                "settle",
            ),
            rich_help_panel=QUALITY,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            metavar="S",
            help=with_default("Random seed; each seed draws other pairs, or shifts the boxes otherwise.", "0"),
            show_default=False,
            rich_help_panel=QUALITY,
        ),
    ] = 0,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help=with_default("Number of training steps, or iteration limit.", "the landmark's"),
            rich_help_panel=RUN,
        ),
    ] = None,
    backend: BackendName = None,
    bits: Bits = None,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    resume: Annotated[bool, flag("--resume", help="Continue a stopped measurement.", rich_help_panel=RUN)] = False,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Draw the counts against size, the fit and its residuals (.png, .pdf or .svg).",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    force: Annotated[
        bool,
        flag("--force", help="Overwrite the figure, and start a stopped measurement over.", rich_help_panel=OUTPUT),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure the dimension of the border between fates."""
    from deepzoom.backends.gpu.device import allow
    from deepzoom.commands.requests import dimension as requests
    from deepzoom.commands.requests.scene import Request, settings_of, with_formula
    from deepzoom.errors import InputError
    from deepzoom.rendering.batches import check_jobs

    if seed < 0:
        raise InputError(f"--seed: {seed} is negative; give 0 or more.")
    requests.check_figure(figure, force)
    files = requests.files_of(what or ())
    if files:
        of_pairs = {
            "--at": at, "--center": center, "--depth": depth, "--stretch": stretch, "--set": settings,
            "--formula": formula, "--scene": scene, "--from": largest, "--to": smallest, "--pairs": pairs,
            "--trust": trust, "--steps": steps, "--backend": backend, "--bits": bits,
            "--filaments": filaments or None,
        }  # fmt: skip
        for name, value in of_pairs.items():
            if value is not None:
                raise InputError(f"{name}: a data file is counted as it is; leave the option out.")
        _count_boxes(files, seed, figure, as_json)
        return
    check_jobs(jobs)
    allow(device, device_memory)
    system, given = with_formula(what[0] if what else None, settings or (), formula)
    request = Request(
        system, at, center, depth, None, steps, backend, bits, settings=settings_of(given), scene=scene,
        stretch=stretch, trust=trust or "settle",
    )  # fmt: skip
    asked, descent = requests.to_measure(
        request, largest or "1e-1", smallest or "1e-6", 5120 if pairs is None else pairs, seed, filaments
    )
    if request.grows(asked) or stretch == "auto":
        asked = prepared(request, asked, quiet)
        descent.window = asked.view
    _measure(asked, descent, resume, force, jobs, quiet)
    _report(asked, descent, figure, as_json)


def _count_boxes(files: list[Path], seed: int, figure: Path | None, as_json: bool) -> None:
    """Print the box-counting dimension of saved fields."""
    from deepzoom.commands.requests.dimension import borders_of
    from deepzoom.measuring.box_counting import count

    counted = count(borders_of(files), seed)
    if figure is not None:
        from deepzoom.measuring.figure import write_boxes

        write_boxes(figure, counted, f"{files[0].name}{f' and {len(files) - 1} more' if len(files) > 1 else ''}")
    facts: dict[str, Any] = {
        "method": "box counting", "files": len(files), "dimension": counted.dimension, "low": counted.low,
        "high": counted.high, "sizes": counted.sizes.tolist(), "counts": counted.counts.tolist(),
        "slopes": [None if s != s else s for s in counted.slopes.tolist()],
        "figure": None if figure is None else str(figure),
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"dimension  {counted.dimension:.4f}, the median of {len(counted.slopes)} local slopes of box counts")
    typer.echo(f"spread     {counted.low:.4f} to {counted.high:.4f} over shifted grids (95 %)")


def _measure(scene: Scene, descent: Descent, resume: bool, force: bool, jobs: int | None, quiet: bool) -> None:
    """Run a measurement, from its checkpoint if there is one; a stop keeps what is done and exits."""
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import Stopped
    from deepzoom.measuring import checkpoint
    from deepzoom.measuring.fates import OfScene
    from deepzoom.rendering.batches import cores

    path = checkpoint.path_of(scene, descent, resume, force)
    if path.exists():
        checkpoint.load(path, descent)
    with Watcher(quiet) as watcher:
        try:
            descent.run(OfScene(scene, jobs or cores(), watcher), watcher, lambda found: checkpoint.save(path, found))
        except Stopped:
            if not quiet:
                typer.echo("Stopped; the finished strands are saved. Continue with --resume.", err=True)
            raise typer.Exit(3) from None
    path.unlink(missing_ok=True)


def _report(scene: Scene, descent: Descent, figure: Path | None, as_json: bool) -> None:
    """Print what a measurement found, and draw it."""
    from deepzoom.commands.terminal.table import table
    from deepzoom.measuring.report import facts_of, lines_of, rows_of

    fit = descent.fit()
    if figure is not None:
        from deepzoom.measuring.figure import write_uncertainty

        write_uncertainty(
            figure, fit, f"{scene.system}, {descent.pairs:,} pairs at each of {len(fit.log_eps)} distances"
        )
    facts = facts_of(scene, descent, fit)
    if as_json:
        typer.echo(json.dumps({**facts, "figure": None if figure is None else str(figure)}))
        return
    table(["distance", "share", "differ", "of", "settled", "repaired", "local D", "error", ""], rows_of(facts))
    for line in lines_of(facts):
        typer.echo(line)
