"""``deepzoom nucleus``."""

from __future__ import annotations

import json
import shlex
from typing import Annotated

import typer

from .exit_codes import reported
from .shared_options import RUN, VIEW, AsJson, At, Center, Settings, with_default


@reported
def nucleus(
    system: Annotated[
        str | None, typer.Argument(help="An escape-time system, such as mandelbrot.", metavar="SYSTEM")
    ] = None,
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
    settings: Settings = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=with_default("Highest period to look for.", "the steps that a render would take"),
            rich_help_panel=RUN,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the minibrot (small copy of the set) of lowest period in a view.

    Prints its period, centre and size, and a command that renders it.
    """
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
            f"this view has no nucleus with a period up to {scene.steps:,}; give another --center, a larger --depth,"
            " or more --steps."
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
