"""``deepzoom nucleus``."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from .exit_codes import reported


@reported
def nucleus(
    system: Annotated[str | None, typer.Argument(help="Name of an escape-time system.", metavar="SYSTEM")] = None,
    at: Annotated[str | None, typer.Option(metavar="LANDMARK", help="A curated place.")] = None,
    center: Annotated[
        tuple[str, str] | None, typer.Option(metavar="X Y", help="Centre, two decimals of any length.")
    ] = None,
    depth: Annotated[str | None, typer.Option(metavar="D", help="Full height of the view; the landmark's own.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the system; see `systems`.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Highest period to look for; default: the place's steps.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Find the lowest-period minibrot in a view: its period, centre, size, and the command that renders it."""
    from deepzoom import systems
    from deepzoom.commands.requests.scene import Request, settings_of
    from deepzoom.commands.terminal.progress import fail
    from deepzoom.coordinates import format_decimal, with_digits
    from deepzoom.errors import InputError
    from deepzoom.reference.nucleus import find
    from deepzoom.rendering import render as rendering
    from deepzoom.systems.escape_time import EscapeTimeSystem

    scene = Request(system, at, center, depth, "256x256", steps, settings=settings_of(settings or ())).to_scene()
    if not systems.is_escape_time(scene.system):
        raise InputError(f"SYSTEM: {scene.system} has no nuclei; give an escape-time system such as mandelbrot.")
    planned = rendering.plan(scene)
    assert isinstance(planned.system, EscapeTimeSystem)
    found = find(planned.system, scene.view, scene.steps)
    if found is None:
        fail(
            f"no nucleus of a period up to {scene.steps:,} was found in this view; give another --center, a larger"
            " --depth, or more --steps."
        )
        raise typer.Exit(1)
    x, y = format_decimal(found.x), format_decimal(found.y)
    size, shown = with_digits(found.size, 6), with_digits(4 * found.size, 3)
    command = ["deepzoom", "render", system or scene.system]
    for key, value in scene.settings.items():
        command += ["--set", f"{key}={value}"]
    command += ["--center", x, y, "--depth", shown]
    usual = planned.system.default_steps
    if 100 * found.period > usual:  # inside, orbits take some periods to settle
        command += ["--steps", str(100 * found.period)]
    if scene.view.flip:
        command.append("--flip")
    facts: dict[str, str | int] = {
        "system": scene.system,
        "period": found.period,
        "x": x,
        "y": y,
        "size": size,
        "depth": shown,
    }
    facts["command"] = shlex.join(command)
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for key, fact in facts.items():
        typer.echo(f"{key:<8} {fact}")
