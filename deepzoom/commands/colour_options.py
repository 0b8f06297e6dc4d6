"""The colour options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

COLOURS = "What colours"

Palette = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Colour map of matplotlib, or a file .map or .gpl; default Spectral, or the scene's.",
        rich_help_panel=COLOURS,
    ),
]
ColouringText = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="rank (default), cyclic, histogram, distance, horizon, or attractor (default of newton).",
        rich_help_panel=COLOURS,
    ),
]
Cycle = Annotated[
    str | None,
    typer.Option(
        metavar="N", help="With cyclic: the palette repeats every N counts; default 16.", rich_help_panel=COLOURS
    ),
]
Slope = Annotated[
    str | None,
    typer.Option(metavar="DEGREES", help="Relief under light from there; default none.", rich_help_panel=COLOURS),
]
Interior = Annotated[
    str | None,
    typer.Option(metavar="COLOUR", help="Of points that never escaped; default black.", rich_help_panel=COLOURS),
]
MarkUnsettled = Annotated[
    bool | None,
    typer.Option(
        "--mark-unsettled/--no-mark-unsettled", help="Pixels that are not settled in magenta.", rich_help_panel=COLOURS
    ),
]
