"""A remark on views all of whose pixels have one value: such a picture has one colour, which looks like a fault."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems

from .field import Field


def remark(field: Field) -> str | None:
    """A sentence that says why the picture has one colour and what may show more; None for all other pictures."""
    scene = field.scene
    if systems.is_escape_time(scene.system) and not field.fate.any():
        return (
            f"All pixels reached the limit of {scene.steps:,} steps, so the picture has one colour; more --steps, or"
            " another place, may show more."
        )
    values: list[NDArray[Any]] = [field.measure, field.fate]
    if field.attractor is not None:
        values.append(field.attractor)
    if field.measure.size == 1 or not all(
        np.array_equal(v, np.full_like(v, v.flat[0]), equal_nan=True) for v in values
    ):
        return None
    start = "start of the formula (--set z0x=1), " if scene.system == "formula" else ""
    return (
        f"All pixels have the same value, so the picture has one colour; another {start}place, depth or number of steps"
        " may show more."
    )
