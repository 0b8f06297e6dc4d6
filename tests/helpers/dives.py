"""Dives that stop after some levels, and fields to choose blocks from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from deepzoom.cli import app
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

PLACE = ("mandelbrot", "--center", "-0.75", "0.1", "--from", "0.5", "--steps", "400", "--size", "72x72")


def dive(*args: str) -> Result:
    """Run ``deepzoom dive``."""
    return CliRunner().invoke(app, ["dive", *args])


def fates(inside: Callable[[Any, Any], NDArray[np.bool_]]) -> Field:
    """A training field of 64x64 pixels, which converged if ``inside`` of (column, row) is true."""
    rows, columns = np.indices((64, 64))
    field = Field.empty(Scene("tanh", View.parse("0", "0", "1", "64x64"), 500))
    field.fate[:] = np.where(inside(columns, rows), -1, 1)
    field.measure[:] = field.fate * 1.0
    field.done[:] = True
    return field


class StopsAfter(Observer):
    """Stops a dive after some levels, and keeps what it saw of each."""

    def __init__(self, levels: int) -> None:
        self.left = levels
        self.views: list[View] = []
        self.steps: list[int] = []
        self.fields: list[Field] = []

    def level(self, field: Field, text: str) -> None:
        self.left -= 1
        self.views.append(field.scene.view)
        self.steps.append(field.scene.steps)
        self.fields.append(field)

    def stopped(self) -> bool:
        return self.left < 0
