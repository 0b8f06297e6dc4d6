"""Large arrays in temporary files, mapped into memory: the system reads what is needed, and takes the rest back."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

LARGE = 1 << 23
"""Bytes from which an array is in a file."""


class Growing:
    """An array that grows at its end. Once it is ``LARGE``, it is in a file that no other process sees.

    The file is in a folder, and is gone when nothing uses it. If the folder cannot be written to, the array is in
    memory. An item is a number or a row of numbers, of the first items' dtype and shape.
    """

    def __init__(self, folder: Path) -> None:
        self._parts, self._bytes = list[NDArray[Any]](), 0
        self._folder: Path | None = folder  # None where it was of no use
        self._file: IO[bytes] | None = None

    def extend(self, items: NDArray[Any]) -> None:
        """Add items. Raises OSError if the disk is full."""
        self._parts.append(items)
        self._bytes += items.nbytes
        if self._file is not None or self._bytes >= LARGE:
            self._move()

    def _move(self) -> None:
        """Move what is in memory to the file."""
        if self._folder is not None and self._file is None:
            folder, self._folder = self._folder, None
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
                self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 as long as the array
                weakref.finalize(self, self._file.close)  # an array may be given up, such as one of a broken file
        if self._file is not None:
            for part in self._parts:
                self._file.write(part.tobytes())
            self._parts = [self._parts[0][:0]]

    def array(self) -> NDArray[Any]:
        """All items. Nothing can be added afterwards, and changes to them stay in memory."""
        if self._file is None:
            return self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        self._move()
        self._file.flush()
        first = self._parts[0]
        with self._file as file:
            values = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), dtype=first.dtype)
        return values.reshape(-1, *first.shape[1:])


def release(*arrays: NDArray[Any]) -> None:
    """Give the memory of arrays in files back to the system; it reads them again when they are used.

    Call it only for arrays that have not been changed.
    """
    for array in arrays:
        base: Any = array
        while isinstance(base, np.ndarray):
            base = base.base
        base = base.obj if isinstance(base, memoryview) else base
        if isinstance(base, mmap.mmap) and os.name == "posix":
            base.madvise(mmap.MADV_DONTNEED)
