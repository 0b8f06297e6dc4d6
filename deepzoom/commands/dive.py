"""``deepzoom dive``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exit_codes import reported
from .shared_options import (
    OUTPUT,
    RUN,
    VIEW,
    AsJson,
    DeviceMemory,
    DeviceNumber,
    Jobs,
    Quiet,
    Settings,
    SystemName,
    flag,
    with_default,
)

if TYPE_CHECKING:
    from deepzoom.coordinates import Rational
    from deepzoom.diving import Dived
    from deepzoom.scene.scene import Scene


@reported
def dive(
    system: SystemName = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="D0",
            help=with_default("Depth of the first view.", "the landmark's"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    depth: Annotated[
        str | None, typer.Option("--to", metavar="D1", help="Depth to reach, such as 1e-20.", rich_help_panel=VIEW)
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="LANDMARK",
            help=with_default("Start at this landmark.", "the system's widest"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    center: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="X Y", help="Start here: two decimal numbers of any length.", rich_help_panel=VIEW),
    ] = None,
    settings: Settings = None,
    end: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help=with_default("What to end on: border; for escape time also nucleus or misiurewicz.", "border"),
            show_default=False,
            rich_help_panel=VIEW,
        ),
    ] = "border",
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            help=with_default("Random seed; each seed takes another path.", "0"),
            min=0,
            show_default=False,
            rich_help_panel=VIEW,
        ),
    ] = 0,
    size: Annotated[
        str,
        typer.Option(
            metavar="WxH",
            help=with_default("Width and height of the views along the way, in pixels.", "72x72"),
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = "72x72",
    stretch: Annotated[
        str | None,
        typer.Option(
            metavar="auto|off",
            help=with_default(
                "auto: stretch the views along the way to unfold stripes.", "auto for training, else off"
            ),
            rich_help_panel=RUN,
        ),
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help=with_default(
                "Number of training steps, or iteration limit. auto: raise this number along the way.",
                "the landmark's; auto for escape time",
            ),
            rich_help_panel=RUN,
        ),
    ] = None,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    resume: Annotated[
        bool, flag("--resume", help="Continue an unfinished dive; you may raise --steps.", rich_help_panel=RUN)
    ] = False,
    save: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Save the place as a landmark, for 'deepzoom render --at NAME'.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    force: Annotated[
        bool,
        flag("--force", help="Overwrite the landmark, and start an unfinished dive over.", rich_help_panel=OUTPUT),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search along the border for a deep place worth seeing."""
    from deepzoom import systems
    from deepzoom.backends.gpu.device import allow
    from deepzoom.commands.requests.dive import check_name, to_dive
    from deepzoom.commands.requests.scene import AUTO, Request, finds_shapes, settings_of
    from deepzoom.commands.terminal.progress import Watcher, fail
    from deepzoom.diving import dive as run
    from deepzoom.diving import ends
    from deepzoom.errors import Stopped
    from deepzoom.rendering.batches import check_jobs

    check_jobs(jobs)
    allow(device, device_memory)
    if save is not None:
        check_name(save, force)
    asked = Request(
        system=system, at=at, center=center, size=size, steps=steps, settings=settings_of(settings or ()),
        stretch=stretch,
    )  # fmt: skip
    scene, deepest = to_dive(asked, begin, depth)
    ends.check(end, scene)
    grows = steps == AUTO or (steps is None and systems.is_escape_time(scene.system))
    unfolds = finds_shapes(scene.system, stretch)
    saved = _checkpoint(scene, seed, unfolds, resume, force)
    with Watcher(quiet) as watcher:
        try:
            dived = run(
                scene, str(depth), end=end, seed=seed, stretch=unfolds, grows=grows, jobs=jobs, kept=saved,
                observer=watcher,
            )  # fmt: skip
        except Stopped:
            if not quiet:
                typer.echo("Stopped; the finished part is saved. Continue with --resume.", err=True)
            raise typer.Exit(3) from None
    if dived.end is not None:
        _report(dived, system, save, seed, unfolds, as_json)
    if not dived.complete:
        fail(_why(dived, scene, deepest, steps == AUTO or grows))
        raise typer.Exit(1)
    saved.unlink(missing_ok=True)


def _checkpoint(scene: Scene, seed: int, stretch: bool, resume: bool, force: bool) -> Path:
    """The file for the dive's checkpoint, in a folder that can be written to."""
    from deepzoom import landmarks
    from deepzoom.diving.checkpoint import name_of
    from deepzoom.files import checkpoint_path

    there = "--resume: an unfinished dive from this view exists; continue it with --resume, or start over with --force."
    return checkpoint_path(landmarks.folder() / "dives" / name_of(scene, seed, stretch), resume, force, there)


def _report(dived: Dived, system: str | None, name: str | None, seed: int, stretch: bool, as_json: bool) -> None:
    """Print the place; save it first if a name was given."""
    from deepzoom.coordinates import format_decimal
    from deepzoom.diving.save_landmark import command, save

    assert dived.end is not None
    view = dived.end.scene.view
    facts: dict[str, Any] = {
        "system": dived.end.scene.system,
        "complete": dived.complete,
        "x": format_decimal(view.x),
        "y": format_decimal(view.y),
        "depth": format_decimal(view.depth),
        "reaches": format_decimal(dived.end.reaches),
        "steps": dived.end.scene.steps,
        "levels": len(dived.levels),
        "rendered": dived.rendered,
        "seconds": dived.seconds,
        **dived.end.facts,
        "note": f"{dived.end.note} (seed {seed}{', stretched' if stretch else ''})",
    }
    if name is not None:
        facts["landmark"] = name
        facts["strip"] = str(save(name, dived, dived.end, facts["note"]))
    facts["command"] = command(dived.end, system, name, stretch)
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for key, fact in facts.items():
        typer.echo(f"{key:<12} {str(fact).lower() if isinstance(fact, bool) else fact}")


def _why(dived: Dived, scene: Scene, deepest: Rational, escapes: bool) -> str:
    """Why a dive ended early, and what may help."""
    from deepzoom.coordinates import with_digits

    if dived.levels and dived.levels[-1].scene.view.depth <= deepest:
        return f"{dived.reason}; give another --seed, or a smaller --to."
    where = f"at {with_digits(dived.levels[-1].scene.view.depth, 3)}" if dived.levels else "in the first view"
    more = "" if escapes else f"more --steps, such as {scene.steps * 3 // 2} or auto, with --resume, or "
    return f"no structure to follow {where}: {dived.reason}; give {more}another --seed."
