"""``deepzoom export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .exit_codes import reported
from .shared_options import OUTPUT, flag


@reported
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz", help="Data file that 'deepzoom render --data' wrote.")],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT.nc|.zarr|.tiff|.exr", help="netCDF file, Zarr folder, TIFF or OpenEXR file to write."
        ),
    ],
    force: Annotated[bool, flag("--force", help="Overwrite an existing file.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Write a data file for other programs: netCDF, Zarr, TIFF or OpenEXR."""
    from deepzoom.exporting.write import check, write
    from deepzoom.rendering.field import Field

    check(out, force)
    write(Field.load(file), out)
    typer.echo(str(out))
