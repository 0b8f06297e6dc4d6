"""A field: the result of every pixel of a scene, without colours, and its data file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.errors import InputError
from deepzoom.files import check_input, whole_file
from deepzoom.npz import BROKEN, read_arrays
from deepzoom.scene.colours import ORBITS, PERIOD
from deepzoom.scene.scene import Scene

if TYPE_CHECKING:
    import xarray

    from deepzoom.backends.base import ReadOut

PASSES = (16, 8, 4, 2, 1)
"""Coarse to fine: first the pixels whose row and column are multiples of 16, then of 8, and so on."""

_CHANNELS: dict[str, Any] = {"measure": np.float64, "fate": np.int8, "trust": np.int8, "done": np.bool_}
_ATTRACTOR: dict[str, Any] = {"attractor": np.int16}
_ESCAPE_TIME: dict[str, Any] = {**_CHANNELS, "iterations": np.int64, **_ATTRACTOR}
_COURSE: dict[str, Any] = {"lyapunov": np.float64, "loss": np.float64, "best_step": np.int32, "output": np.float64}
_ORBITS: dict[str, Any] = dict.fromkeys(ORBITS.values(), np.float64)
_TO_BORDER: dict[str, Any] = {"distance": np.float64, "direction": np.float32, "phase": np.float32}
_OPTIONAL: dict[str, Any] = {**_TO_BORDER, "rung": np.int8, "horizon": np.int32, **_COURSE, **_ORBITS, PERIOD: np.int64}
_LATER = ("rung", "horizon", *_COURSE, *_ORBITS, PERIOD)
"""Channels that do not come with a pixel's read-out."""
_OF_SAMPLES = "sample_"
_LARGEST_SHOWN = 1024
"""Pixels of a side of what a notebook shows, as it holds all pictures itself."""


@dataclass
class Field:
    """The read-outs of a scene: arrays (height, width), row 0 at the top.

    measure float64: the signed convergence measure; for escape-time systems the smooth count, -1 where there is none.
    fate int8: -1 converged, +1 diverged, 0 undecided. trust int8: 1 settled, 0 unchecked, -1 not settled. done bool.
    For escape-time systems also iterations int64 (0: the limit was reached) and attractor int16 (from 1 on; 0: none).
    Trainings whose basins have numbers have attractor too: the basin of a converged run.

    distance float64: estimated distance from the pixel to the set's border, in pixels. direction float32: away from the
    border, in turns counter-clockwise from x, in the plane. phase float32: the angle of the last iterate, in turns. All
    three are -1 where there is none, and None if the backend gives no distances.

    rung int8: how often a pixel was run again, each time with more digits; None if no pixel was to be repaired. horizon
    int32: the step at which float64 lost the pixel; the scene's steps if it did not, -1 if not known; None if not asked
    for. made: how the pixels were obtained.

    Of the course of training runs, None if not asked for: lyapunov float64: the finite-time exponent; loss float64: the
    last finite one; best_step int32: the step with the lowest loss; output float64: for the probe input, if the
    training has one. NaN (best_step -1) where not known.

    Of whole orbits that escape, float64, NaN where not known, None if not asked for (docs/colouring.md): stripe
    and triangle, averages; trap_point, trap_line, trap_circle, distances. period int64: of the attracting cycle that an
    orbit without an end is drawn to; 0 where none is proven, -1 where not looked for; None if not asked for.

    sampled int64 (M,): flat numbers, in order, of the pixels that get the scene's samples; None until they are chosen.
    samples: the read-outs of these samples as a field of arrays (M, samples - 1), without the first sample of each,
    which is the pixel itself.
    """

    scene: Scene
    measure: NDArray[np.float64]
    fate: NDArray[np.int8]
    trust: NDArray[np.int8]
    done: NDArray[np.bool_]
    made: dict[str, Any] = field(default_factory=dict)
    iterations: NDArray[np.int64] | None = None
    attractor: NDArray[np.int16] | None = None
    distance: NDArray[np.float64] | None = None
    direction: NDArray[np.float32] | None = None
    phase: NDArray[np.float32] | None = None
    rung: NDArray[np.int8] | None = None
    horizon: NDArray[np.int32] | None = None
    lyapunov: NDArray[np.float64] | None = None
    loss: NDArray[np.float64] | None = None
    best_step: NDArray[np.int32] | None = None
    output: NDArray[np.float64] | None = None
    stripe: NDArray[np.float64] | None = None
    triangle: NDArray[np.float64] | None = None
    trap_point: NDArray[np.float64] | None = None
    trap_line: NDArray[np.float64] | None = None
    trap_circle: NDArray[np.float64] | None = None
    period: NDArray[np.int64] | None = None
    sampled: NDArray[np.int64] | None = None
    samples: Field | None = None
    excess: NDArray[np.float64] | None = None
    """As of ``ReadOut``, of first runs, for their second runs; inf where not known. A data file has none."""

    @classmethod
    def empty(cls, scene: Scene, shape: tuple[int, int] | None = None) -> Field:
        """A field with nothing done. shape: of its arrays, if other than (height, width)."""
        shape = shape or (scene.view.height, scene.view.width)
        kinds = _ESCAPE_TIME if systems.is_escape_time(scene.system) else _CHANNELS
        if systems.is_labelled(scene.system):
            kinds = kinds | _ATTRACTOR
        arrays: dict[str, Any] = {name: np.zeros(shape, kind) for name, kind in kinds.items()}
        return cls(scene, **arrays)

    def save(self, path: str | Path, packed: bool = False) -> None:
        """Write the data file (.npz): the arrays, ``scene`` (TOML text) and ``made`` (JSON text).

        packed: compressed, which takes longer.
        """
        arrays: dict[str, Any] = {name: getattr(self, name) for name in self.channels}
        if self.samples is not None:
            arrays["sampled"] = self.sampled
            arrays |= {_OF_SAMPLES + name: getattr(self.samples, name) for name in self.samples.channels}
        with whole_file(path) as file:
            texts = {"scene": np.array(self.scene.to_toml()), "made": np.array(json.dumps(self.made))}
            write: Any = np.savez_compressed if packed else np.savez
            write(file, **arrays, **texts)

    @classmethod
    def load(cls, path: str | Path, option: str = "FILE") -> Field:
        """Read a data file. Raises InputError, naming ``option``, if it is missing, cut short or of another kind."""
        check_input(path, option)
        try:
            found = read_arrays(path)
        except BROKEN:
            raise InputError(
                f"{option}: {path} is not a data file of deepzoom, or it is cut short;"
                " 'deepzoom render --data FILE.npz' writes one."
            ) from None
        if "scene" not in found:
            raise InputError(f"{option}: {path} is not a data file of deepzoom: it lacks 'scene'.")
        scene = Scene.from_toml(str(found["scene"]), f"{option}: {path}")
        read = _Reader(found, scene, f"{option}: {path}")
        channels = read.channels("", (scene.view.height, scene.view.width))
        if "sampled" in found:
            sampled = read.array("sampled", np.int64, found["sampled"].shape[:1])
            in_order = bool(np.all(np.diff(sampled) > 0) and np.all((sampled >= 0) & (sampled < scene.view.pixels)))
            if not in_order or scene.view.samples == 1:
                raise InputError(f"{option}: {path}: the array 'sampled' does not fit the scene.")
            shape = len(sampled), scene.view.samples - 1
            channels |= {"sampled": sampled, "samples": cls(scene, **read.channels(_OF_SAMPLES, shape))}
        try:
            made = json.loads(str(found["made"])) if "made" in found else {}
        except ValueError:
            made = None
        if not isinstance(made, dict):
            raise InputError(f"{option}: {path} is not a data file of deepzoom: 'made' is not a JSON object.")
        return cls(scene, **channels, made=made)

    def make_room_to_border(self, wanted: bool) -> None:
        """Give the field empty distances, directions and phases, or none."""
        for name, kind in _TO_BORDER.items():
            setattr(self, name, np.full(self.done.shape, -1.0, kind) if wanted else None)

    @property
    def channels(self) -> list[str]:
        """The names of the arrays that this field has."""
        return [name for name in (*_ESCAPE_TIME, *_OPTIONAL) if getattr(self, name) is not None]

    def known(self, channel: str) -> NDArray[Any]:
        """The values (n,) of a channel for everything done: pixels, then their samples."""
        own = getattr(self, channel)[self.done]
        return own if self.samples is None else np.concatenate([own, self.samples.known(channel)])

    def shown(self, channel: str = "measure", at: Any = ...) -> NDArray[np.float64]:
        """A channel whose missing pixels are filled in from the coarser grid; NaN where that is missing too.

        at: an index that selects some of the pixels; the result has only these.
        """
        values = getattr(self, channel)
        if self.done.all():
            return np.array(values[at], dtype=np.float64)
        numbers = (np.arange(n) for n in self.done.shape)
        rows, columns = (np.broadcast_to(n, self.done.shape)[at] for n in np.ix_(*numbers))
        result = np.full(rows.shape, np.nan)
        for stride in PASSES:
            r, c = rows // stride * stride, columns // stride * stride
            result = np.where(self.done[r, c], values[r, c], result)
        return result

    def to_xarray(self) -> xarray.Dataset:
        """The field as a dataset with coordinates and units, which shares its arrays; docs/fields.md describes it.

        Raises InputError if xarray is not installed.
        """
        from deepzoom.exporting.dataset import to_xarray

        return to_xarray(self)

    def _repr_png_(self) -> bytes:
        """The picture in the scene's colours, which Jupyter shows; of a large field, every second row and so on."""
        from deepzoom.colouring.colour import coloured
        from deepzoom.pictures.png import png_bytes

        stride = -(-max(self.done.shape) // _LARGEST_SHOWN)
        return png_bytes(coloured(self, at=np.s_[::stride, ::stride] if stride > 1 else ...), self.scene)


@dataclass(frozen=True)
class _Reader:
    """Takes arrays from a file, and checks that they have the size and type that its scene needs."""

    found: dict[str, NDArray[Any]]
    scene: Scene
    where: str

    def channels(self, prefix: str, shape: tuple[int, ...]) -> dict[str, Any]:
        """The channels of a field. prefix: of their names in the file. Raises InputError if one is missing."""
        counts = systems.is_escape_time(self.scene.system)
        if systems.is_own(self.scene.system):  # only the file with the system would say whether it is a map
            counts = "iterations" in self.found
        optional = {name: kind for name, kind in {**_ATTRACTOR, **_OPTIONAL}.items() if prefix + name in self.found}
        kinds = {**(_ESCAPE_TIME if counts else _CHANNELS), **optional}
        missing = sorted(prefix + name for name in kinds if prefix + name not in self.found)
        if missing:
            raise InputError(f"{self.where} is not a data file of deepzoom: it lacks {missing[0]!r}.")
        return {name: self.array(prefix + name, kind, shape) for name, kind in kinds.items()}

    def array(self, name: str, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """One array. Raises InputError if it has another shape or type."""
        array = self.found[name]
        if array.shape != shape or array.dtype != kind:
            raise InputError(f"{self.where}: {name} does not have the size and type that its scene needs.")
        return array


def put(field: Field, pixels: NDArray[np.int64], out: ReadOut) -> None:
    """Put read-outs into a field, at flat pixel numbers. The field has distances only if all its pixels have them."""
    if out.distance is None or not field.done.any():
        field.make_room_to_border(out.distance is not None)
    for name in field.channels:
        if name in _LATER:
            continue
        values = True if name == "done" else getattr(out, name)
        getattr(field, name).ravel()[pixels] = values
    if out.excess is not None:
        if field.excess is None:
            field.excess = np.full(field.done.shape, np.inf)
        field.excess.ravel()[pixels] = out.excess
