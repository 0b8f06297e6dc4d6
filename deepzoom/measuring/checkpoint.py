"""The checkpoint of a measurement: one file with the strands that are done, written whole after each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import landmarks
from deepzoom.errors import InputError
from deepzoom.files import checkpoint_path, whole_file
from deepzoom.npz import BROKEN, read_arrays
from deepzoom.scene.scene import Scene

from .descent import Descent, Strand
from .pairs import Cells

_FORMAT = 3


def name_of(scene: Scene, descent: Descent) -> str:
    """The name of a measurement's file: the same for everything that the result depends on, and for nothing else."""
    facts = _FORMAT, scene.to_toml(), astuple(descent.distances), descent.pairs, descent.seed
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24] + ".npz"


def save(path: Path, descent: Descent) -> None:
    """Write the strands that are done. Raises OSError if the file cannot be written."""
    arrays: dict[str, NDArray[Any]] = {"seconds": np.array(descent.seconds)}
    for stage, strands in enumerate(descent.done):
        for number, strand in enumerate(strands):
            values = strand.shares, strand.counts, strand.parts.corners, strand.parts.weights, strand.parts.wanted
            arrays |= {f"{stage}-{number}-{name}": value for name, value in zip(_NAMES, values)}
    with whole_file(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


_NAMES = "shares", "counts", "corners", "weights", "wanted"


def load(path: Path, descent: Descent) -> None:
    """Give a measurement the strands that a file holds. Raises InputError if it is not a file of this version."""
    try:
        found = read_arrays(path)
        descent.seconds = float(found.pop("seconds"))
        stages = 1 + max((int(key.split("-")[0]) for key in found), default=-1)
        descent.done = []
        for stage in range(stages):
            count = sum(key.startswith(f"{stage}-") for key in found) // len(_NAMES)
            values = [[found[f"{stage}-{number}-{name}"] for name in _NAMES] for number in range(count)]
            descent.done.append([Strand(v[0], v[1], Cells(*v[2:])) for v in values])
    except BROKEN:
        raise InputError(
            f"--resume: {path} is not a measurement that this version can continue; start over with --force."
        ) from None


def path_of(scene: Scene, descent: Descent, resume: bool, force: bool) -> Path:
    """Where the checkpoint of a measurement lies, in a folder that can be written to.

    Raises InputError where there is one, and the user neither resumes it nor starts over.
    """
    there = "--resume: this measurement was stopped before; continue it with --resume, or start over with --force."
    return checkpoint_path(landmarks.folder() / "dimensions" / name_of(scene, descent), resume, force, there)
