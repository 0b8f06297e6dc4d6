"""``deepzoom render``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .colour_options import ColouringText, Cycle, Interior, MarkUnsettled, Palette, Slope
from .exit_codes import reported
from .prepare_scene import prepared
from .shared_options import (
    OUTPUT,
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
    Samples,
    Settings,
    Steps,
    SystemName,
)
from .write_picture import check_png_bits, write_picture

if TYPE_CHECKING:
    from deepzoom.pictures.outputs import Outputs


@reported
def render(
    system: SystemName = None,
    at: At = None,
    center: Center = None,
    depth: Annotated[
        str | None, typer.Option(metavar="D", help="Full height of the view, such as 1e-20.", rich_help_panel=VIEW)
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels; default 256x256.", rich_help_panel=VIEW)
    ] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Turn the picture over: y grows downward.", rich_help_panel=VIEW)
    ] = False,
    stretch: Annotated[
        str | None,
        typer.Option(
            metavar="auto|off|RATIO@ANGLE",
            help="Stretch the view; auto, the default in training, unfolds stripes.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    rotate: Annotated[
        str | None, typer.Option(metavar="DEG", help="Turn the view counter-clockwise.", rich_help_panel=VIEW)
    ] = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Start from a scene, picture or data file.", rich_help_panel=VIEW),
    ] = None,
    pixel: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="J I", help="With --scene: new centre, column and row.", rich_help_panel=VIEW),
    ] = None,
    zoom: Annotated[
        str | None, typer.Option(metavar="K", help="With --pixel: how many times deeper.", rich_help_panel=VIEW)
    ] = None,
    steps: Steps = None,
    backend: BackendName = None,
    bits: Bits = None,
    samples: Samples = None,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="off|sample|settle",
            help="Check no pixel, a sample (default), or all, repairing them.",
            rich_help_panel=RUN,
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Of checking and repairing: 10m; default: no end.", rich_help_panel=RUN),
    ] = None,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an unfinished render.", rich_help_panel=RUN)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and how long it takes.", rich_help_panel=RUN)
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Picture; default: a numbered name.", rich_help_panel=OUTPUT),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Also the values, to colour again.", rich_help_panel=OUTPUT),
    ] = None,
    distance: Annotated[
        bool,
        typer.Option("--distance", help="Also distances to the set's border, into --data.", rich_help_panel=OUTPUT),
    ] = False,
    horizon: Annotated[
        bool,
        typer.Option("--horizon", help="Also the step at which float64 loses each pixel.", rich_help_panel=OUTPUT),
    ] = False,
    palette: Palette = None,
    colouring: ColouringText = None,
    cycle: Cycle = None,
    slope: Slope = None,
    interior: Interior = None,
    mark_unsettled: MarkUnsettled = None,
    figure: Annotated[bool, typer.Option("--figure", help="Write it with its axes.", rich_help_panel=OUTPUT)] = False,
    png_bits: Annotated[
        int, typer.Option("--png-bits", metavar="8|16", help="Bits per colour.", rich_help_panel=OUTPUT)
    ] = 8,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.", rich_help_panel=OUTPUT)] = False,
    show: Annotated[
        bool | None,
        typer.Option(
            "--show/--no-show",
            help="The picture so far in the terminal; default: where it has colours.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Render a view to a picture."""
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
        system,
        at,
        center,
        depth,
        size,
        steps,
        backend,
        bits,
        ColourOptions(palette, colouring, cycle, slope, interior, mark_unsettled),
        settings_of(given),
        scene,
        pixel,
        zoom,
        flip,
        distance,
        stretch,
        rotate,
        trust,
        horizon,
        samples,
    )
    wanted = request.to_scene()
    if budget is not None and wanted.trust != "settle":
        raise InputError("--budget: it goes with --trust settle.")
    seconds = None if budget is None else parse_duration(budget, "--budget")
    plan = rendering.plan(wanted)
    outputs = Outputs.chosen(wanted, out, data, force or resume, resume)
    grows = request.grows(wanted)
    if dry_run:
        _describe(plan, outputs, jobs, as_json, grows)
        return
    wanted = prepared(request, wanted, quiet)
    outputs = Outputs.chosen(wanted, out, data, force, resume)  # of the scene as it is now
    partial = outputs.kept(wanted) if resume else None
    where = {"out": str(outputs.picture), "data": None if outputs.data is None else str(outputs.data)}
    if resume and not force and outputs.finished(wanted):
        if not quiet:
            typer.echo("It is finished: nothing is left to do.", err=True)
        _show(where, {}, as_json)
        return
    if as_json and show is None:
        show = False
    with Watcher(quiet, show, lambda field: field.save(outputs.partial)) as watcher:
        if resume:
            kept = 0 if partial is None else int(partial.done.sum())
            watcher.say(f"Going on: {kept:,} pixels are done." if kept else "Nothing to go on with: starting anew.")
        result = rendering.render(wanted, jobs=jobs, observer=watcher, partial=partial, budget=seconds)
    if not result.complete:
        if result.field.done.any():
            result.field.save(outputs.partial)
            write_picture(result.field, outputs.partial_picture, False, png_bits)
        if not quiet:
            kept = result.facts["pixels"]
            typer.echo(f"Stopped; {kept:,} of {plan.pixels:,} pixels are kept. Go on with --resume.", err=True)
        raise typer.Exit(3)
    if outputs.data is not None:
        result.field.save(outputs.data)
    picture = outputs.free_picture()
    write_picture(result.field, picture, figure, png_bits)
    outputs.remove_partial()
    _show({**where, "out": str(picture)}, result.facts, as_json)


def _show(where: dict[str, str | None], facts: dict[str, Any], as_json: bool) -> None:
    """Say which files were made."""
    if as_json:
        typer.echo(json.dumps({**facts, **where}))
    else:
        for path in (p for p in where.values() if p):
            typer.echo(path)


def _describe(plan: Any, outputs: Outputs, jobs: int | None, as_json: bool, grows: bool) -> None:
    """What a render would do."""
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
    most = "at most " if view.samples > 1 else ""  # which pixels get samples is known when all have a value
    time = "known once it runs" if seconds is None else f"{most}about {duration(seconds)}, and the reference run"
    shown = {**facts, "seconds": time, "data": facts["data"] or "-"}
    for key, value in shown.items():
        typer.echo(f"{key:<10} {value}")
