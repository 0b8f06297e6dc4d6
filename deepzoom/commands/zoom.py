"""``deepzoom zoom``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from .colour_options import ColouringText, Cycle, Interior, Palette, Slope
from .exit_codes import reported
from .prepare_scene import prepared
from .shared_options import (
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
from .zoom_options import (
    Begin,
    Codec,
    DryRun,
    End,
    Expmap,
    FilmFormat,
    Flip,
    Force,
    Fps,
    Frames,
    FromData,
    KeepData,
    Out,
    Quality,
    Resume,
    Rotate,
    SceneFile,
    Scheduler,
    Seconds,
    Size,
    Stretch,
    Trust,
    WayPointFile,
    Yes,
)

if TYPE_CHECKING:
    from deepzoom.film.film import Target
    from deepzoom.film.tour import Tour
    from deepzoom.film.zoom_path import Film


@reported
def zoom(
    out: Out,
    system: SystemName = None,
    begin: Begin = None,
    end: End = None,
    at: At = None,
    center: Center = None,
    size: Size = None,
    flip: Flip = False,
    stretch: Stretch = None,
    rotate: Rotate = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: SceneFile = None,
    path: WayPointFile = None,
    frames: Frames = None,
    fps: Fps = None,
    seconds: Seconds = None,
    steps: Steps = None,
    backend: BackendName = None,
    bits: Bits = None,
    samples: Samples = None,
    trust: Trust = None,
    quality: Quality = 1.0,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    scheduler: Scheduler = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    keep_data: KeepData = False,
    from_data: FromData = None,
    expmap: Expmap = None,
    format_: FilmFormat = "png",
    codec: Codec = "h264",
    palette: Palette = None,
    colouring: ColouringText = None,
    cycle: Cycle = None,
    slope: Slope = None,
    interior: Interior = None,
    force: Force = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Render a film that zooms into a deep view."""
    from deepzoom.backends.gpu.device import allow
    from deepzoom.commands.requests.colours import ColourOptions
    from deepzoom.commands.requests.film import FilmRequest
    from deepzoom.commands.requests.scene import Request, settings_of, with_formula
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import InputError
    from deepzoom.film import output
    from deepzoom.film.cluster import connected
    from deepzoom.film.film import make
    from deepzoom.rendering.batches import check_jobs

    if format_ not in ("png", "exr"):
        raise InputError(f"--format: {format_!r} is neither png nor exr.")
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
    wanted = FilmRequest(view, begin, end, frames, fps, seconds, quality, from_data, format_ == "exr", path)
    film = wanted.to_film()
    target = output.target(
        film, out, keep=keep_data, from_data=from_data, strip=expmap, fps=wanted.rate, codec=codec, force=force,
        resume=resume, raw=wanted.raw,
    )  # fmt: skip
    _check_size(film, yes)
    if dry_run:
        _describe(film, target, jobs, as_json)
        return
    client = None if scheduler is None else connected(scheduler, film.parts[0].scene)
    film = wanted.to_film(lambda request, found: prepared(request, found, quiet))
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


def _check_size(film: Film | Tour, yes: bool) -> None:
    """Raise InputError for a film so large that it may be a mistake."""
    from deepzoom.commands.requests.film import MOST_BYTES, MOST_FRAMES, MOST_RUNS
    from deepzoom.errors import InputError
    from deepzoom.film.film import BYTES_PER_FRAME_PIXEL, BYTES_PER_KEYFRAME_PIXEL
    from deepzoom.scene.view import in_bytes

    runs = sum(d.scene.view.samples * d.scene.view.pixels * (d.count + 1) / 2 for d in film.parts)
    size = film.frames * film.width * film.height * BYTES_PER_FRAME_PIXEL + runs * BYTES_PER_KEYFRAME_PIXEL
    too_large = film.frames > MOST_FRAMES or size > MOST_BYTES or runs > MOST_RUNS
    if too_large and not yes:
        raise InputError(
            f"--yes: {film.frames:,} frames and {runs:,.0f} pixels would take about {in_bytes(size)} of disk space;"
            " add --yes to go ahead."
        )


def _describe(film: Film | Tour, target: Target, jobs: int | None, as_json: bool) -> None:
    """Print how much time and disk space a film would take."""
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.coordinates import format_decimal
    from deepzoom.durations import duration
    from deepzoom.film.film import estimate
    from deepzoom.rendering.batches import cores
    from deepzoom.scene.view import in_bytes

    facts: dict[str, Any] = {
        "system": film.parts[0].scene.system,
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
