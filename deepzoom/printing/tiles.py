"""The folder that holds the tiles of a picture: each has all columns of some rows. Their samples are in other files."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
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

PIXELS, SAMPLES, BESIDE = 1 << 21, 1 << 23, 2
"""The most pixels and samples of a tile, and its fewest rows: so many above and below a pixel decide its shading."""

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
        """Tiles of at most ``PIXELS`` pixels and ``SAMPLES`` samples, or of ``BESIDE`` rows."""
        view = scene.view
        return cls(folder, scene, min(view.height, max(BESIDE, min(PIXELS, SAMPLES // view.samples) // view.width)))

    @property
    def count(self) -> int:
        return -(-self.scene.view.height // self.rows)

    def span(self, number: int) -> tuple[int, int]:
        """The first row of a tile, and the row after its last."""
        return number * self.rows, min((number + 1) * self.rows, self.scene.view.height)

    def pixels(self, number: int) -> int:
        first, after = self.span(number)
        return (after - first) * self.scene.view.width

    @property
    def has_samples(self) -> bool:
        return self.scene.view.samples > 1

    def path(self, number: int, samples: bool = False) -> Path:
        """The file of a tile, or of its samples."""
        name = f"samples-{self.scene.view.samples}" if samples else "tile"
        return self.folder / f"{name}-{number:05}.npz"

    @cached_property
    def _system(self) -> System:
        scene = self.scene
        return systems.create(scene.system, scene.settings, scene.steps, scene.digest)

    def is_done(self, number: int, samples: bool = False) -> bool:
        """Whether a tile is there, or its samples. Raises InputError (--tiles) for files cut or of another picture."""
        path = self.path(number, samples)
        if not path.exists():
            return False
        self._read(path, number, _TEXTS)
        return True

    def empty(self, number: int) -> Field:
        """A tile with nothing done."""
        first, after = self.span(number)
        field = Field.empty(self.scene, (after - first, self.scene.view.width))
        field.made = made_of(self._system)
        return field

    def save(self, number: int, field: Field) -> None:
        """Write a tile without samples, whole or not at all."""
        self._write(self.path(number), number, field, {})

    def save_samples(self, number: int, field: Field) -> None:
        """Write the samples of a tile, whole or not at all."""
        assert field.samples is not None
        self._write(self.path(number, True), number, field.samples, {"sampled": field.sampled})

    def _write(self, path: Path, number: int, field: Field, others: dict[str, Any]) -> None:
        arrays = others | {name: getattr(field, name) for name in field.channels}
        arrays |= {"scene": np.array(self.scene.to_toml()), "made": np.array(json.dumps(made_of(self._system)))}
        with whole_file(path) as file:
            np.savez_compressed(file, **arrays, span=np.array(self.span(number)))

    def load(self, number: int) -> Field:
        """Read a tile without samples, in this scene's colours. Raises InputError (--tiles) as ``is_done``."""
        found, made = self._read(self.path(number), number)
        return Field(self.scene, **found, made=made)

    def load_samples(self, number: int, field: Field) -> None:
        """Read the samples of a tile into it. Raises InputError (--tiles) as ``is_done``."""
        found, _ = self._read(self.path(number, True), number)
        field.sampled = found.pop("sampled")
        field.samples = Field(self.scene, **found)

    def _read(
        self, path: Path, number: int, only: Collection[str] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """(arrays, how it was made) of a tile's file; only: these arrays, which hold at least ``_TEXTS``."""
        try:
            found = read_arrays(path, only)
            scene, span = Scene.from_toml(str(found.pop("scene")), "--tiles"), found.pop("span").tolist()
            made = json.loads(str(found.pop("made")))
        except BROKEN:
            raise InputError(f"--tiles: {path} is cut short or no tile; remove it, and it is rendered again.") from None
        # files of samples have the number in their name
        of_it = same_run(_with_samples(scene, self.scene.view.samples), self.scene)
        if not of_it or made.get("system") != self._system.key():
            raise InputError(f"--tiles: {path} belongs to another picture; give another folder, or --force.")
        if tuple(span) != self.span(number):
            raise InputError(
                f"--tiles: {path} has rows {span[0]} to {span[1] - 1}, and with --samples {self.scene.view.samples} it"
                f" would have {self.span(number)[0]} to {self.span(number)[1] - 1}; give another folder, or --force."
            )
        if TRUST.index(scene.trust) < TRUST.index(self.scene.trust):
            raise InputError(
                f"--tiles: {path} was checked less (--trust {scene.trust}); give that, another folder, or --force."
            )
        return found, made

    def remove_others(self) -> None:
        """Remove files that are cut short or belong to another picture, also samples of other numbers."""
        for path in [*self.folder.glob("tile-*[0-9].npz"), *self.folder.glob("samples-*[0-9].npz")]:
            kind, _, text = path.stem.rpartition("-")
            number, samples = int(text), kind != "tile"
            try:
                belongs = number < self.count and path == self.path(number, samples) and self.is_done(number, samples)
            except InputError:
                belongs = False
            if not belongs:
                path.unlink(missing_ok=True)


def surrounded(above: Field | None, tile: Field, below: Field | None) -> tuple[Field, int]:
    """(a tile with the ``BESIDE`` rows of the tiles above and below it, how many rows are above it)."""
    parts = [tile]
    if above is not None:
        parts.insert(0, _rows(above, slice(-BESIDE, None)))
    if below is not None:
        parts.append(_rows(below, slice(0, BESIDE)))
    names = [name for name in tile.channels if all(name in p.channels for p in parts)]
    joined: dict[str, Any] = dict.fromkeys(tile.channels)
    joined |= {name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
    before = 0 if above is None else len(parts[0].done)
    sampled = None if tile.sampled is None else tile.sampled + before * tile.scene.view.width
    return replace(tile, **joined, sampled=sampled), before


def _rows(field: Field, rows: slice) -> Field:
    return replace(field, **{name: getattr(field, name)[rows] for name in field.channels})


def _with_samples(scene: Scene, samples: int) -> Scene:
    return replace(scene, view=replace(scene.view, samples=samples))
