"""Reading the arrays of .npz files."""

from __future__ import annotations

import io
import threading
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

BROKEN = (
    *(OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What is raised where an .npz file is none, or damaged."""

_PARSING = threading.Lock()
"""NumPy parses an array's header with ast, which Python before 3.11.8 must not do in two threads at once: now and then
it raises SystemError (python/cpython#106905).
"""


def read_arrays(source: str | Path | IO[bytes]) -> dict[str, NDArray[Any]]:
    """The arrays of a file by their names. Raises one of ``BROKEN`` where it is missing, damaged or no .npz file."""
    found = {}
    with zipfile.ZipFile(source) as archive:  # whole entries at once: np.load reads and checks them in small pieces
        for name in archive.namelist():
            data = io.BytesIO(archive.read(name))
            with _PARSING:
                found[name.removesuffix(".npy")] = np.lib.format.read_array(data, allow_pickle=False)
    return found
