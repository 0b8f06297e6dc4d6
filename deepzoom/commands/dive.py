"""``deepzoom dive``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exit_codes import reported
from .shared_options import OUTPUT, RUN, AsJson, DeviceMemory, DeviceNumber, Jobs, Quiet, SystemName

if TYPE_CHECKING:
    from deepzoom.coordinates import Rational
    from deepzoom.diving import Dived
    from deepzoom.scene.scene import Scene

WHERE = "Where to dive"


@reported
def dive(
    system: SystemName = None,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="D0", help="Of the first view; the landmark's own.", rich_help_panel=WHERE),
    ] = None,
    depth: Annotated[
        str | None, typer.Option("--to", metavar="D1", help="Depth to reach.", rich_help_panel=WHERE)
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="LANDMARK", help="Begin there; default: the widest.", rich_help_panel=WHERE)
    ] = None,
    center: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="X Y", help="Begin there, two decimals of any length.", rich_help_panel=WHERE),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the system; see `systems`.", rich_help_panel=WHERE),
    ] = None,
    end: Annotated[
        str,
        typer.Option(metavar="WHAT", help="border; escape time: nucleus or misiurewicz.", rich_help_panel=WHERE),
    ] = "border",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Another one goes another way.", min=0, rich_help_panel=WHERE)
    ] = 0,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="Pixels of a view on the way.", rich_help_panel=RUN)
    ] = "72x72",
    stretch: Annotated[
        str | None,
        typer.Option(metavar="auto|off", help="Unfold views on the way; default: in training.", rich_help_panel=RUN),
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help="Training steps, or iteration limit (auto: more on the way); default: the place's, or auto.",
            rich_help_panel=RUN,
        ),
    ] = None,
    jobs: Jobs = None,
    device: DeviceNumber = None,
    device_memory: DeviceMemory = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a dive, also with more --steps.", rich_help_panel=RUN)
    ] = False,
    save: Annotated[
        str | None, typer.Option(metavar="NAME", help="Keep the place as a landmark.", rich_help_panel=OUTPUT)
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace that landmark; begin anew.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search for a deep place, along borders that are coherent and rich, and keep it as a landmark."""
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
    kept = _kept(scene, seed, unfolds, resume, force)
    with Watcher(quiet) as watcher:
        try:
            dived = run(
                scene, str(depth), end=end, seed=seed, stretch=unfolds, grows=grows, jobs=jobs, kept=kept,
                observer=watcher,
            )  # fmt: skip
        except Stopped:
            if not quiet:
                typer.echo("Stopped; what is done is kept. Go on with --resume.", err=True)
            raise typer.Exit(3) from None
    if dived.end is not None:
        _report(dived, system, save, seed, unfolds, as_json)
    if not dived.complete:
        fail(_why(dived, scene, deepest, steps == AUTO or grows))
        raise typer.Exit(1)
    kept.unlink(missing_ok=True)


def _kept(scene: Scene, seed: int, stretch: bool, resume: bool, force: bool) -> Path:
    """The file that holds how far the dive is, in a folder where it can be written."""
    from deepzoom import landmarks
    from deepzoom.diving.checkpoint import name_of
    from deepzoom.errors import InputError
    from deepzoom.files import check_output, clear_abandoned

    path = landmarks.folder() / "dives" / name_of(scene, seed, stretch)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"DEEPZOOM_DATA: {path.parent} cannot be made ({(error.strerror or 'no').lower()}); give a folder where"
            " files can be made."
        ) from None
    check_output(path, "DEEPZOOM_DATA", force=True)
    clear_abandoned(path.parent)
    if path.exists() and not resume:
        if not force:
            raise InputError(
                "--resume: an unfinished dive from this view is kept; go on with it, or begin anew by --force."
            )
        path.unlink()
    return path


def _report(dived: Dived, system: str | None, name: str | None, seed: int, stretch: bool, as_json: bool) -> None:
    """Save the place where that was asked for, and print it."""
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
    """What ended a dive early, and what may help."""
    from deepzoom.coordinates import with_digits

    if dived.levels and dived.levels[-1].scene.view.depth <= deepest:
        return f"{dived.word}; give another --seed, or a smaller --to."
    reached = (
        f"it reached {with_digits(dived.levels[-1].scene.view.depth, 3)}" if dived.levels else "the first view has none"
    )
    more = "" if escapes else f"more --steps, such as {scene.steps * 3 // 2} or auto, with --resume, or "
    return f"the structure ends here, {reached}: {dived.word}; give {more}another --seed."
