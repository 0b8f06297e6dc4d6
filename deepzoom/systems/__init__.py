"""The systems that deepzoom renders. Each kind has a file of its own; this module lists them all."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from deepzoom.errors import InputError, similar

from .base import System
from .burning_ship import BURNING_SHIPS
from .escape_time import EscapeTimeMap, EscapeTimeSystem
from .experiments import PUBLISHED
from .julia import JULIA
from .lyapunov import NAME as LYAPUNOV
from .lyapunov import LyapunovSystem
from .magnet import MAGNETS
from .mandelbrot import MANDELBROT
from .newton import NEWTON
from .nova import NOVA
from .own_file import is_own, is_own_map, load, loaded
from .own_formula import OWN_FORMULA

if TYPE_CHECKING:
    from .own_training import Training

__all__ = [
    "DEFAULT", "ESCAPE_TIME", "PUBLISHED", "System", "create", "is_escape_time", "is_labelled", "is_own", "is_training",
    "load", "loaded", "names", "trainings",
]  # fmt: skip

DEFAULT = "tanh"
ESCAPE_TIME: dict[str, EscapeTimeMap] = {
    m.name: m for m in (MANDELBROT, JULIA, *BURNING_SHIPS, NEWTON, NOVA, *MAGNETS, OWN_FORMULA)
}
TRAININGS = {
    "cosine": "toy_losses.COSINE",
    "cubic": "toy_losses.CUBIC",
    "quadratic-regression": "toy_losses.QUADRATIC_REGRESSION",
    "basins": "basins.BASINS",
    "attention": "attention.ATTENTION",
    "learned-optimizer": "learned_optimizer.LEARNED_OPTIMIZER",
}
"""Where each training is defined. Imported on first use, as a render of a map does not need them."""


def names() -> list[str]:
    """The names of all built-in systems."""
    return [*trainings(), *ESCAPE_TIME, LYAPUNOV]


def trainings() -> list[str]:
    """The names of all built-in trainings."""
    return [*PUBLISHED, *TRAININGS]


def is_training(name: str) -> bool:
    """Whether a name is that of a training, built in or in a user's file."""
    return name in PUBLISHED or name in TRAININGS or (is_own(name) and not is_own_map(name))


def is_escape_time(name: str) -> bool:
    """Whether a name is that of an escape-time map, built in or in a user's file."""
    return name in ESCAPE_TIME or is_own_map(name)


def is_labelled(name: str) -> bool:
    """Whether a name is that of a training, built in or in a user's file, whose basins have numbers."""
    if is_own(name):
        return not is_own_map(name) and getattr(loaded(name).what, "label", None) is not None
    return name in TRAININGS and _training(name).label is not None


def _training(name: str) -> Training:
    module, training = TRAININGS[name].split(".")
    found: Training = getattr(import_module(f".{module}", __name__), training)
    return found


def create(
    name: str, settings: Mapping[str, str] | None = None, steps: int | None = None, digest: str | None = None
) -> System:
    """A system with its settings. digest: the hash that a user's file must have (``Scene.digest``).

    Raises InputError for an unknown name or setting, and for a file that was not loaded or has changed.
    """
    if is_own(name):
        return loaded(name, digest).system(settings or {}, steps)
    if name in PUBLISHED:
        from . import composed

        return composed.create(name, settings or {}, steps)
    if name in TRAININGS:
        from .traced_system import TracedSystem

        return TracedSystem(name, _training(name), settings or {}, steps)
    if name in ESCAPE_TIME:
        return EscapeTimeSystem(ESCAPE_TIME[name], settings or {}, steps)
    if name == LYAPUNOV:
        return LyapunovSystem(settings or {}, steps)
    if Path(name).is_file():
        raise InputError(f"SYSTEM: {name} is a file; to begin with its scene, give --scene {name}.")
    raise InputError(
        f"SYSTEM: there is no {name!r}{similar(name, names())}; give one of {', '.join(names())}, or FILE.py:NAME."
    )
