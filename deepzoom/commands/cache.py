"""``deepzoom cache``."""

from __future__ import annotations

from typing import Annotated

import typer

from .exit_codes import reported


@reported
def show_cache(
    clear: Annotated[
        str | None,
        typer.Option(metavar="references|kernels|all", help="Delete the cached reference runs, kernels, or both."),
    ] = None,
) -> None:
    """Show or clear the cache of reference runs and compiled kernels."""
    from deepzoom import cache
    from deepzoom.commands.terminal.table import table
    from deepzoom.errors import InputError

    kinds = list(cache.contents())
    if clear is not None:
        if clear not in (*kinds, "all"):
            raise InputError(f"--clear: {clear!r} is not one of {', '.join(kinds)}, all.")
        for kind in kinds if clear == "all" else [clear]:
            cache.clear(kind)
    table(("cached", "files", "size"), [(k, str(n), f"{b / 2**20:,.1f} MiB") for k, (n, b) in cache.contents().items()])
    typer.echo(f"Folder: {cache.folder()}")
