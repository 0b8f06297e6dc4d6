"""``deepzoom render``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .colour_options import ColouringText, Cycle, Interior, MarkUnsettled, Palette, Slope
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
    Course,
    DeviceMemory,
    DeviceNumber,
    Distance,
    FormulaText,
    Horizon,
    Jobs,
    PngBits,
    Quiet,
    Samples,
    Settings,
    Steps,
    SystemName,
    flag,
    with_default,
)
from .write_picture import check_png_bits, with_raw_data, write_picture

if TYPE_CHECKING:
    from deepzoom.pictures.outputs import Outputs
    from deepzoom.rendering.field import Field


@reported
def render(
    system: SystemName = None,
    at: At = None,
    center: Center = None,
    depth: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help=with_default("Height of the view in the plane, such as 1e-20.", "the landmark's"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help=with_default("Width and height in pixels.", "256x256"), rich_help_panel=VIEW),
    ] = None,
    flip: Annotated[bool, flag("--flip", help="Flip the picture upside down.", rich_help_panel=VIEW)] = False,
    stretch: Annotated[
        str | None,
        typer.Option(
            metavar="auto|off|RATIO@ANGLE",
            help=with_default(
                "Stretch the view: auto unfolds stripes, 3@45 stretches 3 times along 45 degrees.",
                "auto for training, else off",
            ),
            rich_help_panel=VIEW,
        ),
    ] = None,
    rotate: Annotated[
        str | None,
        typer.Option(metavar="DEG", help="Rotate the view counter-clockwise by DEG degrees.", rich_help_panel=VIEW),
    ] = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Start from a picture's, data file's or TOML file's scene, or another program's place.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    pixel: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="J I",
            help="With --scene and --zoom: move the centre to column J, row I, counted from the upper left.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    zoom: Annotated[
        str | None, typer.Option(metavar="K", help="With --pixel: zoom in K times there.", rich_help_panel=VIEW)
    ] = None,
    steps: Steps = None,
    backend: BackendName = None,
    bits: Bits = None,
    samples: Samples = None,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="off|sample|settle",
            help=with_default(
                "off checks no pixels for rounding errors, sample checks some, settle checks all and repairs those that"
                " fail.",
                "sample",
            ),
            rich_help_panel=QUALITY,
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=with_default("With --trust settle: stop checking and repairing after this time, such as 10m.", "none"),
            rich_help_panel=QUALITY,
        ),
    ] = None,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    resume: Annotated[
        bool, flag("--resume", help="Continue an unfinished render of the same scene.", rich_help_panel=RUN)
    ] = False,
    dry_run: Annotated[
        bool,
        flag(
            "--dry-run", help="Print what would be rendered and how long it would take, then exit.", rich_help_panel=RUN
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png|.exr",
            help=with_default(
                "Write the picture to FILE.png, or raw data and colours to FILE.exr.",
                "a numbered name such as tanh-1e-20-001.png",
            ),
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Also write the values to FILE.npz, so that 'deepzoom colour' can recolour them.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    distance: Distance = False,
    horizon: Horizon = False,
    course: Course = False,
    palette: Palette = None,
    colouring: ColouringText = None,
    cycle: Cycle = None,
    slope: Slope = None,
    interior: Interior = None,
    mark_unsettled: MarkUnsettled = None,
    figure: Annotated[bool, flag("--figure", help="Draw labelled axes around the picture.", rich_help_panel=OUTPUT)] = (
        False
    ),
    png_bits: PngBits = 8,
    force: Annotated[bool, flag("--force", help="Overwrite existing files.", rich_help_panel=OUTPUT)] = False,
    show: Annotated[
        bool | None,
        flag(
            "--show/--no-show",
            help=with_default("Draw the growing picture in the terminal.", "in terminals with 256 colours or more"),
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Render a picture of one view."""
    from deepzoom.backends.gpu.device import allow
    from deepzoom.commands.requests.colours import ColourOptions
    from deepzoom.commands.requests.scene import Request, settings_of, with_formula
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.durations import parse_duration
    from deepzoom.errors import InputError
    from deepzoom.pictures.outputs import Outputs
    from deepzoom.rendering import render as rendering
    from deepzoom.rendering.batches import check_jobs

    check_png_bits(png_bits)
    system, given = with_formula(system, settings or (), formula)
    check_jobs(jobs)
    allow(device, device_memory)
    request = Request(
        system, at, center, depth, size, steps, backend, bits,
        ColourOptions(palette, colouring, cycle, slope, interior, mark_unsettled), settings_of(given),
        scene, pixel, zoom, flip, distance, stretch, rotate, trust, horizon, samples, course,
    )  # fmt: skip
    wanted = request.to_scene()
    if out is not None and out.suffix.lower() == ".exr":
        wanted = with_raw_data(wanted, figure, png_bits)
    if budget is not None and wanted.trust != "settle":
        raise InputError("--budget: this needs --trust settle.")
    seconds = None if budget is None else parse_duration(budget, "--budget")
    plan = rendering.plan(wanted)
    outputs = Outputs.chosen(wanted, out, data, force or resume, resume)
    grows = request.grows(wanted)
    if dry_run:
        _describe(plan, outputs, jobs, as_json, grows)
        return
    wanted = prepared(request, wanted, quiet)
    outputs = Outputs.chosen(wanted, out, data, force, resume)  # for the scene as it is now
    partial = outputs.saved(wanted) if resume else None
    where = {"out": str(outputs.picture), "data": None if outputs.data is None else str(outputs.data)}
    if resume and not force and outputs.finished(wanted):
        if not quiet:
            typer.echo("This render is already finished.", err=True)
        _show(where, {}, as_json)
        return
    if as_json and show is None:
        show = False
    with Watcher(quiet, show, lambda field: field.save(outputs.partial)) as watcher:
        if resume:
            done = 0 if partial is None else int(partial.done.sum())
            watcher.say(
                f"Resuming: {done:,} pixels are done." if done else "No unfinished render found: starting a new one."
            )
        result = rendering.render(wanted, jobs=jobs, observer=watcher, partial=partial, budget=seconds)
    if not result.complete:
        _stop(result.field, outputs, png_bits, quiet)
    if outputs.data is not None:
        result.field.save(outputs.data)
    picture = outputs.free_picture()
    write_picture(result.field, picture, figure, png_bits)
    outputs.remove_partial()
    _show({**where, "out": str(picture)}, result.facts, as_json)


def _stop(field: Field, outputs: Outputs, png_bits: int, quiet: bool) -> NoReturn:
    """Save what is done of a stopped render, say so, and exit."""
    done = int(field.done.sum())
    if done:
        field.save(outputs.partial)
        write_picture(field, outputs.partial_picture, False, png_bits)
    if not quiet:
        pixels = field.scene.view.pixels
        typer.echo(f"Stopped; {done:,} of {pixels:,} pixels are saved. Continue with --resume.", err=True)
    raise typer.Exit(3)


def _show(where: dict[str, str | None], facts: dict[str, Any], as_json: bool) -> None:
    """Print the names of the files that were written, or all results as JSON."""
    if as_json:
        typer.echo(json.dumps({**facts, **where}))
    else:
        for path in (p for p in where.values() if p):
            typer.echo(path)


def _describe(plan: Any, outputs: Outputs, jobs: int | None, as_json: bool, grows: bool) -> None:
    """Print what a render would do and how long it would take."""
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.coordinates import format_decimal
    from deepzoom.durations import duration
    from deepzoom.rendering.batches import cores
    from deepzoom.rendering.render import estimate

    view = plan.scene.view
    seconds = estimate(plan, jobs or cores(), Watcher())
    facts = {
        "system": plan.system.name,
        "backend": plan.backend.name,
        "reason": plan.reason,
        "depth": format_decimal(view.depth),
        "size": f"{view.width}x{view.height}",
        "pixels": plan.pixels,
        "samples": view.samples,
        "steps": plan.scene.steps if not grows else f"auto, from {plan.scene.steps}",
        "bits": plan.bits,
        "jobs": jobs or cores(),
        "seconds": None if seconds is None else round(seconds, 1),
        "out": str(outputs.picture),
        "data": None if outputs.data is None else str(outputs.data),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    most = "at most " if view.samples > 1 else ""  # which pixels get samples is known only when all have a value
    time = "not known before it runs" if seconds is None else f"{most}about {duration(seconds)}, plus the reference run"
    shown = {**facts, "seconds": time, "data": facts["data"] or "-"}
    for key, value in shown.items():
        typer.echo(f"{key:<10} {value}")
