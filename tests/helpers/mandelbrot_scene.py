"""Views of the Mandelbrot set on the way to a place that films go to."""

from __future__ import annotations

from dataclasses import replace

from deepzoom import landmarks
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, Shape
from deepzoom.scene.view import View

E50 = landmarks.get("mandelbrot-e50")


def mandelbrot(depth: str = "1e-4", size: str = "48x32", shape: Shape = IDENTITY, steps: int = 2000) -> Scene:
    """A scene at some depth."""
    view = replace(View.parse(E50.x, E50.y, depth, size), shape=shape)
    return Scene("mandelbrot", view, steps)
