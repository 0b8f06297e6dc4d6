"""``deepzoom nucleus``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .exit_codes import reported
from .shared_options import RUN, VIEW, AsJson, At, Center, Settings, with_default

PointSystem = Annotated[str | None, typer.Argument(help="An escape-time system, such as mandelbrot.", metavar="SYSTEM")]
PointDepth = Annotated[
    str | None,
    typer.Option(
        metavar="D",
        help=with_default("Height of the view in the plane, such as 1e-20.", "the landmark's"),
        rich_help_panel=VIEW,
    ),
]


@reported
def nucleus(
    system: PointSystem = None,
    at: At = None,
    center: Center = None,
    depth: PointDepth = None,
    settings: Settings = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="S", help="Find a minibrot of at most this size, such as 1e-30.", rich_help_panel=VIEW),
    ] = None,
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

    Prints its period, centre, size and turn, a command that renders it, and one that films the way to it.
    """
    from deepzoom.commands.requests.point import Search
    from deepzoom.commands.requests.scene import depth_of
    from deepzoom.commands.terminal.progress import fail
    from deepzoom.coordinates import format_decimal, with_digits
    from deepzoom.reference.nucleus import find

    largest = None if size is None else depth_of(size, "--size")
    search = Search("nuclei", system, at, center, depth, settings, steps)
    scene = search.scene
    found = find(search.system, scene.view, scene.steps, largest)
    if found is None:
        fail(
            f"this view has no nucleus with a period up to {scene.steps:,}"
            f"{'' if size is None else f' and a size up to {size}'}; give another --center, a larger --depth,"
            " or more --steps."
        )
        raise typer.Exit(1)
    shown = with_digits(4 * found.size, 3)
    # inside, orbits take some periods to settle
    more = ("--steps", str(100 * found.period)) if 100 * found.period > search.system.default_steps else ()
    begin = format_decimal(max(scene.view.depth, 64 * found.size))
    facts: dict[str, str | int | float | None] = {
        "system": scene.system,
        "period": found.period,
        "x": format_decimal(found.x),
        "y": format_decimal(found.y),
        "size": with_digits(found.size, 6),
        "turn": None if found.turn is None else round(found.turn, 4) + 0.0,
        "depth": shown,
        "command": search.command("render", found.x, found.y, "--depth", shown, *more),
        "film": search.command(
            "zoom", found.x, found.y, "--from", begin, "--to", shown, "--steps", "auto", "--seconds", "30", "--out",
            "film.mp4",
        ),
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for key, fact in facts.items():
        typer.echo(f"{key:<8} {'-' if fact is None else fact}")
