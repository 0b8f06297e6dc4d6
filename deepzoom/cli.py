"""The command line: ``deepzoom``. Each command has a file in ``commands/``."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from deepzoom.commands.cache import show_cache
from deepzoom.commands.colour import colour
from deepzoom.commands.convert import convert
from deepzoom.commands.dimension import dimension
from deepzoom.commands.dive import dive
from deepzoom.commands.doctor import doctor
from deepzoom.commands.exit_codes import Command
from deepzoom.commands.explore import explore
from deepzoom.commands.export import export
from deepzoom.commands.info import info
from deepzoom.commands.lists import list_backends, list_landmarks, list_systems
from deepzoom.commands.misiurewicz import misiurewicz
from deepzoom.commands.nucleus import nucleus
from deepzoom.commands.probe import probe
from deepzoom.commands.render import render
from deepzoom.commands.shared_options import flag
from deepzoom.commands.verify import verify
from deepzoom.commands.zoom import zoom

app = typer.Typer(
    name="deepzoom",
    help="Zoom into fractals of neural-network training, and classical ones, far deeper than float64 allows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=Command)(render)
app.command(cls=Command)(explore)
app.command(cls=Command)(zoom)
app.command(cls=Command)(dive)
app.command(cls=Command)(dimension)
app.command()(colour)
app.command()(export)
app.command()(info)
app.command()(convert)
app.command(cls=Command)(nucleus)
app.command(cls=Command)(misiurewicz)
app.command()(verify)
app.command(cls=Command)(probe)
app.command("systems")(list_systems)
app.command("landmarks")(list_landmarks)
app.command("backends")(list_backends)
app.command("cache")(show_cache)
app.command()(doctor)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, flag("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        from . import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point of the ``deepzoom`` command."""
    # imports and compilation make many lasting objects: collecting garbage among them would take a tenth of the time
    gc.set_threshold(50_000, 20, 100)
    app(prog_name="deepzoom")


if __name__ == "__main__":
    main()
