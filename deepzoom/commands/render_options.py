"""The options of ``deepzoom render`` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .shared_options import OUTPUT, QUALITY, RUN, VIEW, flag, with_default

Depth = Annotated[
    str | None,
    typer.Option(
        metavar="D",
        help=with_default("Height of the view in the plane, such as 1e-20.", "the landmark's"),
        rich_help_panel=VIEW,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(metavar="WxH", help=with_default("Width and height in pixels.", "256x256"), rich_help_panel=VIEW),
]
Flip = Annotated[bool, flag("--flip", help="Flip the picture upside down.", rich_help_panel=VIEW)]
Stretch = Annotated[
    str | None,
    typer.Option(
        metavar="auto|off|RATIO@ANGLE",
        help=with_default(
            "Stretch the view: auto unfolds stripes, 3@45 stretches 3 times along 45 degrees.",
            "auto for training, else off",
        ),
        rich_help_panel=VIEW,
    ),
]
Rotate = Annotated[
    str | None,
    typer.Option(metavar="DEG", help="Rotate the view counter-clockwise by DEG degrees.", rich_help_panel=VIEW),
]
SceneFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Start from a picture's, data file's or TOML file's scene, or another program's place.",
        rich_help_panel=VIEW,
    ),
]
Pixel = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="J I",
        help="With --scene and --zoom: move the centre to column J, row I, counted from the upper left.",
        rich_help_panel=VIEW,
    ),
]
Zoom = Annotated[
    str | None, typer.Option(metavar="K", help="With --pixel: zoom in K times there.", rich_help_panel=VIEW)
]
Trust = Annotated[
    str | None,
    typer.Option(
        metavar="off|sample|settle",
        help=with_default(
            "off checks no pixels for rounding errors, sample checks some, settle checks all and repairs those that"
            " fail.",
            "sample",
        ),
        rich_help_panel=QUALITY,
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help=with_default("With --trust settle: stop checking and repairing after this time, such as 10m.", "none"),
        rich_help_panel=QUALITY,
    ),
]
Resume = Annotated[bool, flag("--resume", help="Continue an unfinished render of the same scene.", rich_help_panel=RUN)]
DryRun = Annotated[
    bool,
    flag("--dry-run", help="Print what would be rendered and how long it would take, then exit.", rich_help_panel=RUN),
]
TilesFolder = Annotated[
    Path | None,
    typer.Option(
        "--tiles",
        metavar="DIR",
        help="For pictures too large for memory: compute it in tiles, which are kept in DIR.",
        rich_help_panel=RUN,
    ),
]
Tile = Annotated[
    str | None,
    typer.Option(
        metavar="K/N", help="With --tiles: compute only the K-th of N shares of the tiles.", rich_help_panel=RUN
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png|.exr",
        help=with_default(
            "Write the picture to FILE.png, or raw data and colours to FILE.exr.",
            "a numbered name such as tanh-1e-20-001.png",
        ),
        rich_help_panel=OUTPUT,
    ),
]
DataFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.npz",
        help="Also write the values to FILE.npz, so that 'deepzoom colour' can recolour them.",
        rich_help_panel=OUTPUT,
    ),
]
Figure = Annotated[bool, flag("--figure", help="Draw labelled axes around the picture.", rich_help_panel=OUTPUT)]
Force = Annotated[bool, flag("--force", help="Overwrite existing files.", rich_help_panel=OUTPUT)]
Show = Annotated[
    bool | None,
    flag(
        "--show/--no-show",
        help=with_default("Draw the growing picture in the terminal.", "in terminals with 256 colours or more"),
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
