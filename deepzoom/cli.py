"""The command line: ``deepzoom``. Each command has a file in ``commands/``.

A process makes the command that it runs and no other, because making all takes as long as a small render's pixels.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated, Any

import typer

from deepzoom.commands.exit_codes import Command
from deepzoom.commands.shared_options import flag

_COMMANDS = {
    "render": "render", "explore": "explore", "zoom": "zoom", "dive": "dive", "dimension": "dimension",
    "colour": "colour", "export": "export", "info": "info", "convert": "convert", "nucleus": "nucleus",
    "misiurewicz": "misiurewicz", "verify": "verify", "probe": "probe", "systems": "lists.list_systems",
    "landmarks": "lists.list_landmarks", "backends": "lists.list_backends", "cache": "cache.show_cache",
    "doctor": "doctor",
}  # fmt: skip
"""The commands in the order of the help: each one's file, and its function where that has another name."""


def application(commands: Iterable[str] = tuple(_COMMANDS)) -> typer.Typer:
    """The command line with these commands."""
    made = typer.Typer(
        name="deepzoom",
        help="Zoom into fractals of neural-network training, and classical ones, far deeper than float64 allows.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in commands:
        file, _, function = _COMMANDS[name].partition(".")
        made.command(name, cls=Command)(getattr(import_module(f"deepzoom.commands.{file}"), function or file))
    made.callback(invoke_without_command=True)(_version)
    return made


def _version(version: Annotated[bool, flag("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        from . import __version__

        typer.echo(__version__)
        raise typer.Exit


def __getattr__(name: str) -> Any:
    if name == "app":
        return application()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def main() -> None:
    """Entry point of the ``deepzoom`` command."""
    # imports and compilation make many lasting objects: collecting garbage among them would take a tenth of the time
    gc.set_threshold(200_000, 20, 100)
    first = sys.argv[1:2]
    application(first if first and first[0] in _COMMANDS else _COMMANDS)(prog_name="deepzoom")


if __name__ == "__main__":
    main()
