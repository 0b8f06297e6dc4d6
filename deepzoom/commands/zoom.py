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
    Samples,
    Settings,
    Steps,
    SystemName,
    flag,
    with_default,
)

if TYPE_CHECKING:
    from deepzoom.film.film import Target
    from deepzoom.film.zoom_path import Film

LENGTH = "Length"


@reported
def zoom(
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR|FILE.mp4",
            help="Write the film to a video (.mp4, .mkv or .webm), or its frames to a folder.",
            rich_help_panel=OUTPUT,
        ),
    ],
    system: SystemName = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="D0", help="Depth of the first frame, such as 9.", rich_help_panel=VIEW),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="D1", help="Depth of the last frame, such as 1e-20.", rich_help_panel=VIEW),
    ] = None,
    at: At = None,
    center: Center = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH", help=with_default("Width and height of a frame in pixels.", "256x256"), rich_help_panel=VIEW
        ),
    ] = None,
    flip: Annotated[bool, flag("--flip", help="Flip the frames upside down.", rich_help_panel=VIEW)] = False,
    stretch: Annotated[
        str | None,
        typer.Option(
            metavar="auto|off|RATIO@ANGLE",
            help=with_default(
                "Stretch the last frame, as in 'deepzoom render'; the stretch grows along the film.",
                "auto for training, else off",
            ),
            rich_help_panel=VIEW,
        ),
    ] = None,
    rotate: Annotated[
        str | None,
        typer.Option(
            metavar="DEG",
            help="Rotate the last frame by DEG degrees; the turn grows along the film.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Take centre, system and colours from a picture, data file, scene or place.",
            rich_help_panel=VIEW,
        ),
    ] = None,
    frames: Annotated[int | None, typer.Option(metavar="N", help="Number of frames.", rich_help_panel=LENGTH)] = None,
    fps: Annotated[
        str | None, typer.Option(metavar="N", help=with_default("Frames per second.", "30"), rich_help_panel=LENGTH)
    ] = None,
    seconds: Annotated[
        str | None,
        typer.Option(metavar="S", help="Length in seconds, instead of --frames.", rich_help_panel=LENGTH),
    ] = None,
    steps: Steps = None,
    backend: BackendName = None,
    bits: Bits = None,
    samples: Samples = None,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="off|sample|settle",
            help=with_default("Check the keyframes for rounding errors, as in 'deepzoom render'.", "sample"),
            rich_help_panel=QUALITY,
        ),
    ] = None,
    quality: Annotated[
        float,
        typer.Option(
            metavar="Q",
            help=with_default("Compute keyframes at Q times the size of a frame (0.1 to 16).", "1"),
            show_default=False,
            rich_help_panel=QUALITY,
        ),
    ] = 1.0,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Compute on the Dask cluster whose scheduler is at ADDRESS.", rich_help_panel=RUN
        ),
    ] = None,
    resume: Annotated[bool, flag("--resume", help="Continue an unfinished film.", rich_help_panel=RUN)] = False,
    dry_run: Annotated[
        bool,
        flag(
            "--dry-run", help="Print how much time and disk space the film would take, then exit.", rich_help_panel=RUN
        ),
    ] = False,
    yes: Annotated[bool, flag("--yes", help="Allow a film that is very large.", rich_help_panel=RUN)] = False,
    keep_data: Annotated[
        bool, flag("--keep-data", help="Save the keyframes, for --from-data.", rich_help_panel=OUTPUT)
    ] = False,
    from_data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Make the film from keyframes that --keep-data saved; compute nothing new.",
            rich_help_panel=RUN,
        ),
    ] = None,
    expmap: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Also write the whole zoom as one picture (exponential map).",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    codec: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=with_default("Video codec: h264, hevc or av1.", "h264"),
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = "h264",
    palette: Palette = None,
    colouring: ColouringText = None,
    cycle: Cycle = None,
    slope: Slope = None,
    interior: Interior = None,
    force: Annotated[bool, flag("--force", help="Overwrite an existing film.", rich_help_panel=OUTPUT)] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Render a film that zooms into a deep view."""
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
            typer.echo("Stopped; the finished part is saved. Continue with --resume.", err=True)
        raise typer.Exit(3)
    if as_json:
        typer.echo(json.dumps(result.facts))
        return
    for path in (target.out, target.data if target.keep else None, target.strip):
        if path is not None:
            typer.echo(str(path))


def _check_size(film: Film, yes: bool) -> None:
    """Raise InputError for a film so large that it may be a mistake."""
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
            f"--yes: {film.frames:,} frames and {runs:,.0f} pixels would take about {in_bytes(size)} of disk space;"
            " add --yes to go ahead."
        )


def _describe(film: Film, target: Target, jobs: int | None, as_json: bool) -> None:
    """Print how much time and disk space a film would take."""
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
    time = (
        "not known before it runs" if seconds is None else f"at most about {duration(seconds)}, plus the reference run"
    )
    for key, value in {**facts, "seconds": time, "bytes": f"about {in_bytes(facts['bytes'])}"}.items():
        typer.echo(f"{key:<10} {'-' if value is None else value}")
