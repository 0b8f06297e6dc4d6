"""Names that each generated module of ``following.py`` defines for itself, for editors and type checkers."""

from __future__ import annotations

from typing import Any

STATE = TANGENTS = FIXED = PER_STEP = 0
"""Numbers of the state, of its tangents, of the parameters with theirs, and those that are different at each step."""
PLAIN_SIZE = DELTA_SIZE = 0
"""Numbers of each step's workspace."""


def plain_step(lanes: Any, numbers: Any, kind: Any) -> Any:
    """One step in float64, with its tangents and the output; returns the loss before it."""


def delta_step(lanes: Any, numbers: Any, record: Any) -> Any:
    """One step of differences from the reference, with the pixel's own tangents, output and loss."""
