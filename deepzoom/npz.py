"""Reads the arrays of .npz files."""

from __future__ import annotations

import io
import threading
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

BROKEN = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""The errors that a damaged file, or one that is not an .npz file, can raise."""

_PARSING = threading.Lock()
"""NumPy parses the header of an array with ast. Before Python 3.11.8, two threads that do so at once can raise
SystemError (python/cpython#106905).
"""


def read_arrays(source: str | Path | IO[bytes], only: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a file, by name; only: of these names.

    Raises one of ``BROKEN`` if it is missing, damaged or not an .npz file.
    """
    found = {}
    with zipfile.ZipFile(source) as archive:  # reads whole entries at once; np.load reads them in small pieces
        for name in archive.namelist():
            if only is not None and name.removesuffix(".npy") not in only:
                continue
            data = io.BytesIO(archive.read(name))
            with _PARSING:
                found[name.removesuffix(".npy")] = np.lib.format.read_array(data, allow_pickle=False)
    return found
