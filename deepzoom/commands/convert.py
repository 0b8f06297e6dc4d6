"""``deepzoom convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .exit_codes import reported
from .shared_options import OUTPUT, Quiet, flag


@reported
def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Picture, data file, scene, or a place.")],
    out: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="OUT.kfr (Kalles Fraktaler), OUT.f3.toml (Fraktaler-3), or OUT.toml."),
    ],
    force: Annotated[bool, flag("--force", help="Overwrite an existing file.", rich_help_panel=OUTPUT)] = False,
    quiet: Quiet = False,
) -> None:
    """Write a scene as a file of another program, or a place of another program as a scene."""
    from deepzoom.colouring import palettes
    from deepzoom.errors import InputError
    from deepzoom.exchange import writing
    from deepzoom.exchange.place import OURS
    from deepzoom.files import check_output, whole_file
    from deepzoom.pictures.png import read_place

    name = out.name.lower()
    if not name.endswith((".kfr", ".toml")):
        raise InputError(f"OUT: {out} does not end in .kfr, .f3.toml or .toml.")
    check_output(out, "OUT", force)
    place = read_place(file)
    scene = place.scene
    if name.endswith(".kfr"):
        text, missing = writing.kfr(scene, palettes.row(scene.palette, scene.colouring.colours))
    elif name.endswith(".f3.toml"):
        text, missing = writing.f3_toml(scene)
    else:
        text, missing = scene.to_toml(), []
    with whole_file(out) as written:
        written.write(text.encode())
    if not quiet:
        if place.program != OURS:
            typer.echo(place.told(), err=True)
        if missing:
            typer.echo(f"Not written: {'; '.join(missing)}.", err=True)
    typer.echo(str(out))
