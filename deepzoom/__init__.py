"""deepzoom: zooms into the fractal boundary of neural-network trainability, and into classical fractals.

``render(scene)`` renders a ``Scene`` (with its ``View``) to a ``Field``. ``zoom(scene, begin, out)`` makes a film that
zooms into it. ``dive(scene, depth)`` searches for a deeper place. See docs/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Field", "Scene", "Training", "View", "__version__", "dive", "render", "zoom"]

if TYPE_CHECKING:
    from deepzoom.rendering.field import Field
    from deepzoom.rendering.render import render
    from deepzoom.scene.scene import Scene
    from deepzoom.scene.view import View
    from deepzoom.systems.own_training import Training

    from .diving import dive
    from .film import zoom

_HOMES = {
    "Field": "rendering.field", "Scene": "scene.scene", "Training": "systems.own_training", "View": "scene.view",
    "dive": "diving", "render": "rendering.render", "zoom": "film",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # imported on first use: the command line's --help does not need them
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module 'deepzoom' has no attribute {name!r}")
