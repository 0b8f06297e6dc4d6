"""Makes a film: keyframes, then frames or a video. It can be stopped and resumed at any moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import format_decimal
from deepzoom.errors import InputError, Stopped
from deepzoom.files import clear_abandoned
from deepzoom.pictures.png import write_png
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer, cores

from .exponential_map import expmap
from .frames import Frames, in_order
from .keyframes import Keyframes
from .raw_octaves import RawOctaves
from .tour import Tour
from .video import is_video, write_video
from .zoom_path import Film

BYTES_PER_FRAME_PIXEL, BYTES_PER_KEYFRAME_PIXEL = 2.5, 12
"""Approximate bytes on disk per pixel of dust; smooth pictures take less."""


@dataclass(frozen=True)
class Target:
    """The output files of a film. out: a folder for frames, or a video. data: the folder of its keyframes.

    keep: whether to keep the keyframes. strip: the file of the exponential map, or None. given: all keyframes exist
    already, and none is computed. raw: whether the folder gets raw data (``raw_octaves.py``) instead of frames.
    """

    out: Path
    data: Path
    keep: bool = False
    strip: Path | None = None
    fps: Fraction = Fraction(30)
    codec: str = "h264"
    given: bool = False
    raw: bool = False

    @property
    def is_video(self) -> bool:
        return is_video(self.out)


@dataclass(frozen=True)
class Filmed:
    """A finished or stopped film. facts: what ``--json`` prints."""

    complete: bool
    facts: dict[str, Any]


def estimate(film: Film | Tour, jobs: int, observer: Observer) -> dict[str, Any]:
    """What a film needs: frames, keyframes, pixels to compute, seconds (None if not known) and bytes on disk.

    Pixels, seconds and bytes are upper bounds: they assume that every pixel gets all samples.
    """
    seconds: float | None = 0.0
    kinds: dict[str, float | None] = {}
    pixels = 0
    for descent, k in ((d, k) for d in film.parts for k in range(d.count)):
        count = descent.scene.view.samples * int(np.count_nonzero(descent.new(k)))
        pixels += count
        planned = rendering.plan(descent.keyframe(k))
        name = planned.backend.name
        if name not in kinds:
            kinds[name] = planned.backend.seconds_per_pixel(planned.system, 0, observer.say)
        each = kinds[name]
        seconds = None if each is None or seconds is None else seconds + each * count / jobs
    size = film.frames * film.width * film.height * BYTES_PER_FRAME_PIXEL + pixels * BYTES_PER_KEYFRAME_PIXEL
    return {
        "frames": film.frames,
        "keyframes": sum(d.count for d in film.parts),
        "pixels": pixels,
        "seconds": None if seconds is None else round(seconds, 1),
        "bytes": int(size),
    }


def keyframes_of(film: Film | Tour, folder: Path) -> list[Keyframes]:
    """The keyframes of each part of a film, in a folder or, if there are several parts, in folders in it."""
    if len(film.parts) == 1:
        return [Keyframes(folder, film.parts[0])]
    return [Keyframes(folder / f"part-{k:02}", part) for k, part in enumerate(film.parts)]


def make(
    film: Film | Tour, target: Target, *, jobs: int | None = None, observer: Observer | None = None, client: Any = None
) -> Filmed:
    """Make the missing parts of a film: its keyframes, deepest first, then its frames.

    Files that belong to the film are kept; others are made again. client: of the Dask cluster that computes all
    keyframes but the deepest (``cluster.connected``); None to compute here. If the observer stops it, it ends early,
    and the result is not complete.
    """
    observer, jobs, begin = observer or Observer(), jobs or cores(), time.perf_counter()
    parts = keyframes_of(film, target.data)
    facts: dict[str, Any] = {
        "frames": film.frames,
        "keyframes": sum(part.descent.count for part in parts),
        "from": format_decimal(film.begin),
        "to": format_decimal(film.end),
        "size": f"{film.width}x{film.height}",
        "pixels": 0,
        "redone": 0,
        "out": str(target.out),
        "data": str(target.data) if target.keep else None,
        "expmap": None if target.strip is None else str(target.strip),
    }
    try:
        framed = not target.is_video and not target.raw
        missing = _missing(Frames(film, parts), target.out, facts, observer) if framed else []
        if missing or not framed or target.strip is not None or target.keep:
            for part in parts:
                _compute(part, target.given, jobs, facts, observer, client)
            if target.strip is not None:
                _write_strip(parts[0], target.strip, observer)
            if target.raw:
                _write_raw(parts[0], target.out, observer)
            else:
                _write_frames(Frames(film, parts), missing, target, jobs, observer)
        if not target.keep:
            for part in parts:
                part.remove()
            with suppress(OSError):
                target.data.rmdir()
        complete = True
    except Stopped:
        complete = False
    return Filmed(complete, {**facts, "seconds": round(time.perf_counter() - begin, 3)})


def _missing(frames: Frames, folder: Path, facts: dict[str, Any], observer: Observer) -> list[int]:
    """The numbers of the frames to make; tells the observer how many exist and how many are made again."""
    folder.mkdir(exist_ok=True)
    clear_abandoned(folder)
    states = [frames.state(folder, n) for n in range(frames.film.frames)]
    kept, other = states.count("done"), states.count("other")
    if kept:
        observer.say(f"Resuming: {kept:,} of {len(states):,} frames are done.")
    if other:
        observer.say(f"{other:,} frames are cut short or belong to another film; they will be rendered again.")
    facts["redone"] = other
    return [n for n, state in enumerate(states) if state != "done"]


class _Counted(Observer):
    """Passes on the messages of a keyframe, and adds its pixels to the count for all keyframes."""

    def __init__(self, observer: Observer, before: int, total: int, quiet: bool) -> None:
        self._observer, self._before, self._total, self._quiet = observer, before, total, quiet

    def say(self, text: str) -> None:
        if not self._quiet or text.startswith("Compiling"):
            self._observer.say(text)

    def reference(self, share: float) -> None:
        if not self._quiet:
            self._observer.reference(share)

    def pixels(self, field: Any, done: int, total: int) -> None:
        self._observer.part("keyframes", self._before + done, self._total)

    def stopped(self) -> bool:
        return self._observer.stopped()


def _compute(
    keyframes: Keyframes, given: bool, jobs: int, facts: dict[str, Any], observer: Observer, client: Any
) -> None:
    """Compute the missing keyframes, deepest first: its reference serves all others."""
    keyframes.folder.mkdir(exist_ok=True, parents=True)
    count = keyframes.descent.count
    states = [keyframes.state(k) for k in range(count)]
    if given:
        for k, state in enumerate(states):
            if state != "done":
                raise InputError(f"--from-data: {keyframes.path(k)} is cut short, or does not belong with the others.")
        return
    keyframes.remove_others()
    clear_abandoned(keyframes.folder)
    if states.count("done"):
        observer.say(f"{states.count('done'):,} of {count:,} keyframes are done.")
    if states.count("other"):
        observer.say(
            f"{states.count('other'):,} keyframes are cut short, belong to another film or were checked less; they will"
            " be computed again."
        )
    sizes = [int(np.count_nonzero(keyframes.descent.new(k))) if states[k] != "done" else 0 for k in range(count)]
    total, before, others = sum(sizes), 0, facts["pixels"]
    left = [k for k in reversed(range(count)) if states[k] != "done"]
    here = left if client is None else left[:1]
    with ThreadPoolExecutor(1) as writer:  # compressing takes a quarter as long as the pixels
        writing: Future[None] | None = None
        for k in here:
            field = keyframes.compute(k, jobs, _Counted(observer, before, total, before > 0))
            if writing is not None:
                writing.result()
            if field is None:
                raise Stopped
            writing = writer.submit(keyframes.keep, k, field)
            before += sizes[k]
            facts["pixels"] = others + before
        if writing is not None:
            writing.result()
    if left[len(here) :]:
        from . import cluster

        for k in cluster.compute(client, keyframes, left[len(here) :], observer):
            before += sizes[k]
            facts["pixels"] = others + before
            observer.part("keyframes", before, total)


def _write_strip(keyframes: Keyframes, path: Path, observer: Observer) -> None:
    def told(done: int, total: int) -> None:
        observer.part("exponential map", done, total)
        if observer.stopped():
            raise Stopped

    write_png(path, expmap(keyframes, told=told), keyframes.descent.scene)


def _write_raw(keyframes: Keyframes, folder: Path, observer: Observer) -> None:
    octaves, done = RawOctaves(keyframes), 0

    def told() -> None:
        nonlocal done
        done += 1
        observer.part("raw data", done, octaves.count * octaves.size[1])
        if observer.stopped():
            raise Stopped

    folder.mkdir(exist_ok=True)
    clear_abandoned(folder)
    for number in range(octaves.count):
        octaves.write(folder, number, told)


def _write_frames(frames: Frames, missing: list[int], target: Target, jobs: int, observer: Observer) -> None:
    film = frames.film
    numbers = list(range(film.frames)) if target.is_video else missing

    def counted(made: Iterator[Any]) -> Iterator[Any]:
        done = 0
        for item in made:
            yield item
            done += 1
            observer.part("frames", done, len(numbers))
        if done < len(numbers):
            raise Stopped

    if target.is_video:
        comment = film.scene(film.frames - 1).to_toml()
        pictures: Iterator[NDArray[np.float64]] = counted(in_order(frames.rgb, numbers, jobs, observer.stopped))
        clear_abandoned(target.out.parent, of=target.out.name)
        write_video(target.out, pictures, (film.width, film.height), target.fps, target.codec, comment)
        return
    for _ in counted(in_order(lambda n: frames.write(target.out, n), numbers, jobs, observer.stopped)):
        pass
