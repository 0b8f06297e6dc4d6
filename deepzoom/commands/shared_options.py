"""What to show and how to run: the options that commands share."""

from __future__ import annotations

from typing import Annotated

import typer

VIEW, RUN, OUTPUT = "What to show", "How to run", "What to write"

SystemName = Annotated[str | None, typer.Argument(help="Name of a system; tanh if none.", metavar="SYSTEM")]
At = Annotated[str | None, typer.Option(metavar="LANDMARK", help="A curated place.", rich_help_panel=VIEW)]
Center = Annotated[
    tuple[str, str] | None,
    typer.Option(metavar="X Y", help="Centre, two decimals of any length.", rich_help_panel=VIEW),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the system; see `systems`.", rich_help_panel=VIEW),
]
FormulaText = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="A formula of your own: 'z**3 + c/z'.", rich_help_panel=VIEW),
]
Steps = Annotated[
    str | None,
    typer.Option(
        metavar="N|auto",
        help="Training steps, or iteration limit (auto: while pixels escape); default: the place's, or auto.",
        rich_help_panel=RUN,
    ),
]
BackendName = Annotated[
    str | None, typer.Option(metavar="NAME", help="See `backends`; default auto.", rich_help_panel=RUN)
]
Bits = Annotated[
    int | None, typer.Option(metavar="N", help="Bits of the reference; default: chosen.", rich_help_panel=RUN)
]
Samples = Annotated[
    str | None,
    typer.Option(metavar="N", help="Of a pixel whose neighbours differ; default 1.", rich_help_panel=RUN),
]
Jobs = Annotated[int | None, typer.Option(metavar="N", help="Threads; default: all cores.", rich_help_panel=RUN)]
DeviceNumber = Annotated[
    int | None,
    typer.Option("--device", metavar="K", help="Only this GPU; default: all there are.", rich_help_panel=RUN),
]
DeviceMemory = Annotated[
    str | None, typer.Option(metavar="SIZE", help="On each GPU at most, such as 8G.", rich_help_panel=RUN)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", help="No messages.", rich_help_panel=OUTPUT)]
