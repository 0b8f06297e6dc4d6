"""The checkpoint of a dive: one file, written whole after each view, so that a kill loses at most one view."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import format_decimal
from deepzoom.errors import InputError
from deepzoom.files import whole_file
from deepzoom.npz import BROKEN, read_arrays
from deepzoom.scene.scene import Scene

from .blocks import Block
from .search import Level, State
from .windows import Window

_FORMAT = 3


def name_of(scene: Scene, seed: int, stretch: bool) -> str:
    """The name of a dive's file; a dive that goes deeper, or has other steps, uses the same file."""
    view = scene.view
    facts = (
        scene.system, scene.digest, dict(sorted(scene.settings.items())), view.width, view.height, view.flip,
        *(format_decimal(v) for v in (view.x, view.y, view.depth)), seed, stretch,
    )  # fmt: skip
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24] + ".npz"


def save(path: Path, state: State) -> None:
    """Write a state. Raises OSError if the file cannot be written."""
    levels = {level.number: level for level in (*state.best, *state.stack)}
    text = json.dumps(
        {
            "format": _FORMAT,
            "pending": _window_table(state.pending),
            "stack": [_table(level) for level in state.stack],
            "best": [_table(level) for level in state.best],
            **{key: getattr(state, key) for key in ("plain", "due", "dead", "rendered", "seconds", "dust")},
        }
    )
    data = io.BytesIO()
    thumbnails = {str(n): level.thumbnail for n, level in levels.items()}
    np.savez_compressed(data, state=text, **thumbnails)  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(data.getvalue())


def load(path: Path) -> State:
    """Read a state. Raises InputError if the file is not a checkpoint of this version."""
    try:
        found = read_arrays(path)
        table = json.loads(str(found.pop("state")))
        if table["format"] != _FORMAT:
            raise ValueError
        rest = {key: table[key] for key in ("plain", "due", "dead", "rendered", "seconds", "dust")}
        stack, best = ([_level(t, found) for t in table[key]] for key in ("stack", "best"))
        return State(_window(table["pending"]), stack=stack, best=best, **rest)
    except BROKEN:
        raise InputError(
            f"--resume: {path} is not a dive that this version can continue; start over with --force."
        ) from None


def _table(level: Level) -> dict[str, Any]:
    return {
        "window": _window_table(level.window),
        "number": level.number,
        "seconds": level.seconds,
        "plain": level.plain,
        "blocks": [asdict(block) for block in level.blocks],
    }


def _window_table(window: Window) -> dict[str, Any]:
    return {**vars(window), "anchor": window.anchor.to_toml()}


def _window(table: dict[str, Any]) -> Window:
    return Window(**{**table, "anchor": Scene.from_toml(table["anchor"])})


def _level(table: dict[str, Any], thumbnails: dict[str, NDArray[Any]]) -> Level:
    blocks = tuple(Block(**block) for block in table["blocks"])
    window, number = _window(table["window"]), table["number"]
    return Level(window, number, table["seconds"], table["plain"], blocks, thumbnails[str(number)])
