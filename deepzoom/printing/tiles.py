"""The folder that holds the tiles of a picture: each has all columns of some rows."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.files import whole_file
from deepzoom.npz import BROKEN, read_arrays
from deepzoom.pictures.outputs import same_run
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import made_of
from deepzoom.scene.scene import TRUST, Scene
from deepzoom.systems.base import System

PIXELS, BESIDE = 1 << 21, 2
"""The most pixels of a tile, and its fewest rows: so many above and below a pixel decide its shading."""


_TEXTS = "scene", "made", "span"
"""What a tile's file holds beside the arrays of a field."""


@dataclass(frozen=True)
class Tiles:
    """The tiles of a scene in a folder, numbered from the top. rows: of each but the last."""

    folder: Path
    scene: Scene
    rows: int

    @classmethod
    def of(cls, folder: Path, scene: Scene) -> Tiles:
        """Tiles of at most ``PIXELS`` pixels, or of ``BESIDE`` rows."""
        return cls(folder, scene, min(scene.view.height, max(BESIDE, PIXELS // scene.view.width)))

    @property
    def count(self) -> int:
        return -(-self.scene.view.height // self.rows)

    def span(self, number: int) -> tuple[int, int]:
        """The first row of a tile, and the row after its last."""
        return number * self.rows, min((number + 1) * self.rows, self.scene.view.height)

    def path(self, number: int) -> Path:
        return self.folder / f"tile-{number:05}.npz"

    @cached_property
    def _system(self) -> System:
        scene = self.scene
        return systems.create(scene.system, scene.settings, scene.steps, scene.digest)

    def is_done(self, number: int) -> bool:
        """Whether a tile is there. Raises InputError (--tiles) if it is cut short or belongs to another picture."""
        if not self.path(number).exists():
            return False
        self._read(number, _TEXTS)
        return True

    def empty(self, number: int) -> Field:
        """A tile with nothing done."""
        first, after = self.span(number)
        field = Field.empty(self.scene, (after - first, self.scene.view.width))
        field.made = made_of(self._system)
        return field

    def save(self, number: int, field: Field) -> None:
        """Write a tile, whole or not at all."""
        arrays: dict[str, Any] = {name: getattr(field, name) for name in field.channels}
        arrays |= {"scene": np.array(self.scene.to_toml()), "made": np.array(json.dumps(field.made))}
        with whole_file(self.path(number)) as file:
            np.savez_compressed(file, **arrays, span=np.array(self.span(number)))

    def load(self, number: int) -> Field:
        """Read a tile, in this scene's colours. Raises InputError (--tiles) as ``is_done``."""
        found, made = self._read(number)
        return Field(self.scene, **found, made=made)

    def _read(self, number: int, only: Collection[str] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """(arrays, how it was made) of a tile; only: these arrays, which hold at least ``_TEXTS``."""
        path = self.path(number)
        try:
            found = read_arrays(path, only)
            scene, span = Scene.from_toml(str(found.pop("scene")), "--tiles"), found.pop("span").tolist()
            made = json.loads(str(found.pop("made")))
        except BROKEN:
            raise InputError(f"--tiles: {path} is cut short or no tile; remove it, and it is rendered again.") from None
        of_it = same_run(scene, self.scene) and made.get("system") == self._system.key()
        if not of_it or tuple(span) != self.span(number):
            raise InputError(f"--tiles: {path} belongs to another picture; give another folder, or --force.")
        if TRUST.index(scene.trust) < TRUST.index(self.scene.trust):
            raise InputError(
                f"--tiles: {path} was checked less (--trust {scene.trust}); give that, another folder, or --force."
            )
        return found, made

    def remove_others(self) -> None:
        """Remove tiles that are cut short or belong to another picture."""
        for path in self.folder.glob("tile-*[0-9].npz"):
            number = int(path.stem.rpartition("-")[2])
            try:
                belongs = number < self.count and self.is_done(number)
            except InputError:
                belongs = False
            if not belongs:
                path.unlink(missing_ok=True)
