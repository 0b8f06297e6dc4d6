"""Raw data as OpenEXR files, in the channels of Kalles Fraktaler 2+, Fraktaler-3 and zoomasm; docs/exr.md defines them.

The definitions are those of Kalles Fraktaler (its manual, ``exr.cpp`` and ``fraktal_sft.cpp``), read for facts only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.exchange import writing
from deepzoom.exchange.comments import SCENE
from deepzoom.files import whole_path
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import FAR, EscapeTimeSystem
from deepzoom.systems.lyapunov import NAME as LYAPUNOV

BIAS, INSIDE = 1024, 2**32 - 1
"""``N`` is a count plus BIAS; INSIDE where there is none, 0 where nothing was computed."""
_MOST_INT = 2**31 - 1
_BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))
_CONVERGED, _DIVERGED = 0.75, 0.25
"""``T`` of trainings: on two sides of a half turn, where colourings by binary decomposition have their border."""
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Values:
    """What raw data are made from: arrays of one shape as a field has them; None for those that it does not have."""

    done: NDArray[np.bool_]
    measure: NDArray[np.float64]
    fate: NDArray[np.int8]
    attractor: NDArray[np.int16] | None = None
    trust: NDArray[np.int8] | None = None
    distance: NDArray[np.float64] | None = None
    direction: NDArray[np.float32] | None = None
    phase: NDArray[np.float32] | None = None


def joined(parts: Sequence[Values]) -> Values:
    """Values of some rows, one after the other."""
    columns = zip(*(vars(p).values() for p in parts), strict=True)
    return Values(*(None if c[0] is None else np.concatenate(c) for c in columns))  # type: ignore[arg-type]


def check_package(option: str) -> None:
    """Raise InputError if the package OpenEXR is not installed."""
    try:
        import OpenEXR  # noqa: F401
    except ImportError:
        raise InputError(
            f"{option}: .exr needs OpenEXR, which is not installed; python -m pip install 'deepzoom[exr]'."
        ) from None


def offset(scene: Scene, radius: float = FAR) -> float:
    """What turns the smooth count of an escaped orbit into a count with this bailout radius.

    Raises InputError if the scene's system is a file that was not loaded.
    """
    system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
    assert isinstance(system, EscapeTimeSystem)
    return math.log(math.log(radius) / math.log(2.0)) / math.log(system.iteration.mean_degree)


def channels(scene: Scene, values: Values) -> Arrays:
    """The channels of raw data: ``N``, ``NF`` and, where known, ``T``; then our own, from which ``colour`` reads back.

    Raises InputError as ``offset`` does.
    """
    found: Arrays = {}
    done, known = values.done, values.done
    if not systems.is_escape_time(scene.system):
        with np.errstate(over="ignore"):  # the largest float64 becomes infinity, and comes back from it
            found["measure"] = np.where(done, values.measure, np.nan).astype(np.float32)
        count = np.abs(values.measure)
        angle = np.where(values.fate < 0, _CONVERGED, _DIVERGED)
    else:
        known = done & (values.measure >= 0)
        count = values.measure + np.where(values.fate > 0, offset(scene), 0.0)
        angle = np.full(done.shape, -1.0) if values.phase is None else values.phase
    if scene.system != LYAPUNOV:
        whole, part = np.divmod(np.where(known, np.minimum(count, INSIDE - 1 - BIAS), 0.0), 1.0)
        outside = np.where(done, INSIDE, 0).astype(np.uint32)
        found["N"] = np.where(known, whole.astype(np.int64) + BIAS, outside).astype(np.uint32)
        found["NF"] = np.where(known, np.minimum(part.astype(np.float32), _BELOW_ONE), np.float32(0))
        if values.phase is not None or not systems.is_escape_time(scene.system):
            found["T"] = np.where(known & (angle >= 0) & (angle < 1), angle, 0.0).astype(np.float32)
    for name, kind in (("attractor", np.uint32), ("trust", np.float16)):
        if getattr(values, name) is not None:
            found[name] = np.where(done, getattr(values, name), 0).astype(kind)
    return found


def directed(view: View, distance: NDArray[Any], direction: NDArray[Any]) -> Arrays:
    """``DEX`` and ``DEY``: distances in pixels of the plane and directions (``Field``), as vectors in the picture.

    They are |z| log|z| / (g_x + i g_y), where g is the gradient of |z| from pixel to pixel, to the right and down.
    """
    angle = 2 * math.pi * np.asarray(direction, np.float64)
    plane = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    right, down = (plane @ column for column in across(view).T)
    vector = np.where(distance >= 0, distance, 0.0) / (right + 1j * down)
    return {"DEX": vector.real.astype(np.float32), "DEY": vector.imag.astype(np.float32)}


def undirected(view: View, vector: NDArray[np.complex128]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(distance, direction) that ``directed`` takes, from DEX + i DEY; -1 where that is 0."""
    known = vector != 0
    inverse = 1 / np.where(known, vector, 1)
    plane = np.linalg.solve(across(view).T, np.stack([inverse.real.ravel(), inverse.imag.ravel()]))
    distance, direction = (a.reshape(vector.shape) for a in (1 / np.hypot(*plane), np.arctan2(plane[1], plane[0])))
    return np.where(known, distance, -1.0), np.where(known, direction / (2 * math.pi) % 1.0, -1.0)


def across(view: View) -> NDArray[np.float64]:
    """The matrix (2, 2) from steps of a pixel to the right and down to steps in the plane, in pixels of the plane."""
    matrix = view.shape.matrix * [1.0, -1.0]
    return matrix * [1.0, -1.0] if view.flip else matrix


def attributes(scene: Scene, row: tuple[str, ...], found: Arrays, expmap: bool = False) -> dict[str, Any]:
    """The header: the scene, the limit and the bias, and, if they have the system, places of the two programs.

    row: the palette's colours. expmap: whether the picture is an octave of an exponential map, and so has no scene.
    """
    most = int(found["N"][found["N"] < INSIDE].max(initial=0)) - BIAS if "N" in found else 0
    limit = max(scene.steps, most + 1)
    header: dict[str, Any] = {"Iterations": limit if limit <= _MOST_INT else str(limit), "IterationsBias": BIAS}
    if not expmap:
        header[SCENE] = scene.to_toml()
    try:
        header["KallesFraktaler2+"] = writing.kfr(scene, row, FAR, expmap)[0]
        header["Fraktaler3"] = writing.f3_toml(scene, FAR, expmap)[0]
    except InputError:
        pass  # the programs do not have this system; the channels are all that they get
    return header


def write(path: Path, found: Arrays, rgb: NDArray[np.float64], header: Mapping[str, Any]) -> None:
    """Write a file, whole or not at all. rgb (height, width, 3): amounts of light, 0 to 1."""
    import OpenEXR

    colours = {name: rgb[..., k].astype(np.float16) for k, name in enumerate("RGB")}
    contiguous = {name: np.ascontiguousarray(values) for name, values in {**colours, **found}.items()}
    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with whole_path(path, ".tmp.exr") as temporary:
        OpenEXR.File({**header, **kind}, contiguous).write(str(temporary))
