"""Writes a picture of a field, for all commands that do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepzoom.rendering.field import Field


def check_png_bits(bits: int) -> None:
    """Raise InputError for a depth of colour that PNG does not have in RGB."""
    from deepzoom.errors import InputError

    if bits not in (8, 16):
        raise InputError(f"--png-bits: {bits} is neither 8 nor 16.")


def write_picture(field: Field, path: Path, figure: bool, png_bits: int) -> None:
    """Colour a field and write it as PNG; figure: with axes around it."""
    from deepzoom import systems
    from deepzoom.colouring.colour import coloured
    from deepzoom.pictures.figure import write_figure
    from deepzoom.pictures.png import write_png

    scene = field.scene
    rgb = coloured(field, png_bits == 16)
    if figure:
        system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
        write_figure(path, rgb, scene, system.axes, system.title)
    else:
        write_png(path, rgb, scene, png_bits)
