"""The options that several commands share, and the panels of their help."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from . import completion

VIEW, SYSTEM, RUN, QUALITY, OUTPUT = "Where to look", "System", "Computation", "Quality", "Output"


def with_default(text: str, value: str) -> str:
    """A help text with its default, in round brackets: some versions of Typer take square ones for markup."""
    return f"{text} (default: {value})"


flag = partial(typer.Option, metavar="")
"""An option without a value: Typer would show its type, <bool>, beside it."""

SystemName = Annotated[
    str | None,
    typer.Argument(
        help=with_default(
            "What to draw: a name from 'deepzoom systems', or FILE.py:NAME for your own map or training.", "tanh"
        ),
        metavar="SYSTEM",
        autocompletion=completion.systems,
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="LANDMARK",
        help="Go to this landmark; see 'deepzoom landmarks'.",
        rich_help_panel=VIEW,
        autocompletion=completion.landmarks,
    ),
]
Center = Annotated[
    tuple[str, str] | None,
    typer.Option(metavar="X Y", help="Centre of the view: two decimal numbers of any length.", rich_help_panel=VIEW),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "--axis",
        metavar="KEY=VALUE",
        help="Change a setting that 'deepzoom systems' lists, or an axis, as in --axis x=log10:rate; can be given"
        " several times.",
        rich_help_panel=SYSTEM,
    ),
]
FormulaText = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", help="Draw your own formula of z and c, such as 'z**3 + z**2 + c'.", rich_help_panel=SYSTEM
    ),
]
Steps = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto",
        help=with_default(
            "Number of training steps, or iteration limit. auto: raise the limit while pixels still escape.",
            "the landmark's; with --center: auto for escape time, else the system's",
        ),
        rich_help_panel=RUN,
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help=with_default("Compute with this backend; see 'deepzoom backends'.", "auto"),
        rich_help_panel=RUN,
        autocompletion=completion.backends,
    ),
]
Bits = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help=with_default("Precision of the reference run, in bits.", "deepzoom chooses and verifies it"),
        rich_help_panel=RUN,
    ),
]
Samples = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help=with_default("Take up to N samples (1 to 256) in pixels that differ from their neighbours.", "1"),
        rich_help_panel=QUALITY,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(metavar="N", help=with_default("Number of threads.", "all cores"), rich_help_panel=RUN),
]
DeviceNumber = Annotated[
    int | None,
    typer.Option(
        "--device",
        metavar="K",
        help=with_default("Use only GPU number K, counted from 0.", "all GPUs"),
        rich_help_panel=RUN,
    ),
]
DeviceMemory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE", help="Use at most SIZE of memory on each GPU, such as 8G or 500M.", rich_help_panel=RUN
    ),
]
PngBits = Annotated[
    int,
    typer.Option(
        "--png-bits",
        metavar="8|16",
        help=with_default("Bits per colour channel.", "8"),
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
AsJson = Annotated[bool, flag("--json", help="Print the results as one JSON object.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, flag("--quiet", help="Print no messages.", rich_help_panel=OUTPUT)]
Distance = Annotated[
    bool,
    flag(
        "--distance",
        help="With --data: also save each pixel's distance to the set's border (escape time).",
        rich_help_panel=OUTPUT,
    ),
]
Horizon = Annotated[
    bool,
    flag(
        "--horizon",
        help="With --data: also save the step at which float64 loses each pixel (training).",
        rich_help_panel=OUTPUT,
    ),
]
Course = Annotated[
    bool,
    flag(
        "--course",
        help="With --data: also save each run's last loss, best step, output and Lyapunov exponent (training).",
        rich_help_panel=OUTPUT,
    ),
]
