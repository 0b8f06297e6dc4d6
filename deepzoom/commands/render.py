"""``deepzoom render``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from .colour_options import ColouringText, Cycle, Interior, MarkUnsettled, Palette, Slope
from .exit_codes import reported
from .prepare_scene import prepared
from .render_options import (
    Budget,
    DataFile,
    Depth,
    DryRun,
    Figure,
    Flip,
    Force,
    Out,
    Pixel,
    Resume,
    Rotate,
    SceneFile,
    Show,
    Size,
    Stretch,
    Tile,
    TilesFolder,
    Trust,
    Zoom,
)
from .shared_options import (
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
)
from .tiles import TileOptions, render_tiles
from .write_picture import check_png_bits, with_raw_data, write_picture

if TYPE_CHECKING:
    from pathlib import Path

    from deepzoom.pictures.outputs import Outputs
    from deepzoom.rendering.field import Field


@reported
def render(
    system: SystemName = None,
    at: At = None,
    center: Center = None,
    depth: Depth = None,
    size: Size = None,
    flip: Flip = False,
    stretch: Stretch = None,
    rotate: Rotate = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: SceneFile = None,
    pixel: Pixel = None,
    zoom: Zoom = None,
    steps: Steps = None,
    backend: BackendName = None,
    bits: Bits = None,
    samples: Samples = None,
    trust: Trust = None,
    budget: Budget = None,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    resume: Resume = False,
    tiles: TilesFolder = None,
    tile: Tile = None,
    dry_run: DryRun = False,
    out: Out = None,
    data: DataFile = None,
    distance: Distance = False,
    horizon: Horizon = False,
    course: Course = False,
    palette: Palette = None,
    colouring: ColouringText = None,
    cycle: Cycle = None,
    slope: Slope = None,
    interior: Interior = None,
    mark_unsettled: MarkUnsettled = None,
    figure: Figure = False,
    png_bits: PngBits = 8,
    force: Force = False,
    show: Show = None,
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
    wanted = with_raw_data(request.to_scene(), out, figure, png_bits)
    if budget is not None and wanted.trust != "settle":
        raise InputError("--budget: this needs --trust settle.")
    seconds = None if budget is None else parse_duration(budget, "--budget")
    if tiles is not None or tile is not None:
        others = {"--data": data, "--budget": budget, "--figure": figure or None, "--show": show or None}
        options = TileOptions(tiles, tile, out, png_bits, jobs, force, dry_run, as_json, quiet)
        return render_tiles(request, wanted, options, others)
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
    picture = _write(result.field, outputs, figure, png_bits, quiet)
    _show({**where, "out": str(picture)}, result.facts, as_json)


def _write(field: Field, outputs: Outputs, figure: bool, png_bits: int, quiet: bool) -> Path:
    """Write the files of a finished render, and say if the picture has one colour; returns the picture's name."""
    from deepzoom.rendering.one_value import remark

    if outputs.data is not None:
        field.save(outputs.data)
    picture = outputs.free_picture()
    write_picture(field, picture, figure, png_bits)
    outputs.remove_partial()
    if not quiet and (said := remark(field)):
        typer.echo(said, err=True)
    return picture


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
