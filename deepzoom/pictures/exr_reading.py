"""Reads raw data in OpenEXR files, of deepzoom or of the programs named in ``exr.py``, back to fields."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.exchange import comments, fraktaler3, kalles_fraktaler
from deepzoom.exchange.place import OURS
from deepzoom.exchange.reading import of_comment
from deepzoom.files import check_input
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import MOST_PIXELS
from deepzoom.systems.escape_time import FAR

from .exr import BIAS, INSIDE, Arrays, check_package, offset, undirected


def read(path: Path, option: str = "FILE") -> Field:
    """The field of a file with raw data, as far as its channels go: ``iterations`` are those of the file's ``N``.

    Raises InputError, naming ``option``, for a file that is broken, or lacks a place or the channel ``N``.
    """
    check_package(option)
    where = f"{option}: {path}"
    check_input(path, option)
    found = comments.of_exr(path, where)
    if found is None:
        raise InputError(f"{where} carries no scene, and no place of Kalles Fraktaler or Fraktaler-3.")
    text, (width, height) = found
    if not 1 <= width * height <= MOST_PIXELS:
        raise InputError(f"{where} has {width}x{height} pixels; at most {MOST_PIXELS:,} are supported.")
    place = of_comment(text, (width, height), where, path.name)
    header, channels = _parts(path, where)
    scene = place.scene
    if (scene.view.width, scene.view.height) != (width, height):
        raise InputError(f"{where} has {width}x{height} pixels, but its scene {scene.view.width}x{scene.view.height}.")
    radius = FAR if place.program == OURS else _radius(text)
    return _field(scene, header, channels, radius, where)


def _parts(path: Path, where: str) -> tuple[Mapping[str, Any], Arrays]:
    """(attributes, arrays of channels) of a file."""
    import OpenEXR

    try:
        with _silent():
            file = OpenEXR.File(str(path), separate_channels=True)
            header, channels = file.header(), file.channels()
            return header, {name: channel.pixels for name, channel in channels.items()}
    except (RuntimeError, ValueError, TypeError, OSError):
        raise InputError(f"{where} is not an OpenEXR picture, or it is cut short.") from None


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what the library prints about a damaged file, beside the error that it raises, from the terminal.

    It prints to Python's standard output, and to the process's standard error.
    """
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _field(scene: Scene, header: Mapping[str, Any], channels: Arrays, radius: float, where: str) -> Field:
    """The field of some channels. radius: at which the file's orbits end."""
    field = Field.empty(scene)

    def channel(name: str, needed: bool = True) -> Any:
        if name not in channels and not needed:
            return np.zeros(field.done.shape)
        if name not in channels or channels[name].shape != field.done.shape:
            raise InputError(f"{where} has no channel {name} of the picture's size, which raw data need.")
        return np.nan_to_num(channels[name].astype(np.float64))

    attractor = np.clip(channel("attractor", False), 0, 32767).astype(np.int16)
    if field.attractor is not None:
        field.attractor = attractor
    field.trust = np.clip(np.rint(channel("trust", False)), -1, 1).astype(np.int8)
    if not systems.is_escape_time(scene.system):
        field.measure = channel("measure")
        field.done = ~np.isnan(channels["measure"])
        field.fate = np.sign(np.where(field.done, field.measure, 0.0)).astype(np.int8)
        return field
    inside = INSIDE * 2.0**32 + INSIDE if "N1" in channels else float(INSIDE)
    number = channel("N0") + channel("N1") * 2.0**32 if "N1" in channels else channel("N")
    field.done = (number != 0) | (channel("NF", False) != 0)
    ended = field.done & (number != inside)
    count = np.where(ended, number - _whole(header.get("IterationsBias", BIAS), f"{where}: IterationsBias"), 0.0)
    field.fate = np.where(ended, np.where(attractor > 0, -1, 1), 0).astype(np.int8)
    field.iterations = np.maximum(count, 0).astype(np.int64)
    smooth = count + channel("NF", False) - np.where(field.fate > 0, offset(scene, radius), 0.0)
    field.measure = np.where(ended, np.maximum(smooth, 0.0), np.where(field.done, -1.0, 0.0))
    if "DEX" in channels and "DEY" in channels:
        field.make_room_to_border(True)
        distance, direction = undirected(scene.view, channel("DEX") + 1j * channel("DEY"))
        field.distance, field.direction = distance, direction.astype(np.float32)
        field.phase = np.where(ended, channel("T", False), -1.0).astype(np.float32)
    return field


def _whole(value: object, where: str) -> float:
    """A whole number that a program writes as a number or, if it is large, as text."""
    text = str(value) if isinstance(value, (int, float, str)) else "no number"
    try:
        return float(int(text))
    except (ValueError, OverflowError):
        raise InputError(f"{where} is {text[:40]!r}, not a whole number.") from None


def _radius(text: str) -> float:
    """The bailout radius that a place of another program says; at least 2."""
    keys = kalles_fraktaler.keys_of(text)
    if kalles_fraktaler.is_place(keys):
        preset = keys.get("BailoutRadiusPreset", "0")
        radius = 1e4 if preset == "0" else kalles_fraktaler.float_of(keys.get("BailoutRadiusCustom", ""))
        return radius if radius is not None and 2 < radius < inf and preset in ("0", "3") else 2.0
    square = kalles_fraktaler.float_of(str(fraktaler3.toml(text, "").get("bailout", {}).get("escape_radius", 625)))
    return math.sqrt(square) if square is not None and 4 < square < inf else 2.0
