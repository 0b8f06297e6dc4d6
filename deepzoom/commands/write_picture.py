"""Writes a picture of a field, for all commands that do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepzoom.rendering.field import Field
    from deepzoom.scene.scene import Scene


def check_png_bits(bits: int) -> None:
    """Raise InputError for a depth of colour that PNG does not have in RGB."""
    from deepzoom.errors import InputError

    if bits not in (8, 16):
        raise InputError(f"--png-bits: {bits} is neither 8 nor 16.")


def with_raw_data(scene: Scene, out: Path | None, figure: bool, png_bits: int) -> Scene:
    """The scene of a picture; that of an OpenEXR picture has all that its raw data hold.

    Raises InputError for options of PNG with it.
    """
    if out is None or out.suffix.lower() != ".exr":
        return scene
    from dataclasses import replace

    from deepzoom import systems
    from deepzoom.errors import InputError

    for option, given in (("--figure", figure), ("--png-bits", png_bits != 8)):
        if given:
            raise InputError(f"{option}: this is for PNG pictures; leave it out, or give --out FILE.png.")
    return replace(scene, distance=True) if systems.is_escape_time(scene.system) else scene


def write_picture(field: Field, path: Path, figure: bool, png_bits: int) -> None:
    """Colour a field and write it as PNG, or with its raw data as OpenEXR; figure: with axes around it."""
    from deepzoom import systems
    from deepzoom.colouring.colour import coloured
    from deepzoom.pictures.figure import write_figure
    from deepzoom.pictures.png import write_png

    if path.suffix.lower() == ".exr":
        from deepzoom.exporting.exr import write_exr

        write_exr(field, path)
        return
    scene = field.scene
    rgb = coloured(field, png_bits == 16)
    if figure:
        system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
        write_figure(path, rgb, scene, system.axes, system.title)
    else:
        write_png(path, rgb, scene, png_bits)
