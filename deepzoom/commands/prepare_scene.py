"""What of a scene is found by looking at it before it is rendered: its stretch, and its iteration limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deepzoom.commands.requests.scene import Request
    from deepzoom.scene.scene import Scene


def prepared(request: Request, scene: Scene, quiet: bool) -> Scene:
    """The scene in the shape of ``--stretch auto`` and the limit of ``--steps auto``, given or by default."""
    unfolds, grows = request.unfolds(scene), request.grows(scene)
    if not (unfolds or grows):
        return scene
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import Stopped
    from deepzoom.rendering.iteration_limit import grown
    from deepzoom.rendering.stretch import unfolded

    with Watcher(quiet) as watcher:
        try:
            if unfolds:
                scene = unfolded(scene, request.turn, watcher)
            return grown(scene, watcher) if grows else scene
        except Stopped:
            raise typer.Exit(3) from None
