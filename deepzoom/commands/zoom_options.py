"""The options of ``deepzoom zoom`` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .shared_options import OUTPUT, QUALITY, RUN, VIEW, flag, with_default

LENGTH = "Length"

Out = Annotated[
    Path,
    typer.Option(
        metavar="DIR|FILE.mp4",
        help="Write the film to a video (.mp4, .mkv or .webm), or its frames to a folder.",
        rich_help_panel=OUTPUT,
    ),
]
Begin = Annotated[
    str | None,
    typer.Option("--from", metavar="D0", help="Depth of the first frame, such as 9.", rich_help_panel=VIEW),
]
End = Annotated[
    str | None,
    typer.Option("--to", metavar="D1", help="Depth of the last frame, such as 1e-20.", rich_help_panel=VIEW),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="WxH", help=with_default("Width and height of a frame in pixels.", "256x256"), rich_help_panel=VIEW
    ),
]
Flip = Annotated[bool, flag("--flip", help="Flip the frames upside down.", rich_help_panel=VIEW)]
Stretch = Annotated[
    str | None,
    typer.Option(
        metavar="auto|off|RATIO@ANGLE",
        help=with_default(
            "Stretch the last frame, as in 'deepzoom render'; the stretch grows along the film.",
            "auto for training, else off",
        ),
        rich_help_panel=VIEW,
    ),
]
Rotate = Annotated[
    str | None,
    typer.Option(
        metavar="DEG",
        help="Rotate the last frame by DEG degrees; the turn grows along the film.",
        rich_help_panel=VIEW,
    ),
]
SceneFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Take centre, system and colours from a picture, data file, scene or place.",
        rich_help_panel=VIEW,
    ),
]
Frames = Annotated[int | None, typer.Option(metavar="N", help="Number of frames.", rich_help_panel=LENGTH)]
WayPointFile = Annotated[
    Path | None,
    typer.Option(
        "--path",
        metavar="FILE.toml",
        help="Follow the way-points of FILE.toml: depths, times and easing, instead of --from, --to and --seconds.",
        rich_help_panel=LENGTH,
    ),
]
Fps = Annotated[
    str | None, typer.Option(metavar="N", help=with_default("Frames per second.", "30"), rich_help_panel=LENGTH)
]
Seconds = Annotated[
    str | None,
    typer.Option(metavar="S", help="Length in seconds, instead of --frames.", rich_help_panel=LENGTH),
]
Trust = Annotated[
    str | None,
    typer.Option(
        metavar="off|sample|settle",
        help=with_default("Check the keyframes for rounding errors, as in 'deepzoom render'.", "sample"),
        rich_help_panel=QUALITY,
    ),
]
Quality = Annotated[
    float,
    typer.Option(
        metavar="Q",
        help=with_default("Compute keyframes at Q times the size of a frame (0.1 to 16).", "1"),
        show_default=False,
        rich_help_panel=QUALITY,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="Compute on the Dask cluster whose scheduler is at ADDRESS.", rich_help_panel=RUN
    ),
]
Resume = Annotated[bool, flag("--resume", help="Continue an unfinished film.", rich_help_panel=RUN)]
DryRun = Annotated[
    bool,
    flag("--dry-run", help="Print how much time and disk space the film would take, then exit.", rich_help_panel=RUN),
]
Yes = Annotated[bool, flag("--yes", help="Allow a film that is very large.", rich_help_panel=RUN)]
KeepData = Annotated[bool, flag("--keep-data", help="Save the keyframes, for --from-data.", rich_help_panel=OUTPUT)]
FromData = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Make the film from keyframes that --keep-data saved; compute nothing new.",
        rich_help_panel=RUN,
    ),
]
Expmap = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png",
        help="Also write the whole zoom as one picture (exponential map).",
        rich_help_panel=OUTPUT,
    ),
]
FilmFormat = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="png|exr",
        help=with_default("exr: write raw data for zoomasm to the folder, a file for each octave.", "png, frames"),
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Codec = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=with_default("Video codec: h264, hevc or av1.", "h264"),
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Force = Annotated[bool, flag("--force", help="Overwrite an existing film.", rich_help_panel=OUTPUT)]
