"""The keyframes of a film: computing what is new in each, and the folder that stores them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.pictures.outputs import same_run
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import COURSE, PHASES
from deepzoom.scene.scene import TRUST, Scene
from deepzoom.scene.shape import IDENTITY

from .zoom_path import Descent

_HELD = 40
"""Keyframes in memory; about twenty contribute to a frame."""


class Keyframes:
    """The keyframes of a zoom in a folder, one data file each; the last ones used stay in memory."""

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

    def state(self, k: int) -> str:
        """``done``, ``missing``, or ``other`` if the file is broken or belongs to another film."""
        if not self.path(k).exists():
            return "missing"
        try:
            field = Field.load(self.path(k))
        except InputError:
            return "other"
        whole = self._shows(field) and field.done[self.descent.new(k)].all()
        return "done" if whole and self._belongs(field, self.descent.keyframe(k)) else "other"

    def remove_others(self) -> None:
        """Remove keyframes deeper than this film's last; a longer film has left them."""
        for path in self.folder.glob("key-*.npz"):
            if int(path.name[4:].partition(".")[0]) >= self.descent.count:
                path.unlink()

    def remove(self) -> None:
        """Remove all keyframes, and the folder if nothing else is in it."""
        for path in (*self.folder.glob("key-*.npz"), *self.folder.glob(".key-*.tmp")):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _belongs(self, field: Field, scene: Scene) -> bool:
        checked = TRUST.index(field.scene.trust) >= TRUST.index(scene.trust)
        return same_run(field.scene, scene) and checked and field.made.get("system") == self._key

    def _shows(self, field: Field) -> bool:
        """Whether a field has what the film's colours show."""
        by = self.descent.scene.colouring.by
        channel = {**COURSE, **PHASES}.get(by)
        return channel is None or getattr(field, channel) is not None

    def compute(self, k: int, jobs: int | None, observer: Observer) -> Field | None:
        """Render what is new in a keyframe; None if the observer stopped it, and then the finished part is saved."""
        scene, new = self.descent.keyframe(k), self.descent.new(k)
        partial = self._partial(k, scene)
        if partial is None:
            partial = Field.empty(scene)
        saving = _Saving(observer, self.partial_path(k))
        result = rendering.render(scene, jobs=jobs, observer=saving, partial=partial, wanted=new)
        if not result.complete:
            if result.field.done.any():
                result.field.save(self.partial_path(k))
            return None
        return result.field

    def keep(self, k: int, field: Field) -> None:
        """Write a keyframe's file."""
        field.save(self.path(k), packed=True)
        self.partial_path(k).unlink(missing_ok=True)

    def _partial(self, k: int, scene: Scene) -> Field | None:
        """The saved part of an unfinished keyframe, or None."""
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


class _Saving(Observer):
    """Passes on messages and progress, and saves an unfinished keyframe at each checkpoint."""

    def __init__(self, observer: Observer, path: Path) -> None:
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
    """The zoom whose keyframes are in a folder. Raises InputError (--from-data) if the folder has none, or has gaps."""
    files = sorted(folder.glob("key-*[0-9].npz"))
    if len(files) < 2:
        raise InputError(f"--from-data: {folder} holds no keyframes; give a folder that --keep-data made.")
    scenes = [Field.load(f, "--from-data").scene for f in (files[0], files[-1])]
    descent = Descent(scenes[-1], scenes[0].view.depth)
    if [f.name for f in files] != [f"key-{k:05}.npz" for k in range(descent.count)]:
        raise InputError(f"--from-data: keyframes are missing in {folder}; finish the film with --resume first.")
    if descent.scene.view.shape != IDENTITY:
        shapes = [Field.load(f, "--from-data").scene.view.shape for f in files]
        descent = Descent(scenes[-1], scenes[0].view.depth, tuple(shapes))
    return descent


def has_channel(folder: Path, channel: str) -> bool:
    """Whether the keyframes in a folder have a channel; one that is stopped in between has it, too."""
    first = min(folder.glob("key-*[0-9].npz"))
    return getattr(Field.load(first, "--from-data"), channel) is not None
