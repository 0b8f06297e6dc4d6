"""What commands that write a picture share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..field import Field
    from ..scene import Scene


def check_png_bits(bits: int) -> None:
    from ..errors import InputError

    if bits not in (8, 16):
        raise InputError(f"--png-bits: {bits} is neither 8 nor 16.")


def unfolded_scene(scene: Scene, degrees: float, quiet: bool) -> Scene:
    """The scene in the shape of ``--stretch auto``, turned by so many degrees; with a bar for the reference run."""
    from ..console import Watcher
    from ..errors import Stopped
    from ..stretch import unfolded

    with Watcher(quiet) as watcher:
        try:
            return unfolded(scene, degrees, watcher)
        except Stopped:
            watcher.say("Stopped; what there is of the reference is kept.")
            raise typer.Exit(3) from None


def write_picture(field: Field, path: Path, figure: bool, png_bits: int) -> None:
    from .. import systems
    from ..colouring import coloured
    from ..picture import write_figure, write_png

    scene = field.scene
    rgb = coloured(field, png_bits == 16)
    if figure:
        system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
        write_figure(path, rgb, scene, system.axes, system.title)
    else:
        write_png(path, rgb, scene, png_bits)
