"""The systems deepzoom renders. One file defines one kind; this is their list."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import InputError
from .base import System
from .experiments import PUBLISHED, TrainingSystem

DEFAULT = "tanh"


def names() -> list[str]:
    """Names of all systems."""
    return list(PUBLISHED)


def create(name: str, settings: Mapping[str, str] | None = None, steps: int | None = None) -> System:
    """A system with its settings. Raises InputError for an unknown name or setting."""
    if name not in PUBLISHED:
        raise InputError(f"SYSTEM: {name!r} is none of {', '.join(names())}.")
    return TrainingSystem(name, settings or {}, steps)
