"""Writes a field as raw data for Kalles Fraktaler, Fraktaler-3 and zoomasm (``pictures/exr.py``)."""

from __future__ import annotations

from pathlib import Path

from deepzoom.colouring import palettes
from deepzoom.colouring.colour import coloured
from deepzoom.colouring.linear_light import linear
from deepzoom.pictures.exr import Values, attributes, channels, directed, write
from deepzoom.rendering.field import Field


def write_exr(field: Field, path: Path) -> None:
    """Write a field's raw data and its colours, whole or not at all.

    Raises InputError if the scene's system is a file that was not loaded.
    """
    scene = field.scene
    values = Values(**{name: getattr(field, name) for name in Values.__annotations__})
    found = channels(scene, values)
    if field.distance is not None and field.direction is not None:
        found |= directed(scene.view, field.distance, field.direction)
    row = palettes.row(scene.palette, scene.colouring.colours)
    write(path, found, linear(coloured(field)), attributes(scene, row, found))
