"""``deepzoom colour``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .colour_options import ColouringText, Cycle, Interior, MarkUnsettled, Palette, Slope
from .exit_codes import reported
from .shared_options import OUTPUT, QUALITY, PngBits, flag, with_default
from .write_picture import check_png_bits, write_picture


@reported
def colour(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.npz|.exr", help="Data file that 'deepzoom render --data' wrote, or raw data (OpenEXR)."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE.png", help="Write the picture to FILE.png.", rich_help_panel=OUTPUT)
    ],
    palette: Palette = None,
    colouring: ColouringText = None,
    cycle: Cycle = None,
    slope: Slope = None,
    interior: Interior = None,
    mark_unsettled: MarkUnsettled = None,
    figure: Annotated[
        bool, flag("--figure", help="Draw labelled axes around the picture.", rich_help_panel=OUTPUT)
    ] = False,
    samples: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help=with_default("Use at most N samples per pixel; 1 turns antialiasing off.", "all in the file"),
            rich_help_panel=QUALITY,
        ),
    ] = None,
    png_bits: PngBits = 8,
    force: Annotated[bool, flag("--force", help="Overwrite an existing file.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Recolour a data file without computing it again."""
    from deepzoom.commands.requests.colours import ColourOptions
    from deepzoom.errors import InputError
    from deepzoom.files import check_output
    from deepzoom.rendering.antialiasing import with_samples
    from deepzoom.rendering.field import Field
    from deepzoom.scene.colours import COURSE, ORBITS, PERIOD, PHASES
    from deepzoom.scene.sample_positions import parse_samples

    check_png_bits(png_bits)
    if out.suffix.lower() != ".png":
        raise InputError(f"--out: {out} does not end in .png.")
    check_output(out, "--out", force)
    if file.suffix.lower() == ".exr":
        from deepzoom.pictures.exr_reading import read

        field = read(file)
    else:
        field = Field.load(file)
    if samples is not None:
        field = with_samples(field, parse_samples(samples), file)
    options = ColourOptions(palette, colouring, cycle, slope, interior, mark_unsettled)
    field.scene = options.applied(field.scene, counts=field.iterations is not None)
    if field.scene.colouring.by == "horizon" and field.horizon is None:
        raise InputError(f"--colouring: {file} holds no horizons; render it with --horizon.")
    channel = COURSE.get(field.scene.colouring.by)
    if channel is not None and getattr(field, channel) is None:
        raise InputError(f"--colouring: {file} does not hold {channel}; render it with --course.")
    by = field.scene.colouring.by
    if by in ORBITS and field.stripe is None:
        raise InputError(f"--colouring: {file} does not hold whole orbits; render it with --colouring {by}.")
    if by == PERIOD and field.period is None:
        raise InputError(f"--colouring: {file} does not hold periods; render it with --colouring {by}.")
    if by in PHASES and field.phase is None:
        raise InputError(f"--colouring: {file} does not hold angles; render it with --distance.")
    if field.scene.colouring.by == "attractor" and field.attractor is None:
        raise InputError(f"--colouring: {file} holds no attractors; give rank or cyclic.")
    write_picture(field, out, figure, png_bits)
    typer.echo(str(out))
