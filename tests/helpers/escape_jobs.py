"""Jobs of escape-time systems at a place, and their pixels' exact points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from small_network import quiet

from deepzoom import systems
from deepzoom.backends.escape_time import float64 as escape_time
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.coordinates import Rational
from deepzoom.scene.view import View


def slow_if(condition: bool) -> list[pytest.MarkDecorator]:
    """The mark of a slow case."""
    return [pytest.mark.slow] if condition else []


def exact_place(view: View, pixel: int) -> tuple[Rational, Rational]:
    """The exact point of a pixel."""
    row, column = divmod(pixel, view.width)
    return view.at(column, row)


def job_at(
    name: str,
    settings: Mapping[str, str],
    x: str,
    y: str,
    depth: str,
    size: int = 32,
    limit: int = 3000,
    kind: Any = PerturbationJob,
) -> Any:
    """The job of a square view."""
    system: Any = systems.create(name, settings, limit)
    view = View.parse(x, y, depth, (size, size))
    if kind is escape_time.Float64Job:
        return kind(system, view, quiet)
    return kind(system, view, None, *([quiet, quiet] if kind is PerturbationJob else [quiet]))
