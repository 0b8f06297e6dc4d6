"""The colour options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from . import completion
from .shared_options import flag, with_default

COLOURS = "Colours"

Palette = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=with_default("Use a colour map, palette file, picture or CSS gradient.", "the scene's, else Spectral"),
        rich_help_panel=COLOURS,
        autocompletion=completion.palettes,
    ),
]
ColouringText = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=with_default(
            "How values become colours: rank, cyclic, histogram, distance, attractor, period, phase, binary, stripe,"
            " triangle, trap-point, trap-line, trap-circle, horizon, lyapunov, loss, best-step or output.",
            "the scene's, else rank; attractor for newton",
        ),
        rich_help_panel=COLOURS,
        autocompletion=completion.colourings,
    ),
]
Cycle = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help=with_default("With --colouring cyclic: repeat the palette every N counts.", "16"),
        rich_help_panel=COLOURS,
    ),
]
Slope = Annotated[
    str | None,
    typer.Option(
        metavar="DEGREES",
        help=with_default("Shade the values as a relief; light comes from this angle, such as 135.", "none"),
        rich_help_panel=COLOURS,
    ),
]
Interior = Annotated[
    str | None,
    typer.Option(
        metavar="COLOUR",
        help=with_default("Colour of points that never escape, such as navy or '#0040ff'.", "black"),
        rich_help_panel=COLOURS,
    ),
]
MarkUnsettled = Annotated[
    bool | None,
    flag(
        "--mark-unsettled/--no-mark-unsettled",
        help="Draw unsettled pixels in magenta: rounding may have changed them.",
        show_default=False,
        rich_help_panel=COLOURS,
    ),
]
