"""``deepzoom cache``."""

from __future__ import annotations

from typing import Annotated

import typer

from .exit_codes import reported


@reported
def show_cache(
    clear: Annotated[
        str | None, typer.Option(metavar="references|kernels|all", help="Remove what is kept of this kind.")
    ] = None,
) -> None:
    """Show or clear what is kept between runs: reference runs and compiled kernels."""
    from deepzoom import cache
    from deepzoom.commands.terminal.table import table
    from deepzoom.errors import InputError

    kinds = list(cache.contents())
    if clear is not None:
        if clear not in (*kinds, "all"):
            raise InputError(f"--clear: {clear!r} is none of {', '.join(kinds)}, all.")
        for kind in kinds if clear == "all" else [clear]:
            cache.clear(kind)
    table(("kept", "files", "size"), [(k, str(n), f"{b / 2**20:,.1f} MiB") for k, (n, b) in cache.contents().items()])
    typer.echo(f"in {cache.folder()}")
