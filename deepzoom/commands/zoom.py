"""``deepzoom zoom``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .colour_options import ColouringText, Cycle, Interior, Palette, Slope
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

if TYPE_CHECKING:
    from deepzoom.film.film import Target
    from deepzoom.film.zoom_path import Film


@reported
def zoom(
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR|FILE.mp4", help="Folder for frames, or a video (.mp4, .mkv, .webm).", rich_help_panel=OUTPUT
        ),
    ],
    system: SystemName = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="D0", help="Depth of the first frame.", rich_help_panel=VIEW)
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="D1", help="Depth of the last frame.", rich_help_panel=VIEW)
    ] = None,
    at: At = None,
    center: Center = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels of a frame; default 256x256.", rich_help_panel=VIEW)
    ] = None,
    flip: Annotated[
        bool, typer.Option("--flip", help="Turn frames over: y grows downward.", rich_help_panel=VIEW)
    ] = False,
    stretch: Annotated[
        str | None,
        typer.Option(
            metavar="auto|off|RATIO@ANGLE",
            help="Stretch of the last frame; auto in training; it turns in.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    rotate: Annotated[
        str | None, typer.Option(metavar="DEG", help="Turn of the last frame; it turns in.", rich_help_panel=VIEW)
    ] = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Centre, system and colours of this file.", rich_help_panel=VIEW),
    ] = None,
    frames: Annotated[int | None, typer.Option(metavar="N", help="Number of frames.", rich_help_panel=VIEW)] = None,
    fps: Annotated[
        str | None, typer.Option(metavar="N", help="Frames per second; default 30.", rich_help_panel=VIEW)
    ] = None,
    seconds: Annotated[
        str | None, typer.Option(metavar="S", help="Length, in place of --frames.", rich_help_panel=VIEW)
    ] = None,
    steps: Steps = None,
    backend: BackendName = None,
    bits: Bits = None,
    samples: Samples = None,
    trust: Annotated[
        str | None,
        typer.Option(metavar="off|sample|settle", help="Check keyframes; default sample.", rich_help_panel=RUN),
    ] = None,
    quality: Annotated[
        float, typer.Option(metavar="Q", help="Keyframes Q times a frame's size.", rich_help_panel=RUN)
    ] = 1.0,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Run on a Dask cluster.", rich_help_panel=RUN)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a film.", rich_help_panel=RUN)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take.", rich_help_panel=RUN)] = False,
    yes: Annotated[bool, typer.Option("--yes", help="However large it is.", rich_help_panel=RUN)] = False,
    keep_data: Annotated[bool, typer.Option("--keep-data", help="Keep the keyframes.", rich_help_panel=OUTPUT)] = False,
    from_data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Use kept keyframes: no new runs.", rich_help_panel=RUN)
    ] = None,
    expmap: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Also the exponential map of the way.", rich_help_panel=OUTPUT),
    ] = None,
    codec: Annotated[
        str, typer.Option(metavar="NAME", help="Of a video: h264, hevc or av1.", rich_help_panel=OUTPUT)
    ] = "h264",
    palette: Palette = None,
    colouring: ColouringText = None,
    cycle: Cycle = None,
    slope: Slope = None,
    interior: Interior = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.", rich_help_panel=OUTPUT)] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Film the way down to a deep view."""
    from deepzoom.backends.gpu.device import allow
    from deepzoom.commands.requests.colours import ColourOptions
    from deepzoom.commands.requests.film import FilmRequest
    from deepzoom.commands.requests.scene import Request, settings_of, with_formula
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.film import output
    from deepzoom.film.cluster import connected
    from deepzoom.film.film import make
    from deepzoom.rendering.batches import check_jobs

    system, given = with_formula(system, settings or (), formula)
    check_jobs(jobs)
    allow(device, device_memory)
    view = Request(
        system=system,
        at=at,
        center=center,
        size=size,
        steps=steps,
        backend=backend,
        bits=bits,
        colours=ColourOptions(palette, colouring, cycle, slope, interior),
        settings=settings_of(given),
        scene=scene,
        flip=flip,
        stretch=stretch,
        rotate=rotate,
        trust=trust,
        samples=samples,
    )
    wanted = FilmRequest(view, begin, end, frames, fps, seconds, quality, from_data)
    film = wanted.to_film()
    target = output.target(
        film, out, keep=keep_data, from_data=from_data, strip=expmap, fps=wanted.rate, codec=codec, force=force,
        resume=resume,
    )  # fmt: skip
    _check_size(film, yes)
    if dry_run:
        _describe(film, target, jobs, as_json)
        return
    client = None if scheduler is None else connected(scheduler, film.descent.scene)
    film = wanted.to_film(lambda found: prepared(view, found, quiet))
    if force and not resume:
        output.clear(target)
    with Watcher(quiet) as watcher:
        result = make(film, target, jobs=jobs, observer=watcher, client=client)
    if not result.complete:
        if not quiet:
            typer.echo("Stopped; what is done is kept. Go on with --resume.", err=True)
        raise typer.Exit(3)
    if as_json:
        typer.echo(json.dumps(result.facts))
        return
    for path in (target.out, target.data if target.keep else None, target.strip):
        if path is not None:
            typer.echo(str(path))


def _check_size(film: Film, yes: bool) -> None:
    """Raise InputError for a film so large that it was hardly meant."""
    from deepzoom.commands.requests.film import MOST_BYTES, MOST_FRAMES, MOST_RUNS
    from deepzoom.errors import InputError
    from deepzoom.film.film import BYTES_PER_FRAME_PIXEL, BYTES_PER_KEYFRAME_PIXEL
    from deepzoom.scene.view import in_bytes

    view, count = film.descent.scene.view, film.descent.count
    runs = view.samples * view.pixels * (count + 1) / 2
    size = film.frames * film.width * film.height * BYTES_PER_FRAME_PIXEL + runs * BYTES_PER_KEYFRAME_PIXEL
    too_large = film.frames > MOST_FRAMES or size > MOST_BYTES or runs > MOST_RUNS
    if too_large and not yes:
        raise InputError(
            f"--yes: {film.frames:,} frames and {runs:,.0f} pixels would take about {in_bytes(size)} of disk; give"
            " --yes if that is meant."
        )


def _describe(film: Film, target: Target, jobs: int | None, as_json: bool) -> None:
    """What a film would take."""
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.coordinates import format_decimal
    from deepzoom.durations import duration
    from deepzoom.film.film import estimate
    from deepzoom.rendering.batches import cores
    from deepzoom.scene.view import in_bytes

    facts: dict[str, Any] = {
        "system": film.descent.scene.system,
        "from": format_decimal(film.begin),
        "to": format_decimal(film.end),
        "size": f"{film.width}x{film.height}",
        **estimate(film, jobs or cores(), Watcher()),
        "jobs": jobs or cores(),
        "out": str(target.out),
        "data": str(target.data) if target.keep else None,
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    seconds = facts["seconds"]
    time = "known once it runs" if seconds is None else f"at most about {duration(seconds)}, and the reference run"
    for key, value in {**facts, "seconds": time, "bytes": f"about {in_bytes(facts['bytes'])}"}.items():
        typer.echo(f"{key:<10} {'-' if value is None else value}")
