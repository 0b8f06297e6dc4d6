"""What a page can choose from: systems, their settings and landmarks, palettes and colourings."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from deepzoom import landmarks, systems
from deepzoom.colouring import palettes
from deepzoom.landmarks import Landmark
from deepzoom.rendering import course, orbit_values, periods
from deepzoom.scene.colours import OF_ORBITS, OF_TRAINING, PERIOD
from deepzoom.scene.scene import Scene
from deepzoom.systems.base import System
from deepzoom.systems.lyapunov import NAME as LYAPUNOV

_SWATCH = 9
_FIRST = (
    "Spectral", "magma", "inferno", "viridis", "cividis", "twilight", "twilight_shifted", "turbo", "RdYlBu", "coolwarm",
    "cubehelix", "gist_earth", "ocean", "bone", "hsv",
)  # fmt: skip


def contents(scene: Scene) -> dict[str, Any]:
    """Everything, for a page that has just opened. scene: its first one, whose system may be the user's own."""
    own = [] if scene.system in systems.names() else [scene.system]
    return {
        "type": "catalogue",
        "systems": [_shown(scene) if name == scene.system else _described(name) for name in (*own, *systems.names())],
        "landmarks": [listed(m) for m in (*landmarks.all_landmarks(), *landmarks.own_landmarks())],
        "palettes": _swatches(),
    }


def _shown(scene: Scene) -> dict[str, Any]:
    """The system of a scene, with its settings."""
    return _facts(systems.create(scene.system, scene.settings, scene.steps, scene.digest), True)


@lru_cache(maxsize=64)
def _described(name: str) -> dict[str, Any]:
    """A system with its default settings; found once, as a page that opens lists all."""
    return _facts(systems.create(name), False)


def _facts(system: System, shown: bool) -> dict[str, Any]:
    return {
        "name": system.name,
        "title": system.title,
        "training": systems.is_training(system.name),
        "steps": system.default_steps,
        "settings": [
            {"key": key, "default": setting.default, "meaning": setting.meaning}
            for key, setting in system.settings_known.items()
        ],
        "colourings": _colourings(system, shown),
    }


def _colourings(system: System, shown: bool) -> list[str]:
    """The colourings that a system can have; output only for the one that is shown, as to ask means to trace it."""
    found = ["rank", "cyclic"]
    if systems.is_escape_time(system.name):
        found += ["histogram", "distance"]
        found += OF_ORBITS if orbit_values.has(system) else []
        found += [PERIOD] if periods.has(system) else []
    elif system.name != LYAPUNOV:
        found += [by for by in OF_TRAINING if by != "output" or (shown and course.has_output(system))]
    return [*found, "attractor"] if system.ends.stop > 1 else found


def listed(place: Landmark) -> dict[str, Any]:
    """A landmark, as a page lists it."""
    return {"name": place.name, "system": place.system, "depth": place.depth, "note": place.note}


@lru_cache(maxsize=1)
def _swatches() -> list[dict[str, Any]]:
    """All palettes, the best known first, each with some of its colours."""
    at = np.linspace(0, 1, _SWATCH)
    names = [*_FIRST, *(n for n in palettes.names() if n not in _FIRST)]
    return [{"name": n, "colours": ["#" + bytes(c).hex() for c in _bytes(n, at)]} for n in names]


def _bytes(name: str, at: Any) -> Any:
    return np.rint(palettes.apply(name, at) * 255).astype(np.uint8)
