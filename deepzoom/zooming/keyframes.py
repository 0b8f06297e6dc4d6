"""Keyframes: what is new in each, and the folder they are kept in."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import rendering, systems
from ..errors import InputError
from ..field import Field
from ..request import same_run
from ..scene import Scene, View
from ..shape import IDENTITY
from .path import Descent, mapping

_HELD = 40
"""Keyframes in memory: a frame's pixel is covered by some twenty."""


def new_pixels(view: View, deeper: View | None) -> NDArray[np.bool_]:
    """The pixels (height, width) of a keyframe that the next deeper one does not cover: all where there is none."""
    if deeper is None:
        return np.ones((view.height, view.width), np.bool_)
    matrix = np.round(mapping(view, deeper), 9)
    return _outside(*matrix.ravel().tolist(), view.width, view.height, deeper.width, deeper.height)


@lru_cache(maxsize=8)
def _outside(a: float, b: float, c: float, d: float, width: int, height: int, w: int, h: int) -> NDArray[np.bool_]:
    """The pixels that do not lie whole in the box of a w x h view, to whose (u, v) the matrix (a, b; c, d) leads."""
    u = (np.arange(width) + 0.5 - width / 2) / height
    v = ((height / 2 - 0.5 - np.arange(height)) / height)[:, None]
    reach_u, reach_v = (abs(a) + abs(b)) / (2 * height), (abs(c) + abs(d)) / (2 * height)
    room = 1 - 1e-6  # for the rounding of the matrix
    outside = np.abs(a * u + b * v) + reach_u > room * w / h / 2
    outside |= np.abs(c * u + d * v) + reach_v > room / 2
    outside.setflags(write=False)
    return outside


class Keyframes:
    """The keyframes of a descent in a folder, one data file each; the last ones used are held in memory."""

    def __init__(self, folder: Path, descent: Descent) -> None:
        self.folder, self.descent = folder, descent
        scene = descent.scene
        self._key = systems.create(scene.system, scene.settings, scene.steps, scene.digest).key()
        self._held: OrderedDict[int, Field] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, k: int) -> Path:
        return self.folder / f"key-{k:05}.npz"

    def partial_path(self, k: int) -> Path:
        return self.folder / f"key-{k:05}.partial.npz"

    def new(self, k: int) -> NDArray[np.bool_]:
        """What is computed of a keyframe."""
        last = k == self.descent.count - 1
        return new_pixels(self.descent.keyframe(k).view, None if last else self.descent.keyframe(k + 1).view)

    def pixels(self) -> int:
        """Pixels to compute in all keyframes."""
        return sum(int(np.count_nonzero(self.new(k))) for k in range(self.descent.count))

    def state(self, k: int) -> str:
        """``done``, ``missing``, or ``other`` where a file is broken or belongs to another film."""
        if not self.path(k).exists():
            return "missing"
        try:
            field = Field.load(self.path(k))
        except InputError:
            return "other"
        return "done" if self._belongs(field, self.descent.keyframe(k)) and field.done[self.new(k)].all() else "other"

    def remove_others(self) -> None:
        """Remove keyframes deeper than this film's last, which a longer one left."""
        for path in self.folder.glob("key-*.npz"):
            if int(path.name[4:].partition(".")[0]) >= self.descent.count:
                path.unlink()

    def _belongs(self, field: Field, scene: Scene) -> bool:
        return same_run(field.scene, scene) and field.made.get("system") == self._key

    def compute(self, k: int, jobs: int | None, observer: rendering.Observer) -> bool:
        """Render what is new in a keyframe and keep it, whole; False where the observer stopped it."""
        scene, new = self.descent.keyframe(k), self.new(k)
        partial = self._partial(k, scene)
        if partial is None:
            partial = Field.empty(scene)
        kept = _Keeping(observer, self.partial_path(k))
        result = rendering.render(scene, jobs=jobs, observer=kept, partial=partial, wanted=new)
        if not result.complete:
            if result.field.done.any():
                result.field.save(self.partial_path(k))
            return False
        result.field.save(self.path(k), packed=True)
        self.partial_path(k).unlink(missing_ok=True)
        return True

    def _partial(self, k: int, scene: Scene) -> Field | None:
        """What was kept of an unfinished keyframe."""
        try:
            field = Field.load(self.partial_path(k))
        except InputError:
            return None
        if not self._belongs(field, scene):
            return None
        field.scene = scene
        return field

    def get(self, k: int) -> Field:
        """A keyframe's field."""
        with self._lock:
            if k in self._held:
                self._held.move_to_end(k)
                return self._held[k]
        field = Field.load(self.path(k))
        with self._lock:
            self._held[k] = field
            while len(self._held) > _HELD:
                self._held.popitem(last=False)
        return field


class _Keeping(rendering.Observer):
    """Passes on what happens, and keeps an unfinished keyframe."""

    def __init__(self, observer: rendering.Observer, path: Path) -> None:
        self._observer, self._path = observer, path

    def say(self, text: str) -> None:
        self._observer.say(text)

    def reference(self, share: float) -> None:
        self._observer.reference(share)

    def pixels(self, field: Field, done: int, total: int) -> None:
        self._observer.pixels(field, done, total)

    def checkpoint(self, field: Field) -> None:
        field.save(self._path)

    def stopped(self) -> bool:
        return self._observer.stopped()


def found(folder: Path) -> Descent:
    """The descent whose keyframes lie in a folder. Raises InputError, naming --from-data, where there is none."""
    files = sorted(folder.glob("key-*[0-9].npz"))
    if len(files) < 2:
        raise InputError(f"--from-data: {folder} holds no keyframes; it is a folder that --keep-data left.")
    scenes = [Field.load(f, "--from-data").scene for f in (files[0], files[-1])]
    descent = Descent(scenes[-1], scenes[0].view.depth)
    if [f.name for f in files] != [f"key-{k:05}.npz" for k in range(descent.count)]:
        raise InputError(f"--from-data: keyframes are missing in {folder}; finish the film with --resume first.")
    if descent.scene.view.shape != IDENTITY:
        shapes = [Field.load(f, "--from-data").scene.view.shape for f in files]
        descent = Descent(scenes[-1], scenes[0].view.depth, tuple(shapes))
    return descent
