"""Reads and writes the arrays of .npz files."""

from __future__ import annotations

import io
import math
import threading
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .mapped import LARGE, Growing, release

BROKEN = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""The errors that a damaged file, or one that is not an .npz file, can raise."""

_PARSING = threading.Lock()
"""NumPy parses the header of an array with ast. Before Python 3.11.8, two threads that do so at once can raise
SystemError (python/cpython#106905).
"""


def read_arrays(
    source: str | Path | IO[bytes], only: Collection[str] | None = None, folder: Path | None = None
) -> dict[str, NDArray[Any]]:
    """The arrays of a file, by name; only: of these names. folder: for ``Growing``, which large ones then are.

    Raises one of ``BROKEN`` if it is missing, damaged or not an .npz file.
    """
    found = {}
    with zipfile.ZipFile(source) as archive:  # reads whole entries at once; np.load reads them in small pieces
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if only is not None and name not in only:
                continue
            if folder is not None and entry.file_size >= LARGE:
                with archive.open(entry) as file:
                    found[name] = _read_in_parts(file, folder)
                continue
            data = io.BytesIO(archive.read(entry))
            with _PARSING:
                found[name] = np.lib.format.read_array(data, allow_pickle=False)
    return found


def _read_in_parts(file: IO[bytes], folder: Path) -> NDArray[Any]:
    with _PARSING:
        np.lib.format.read_magic(file)
        shape, turned, dtype = np.lib.format.read_array_header_1_0(file)
    shape = shape[::-1] if turned else shape
    items, row = Growing(folder), max(1, dtype.itemsize * math.prod(shape[1:]))
    items.extend(np.zeros((0, *shape[1:]), dtype=dtype))
    while part := file.read(max(1, LARGE // row) * row):
        items.extend(np.frombuffer(part, dtype=dtype).reshape(-1, *shape[1:]))
    found = items.array().reshape(shape)
    return found.T if turned else found


def write_arrays(file: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as ``np.savez`` does. Of those in files (``Growing``), only a part is in memory at any time."""
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                if array.nbytes < LARGE:
                    np.lib.format.write_array(entry, array, allow_pickle=False)
                    continue
                array = np.ascontiguousarray(array)
                np.lib.format.write_array_header_1_0(entry, np.lib.format.header_data_from_array_1_0(array))
                rows = max(1, LARGE * len(array) // array.nbytes)
                for first in range(0, len(array), rows):
                    entry.write(array[first : first + rows].tobytes())
                    release(array)
