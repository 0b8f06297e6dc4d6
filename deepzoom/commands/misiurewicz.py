"""``deepzoom misiurewicz``."""

from __future__ import annotations

import cmath
import json
import math
from typing import Annotated

import typer

from .exit_codes import reported
from .nucleus import PointDepth, PointSystem
from .shared_options import RUN, AsJson, At, Center, Settings, with_default


@reported
def misiurewicz(
    system: PointSystem = None,
    at: At = None,
    center: Center = None,
    depth: PointDepth = None,
    settings: Settings = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=with_default("Highest sum of preperiod and period to look for.", "the steps that a render would take"),
            rich_help_panel=RUN,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the Misiurewicz point (tip or centre of a spiral) of lowest preperiod and period in a view.

    Prints its preperiod, period and place, by what the set around it looks the same again, and a command that renders
    it.
    """
    from deepzoom.commands.requests.point import Search
    from deepzoom.commands.terminal.progress import fail
    from deepzoom.coordinates import format_decimal, with_digits
    from deepzoom.reference.misiurewicz import MOST_PERIOD, find

    search = Search("Misiurewicz points", system, at, center, depth, settings, steps)
    scene = search.scene
    found = find(search.system, scene.view, scene.steps)
    if found is None:
        fail(
            f"this view has no Misiurewicz point with a period up to {MOST_PERIOD} and a sum of preperiod and period up"
            f" to {scene.steps:,}; give another --center, a larger --depth, or more --steps."
        )
        raise typer.Exit(1)
    shown = with_digits(scene.view.depth, 3)
    alike = found.alike
    facts: dict[str, str | int | float | None] = {
        "system": scene.system,
        "preperiod": found.preperiod,
        "period": found.period,
        "x": format_decimal(found.x),
        "y": format_decimal(found.y),
        "scale": None if alike is None else round(abs(alike), 6),
        "turn": None if alike is None else round(math.degrees(cmath.phase(alike)), 4) + 0.0,
        "command": search.command("render", found.x, found.y, "--depth", shown),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for key, fact in facts.items():
        typer.echo(f"{key:<9} {'-' if fact is None else fact}")
