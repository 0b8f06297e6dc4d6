"""What is found out about a scene before it is rendered: its stretch and its iteration limit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deepzoom.commands.requests.scene import Request
    from deepzoom.scene.scene import Scene


def prepared(request: Request, scene: Scene, quiet: bool) -> Scene:
    """The scene with the shape that ``--stretch auto`` finds and the limit that ``--steps auto`` finds.

    Both apply where the options ask for them or where they are the default.
    """
    if request.scene is not None and not quiet:
        _tell(request.scene)
    unfolds, grows = request.unfolds(scene), request.grows(scene)
    if not (unfolds or grows):
        return scene
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import Stopped
    from deepzoom.rendering.iteration_limit import grown

    with Watcher(quiet) as watcher:
        try:
            if unfolds:
                from deepzoom.rendering.stretch import unfolded  # maps do without it

                scene = unfolded(scene, request.turn, watcher)
            return grown(scene, watcher) if grows else scene
        except Stopped:
            raise typer.Exit(3) from None


def _tell(path: Path) -> None:
    """Say what a place of another program is, and what of its file was not taken over."""
    from deepzoom.exchange.place import OURS
    from deepzoom.pictures.png import read_place

    place = read_place(path, "--scene")
    if place.program != OURS:
        typer.echo(place.told(), err=True)
