"""The cache for reference runs and compiled kernels, in the user's cache folder.

An entry is written under a temporary name and then renamed. So it appears whole or not at all, even if a process is
killed or another one writes at the same time. An entry that cannot be read is deleted and made again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs
from numpy.typing import NDArray

from .npz import BROKEN, read_arrays, write_arrays

MOST_BYTES = 2 << 30
"""The most bytes of cached references; above that, those unused for longest are deleted."""

used: set[str] = set()
"""Keys of the references that this process has loaded or saved."""


def folder() -> Path:
    """The cache folder: ``$DEEPZOOM_CACHE``, else the platform's folder for caches."""
    chosen = os.environ.get("DEEPZOOM_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("deepzoom", appauthor=False)


def _references() -> Path:
    return folder() / "references"


def load(key: str) -> dict[str, NDArray[Any]] | None:
    """The arrays cached under a key, or None. Large ones are in files (``mapped.Growing``)."""
    path = _references() / f"{key}.npz"
    try:
        arrays = read_arrays(path, folder=folder())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except BROKEN:
        with suppress(OSError):
            path.unlink()
        return None
    with suppress(OSError):  # another user's file serves as well
        os.utime(path)
    used.add(key)
    return arrays


def save(key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Cache arrays under a key. If the cache folder cannot be written to, nothing is cached, and no error is raised."""
    try:
        _references().mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(suffix=".tmp", dir=_references())
        try:
            with os.fdopen(handle, "wb") as file:
                write_arrays(file, arrays)
            os.replace(temporary, _references() / f"{key}.npz")
            used.add(key)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _drop_oldest()
    except OSError:
        return


def _drop_oldest() -> None:
    entries = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in _references().glob("*.npz")), reverse=True)
    total = 0
    for _, size, path in entries:
        total += size
        if total > MOST_BYTES:
            path.unlink(missing_ok=True)


def contents() -> dict[str, tuple[int, int]]:
    """(files, bytes) for each kind: ``references`` and ``kernels``."""
    result = {}
    for kind in ("references", "kernels"):
        files = [p for p in (folder() / kind).rglob("*") if p.is_file()]
        result[kind] = (len(files), sum(p.stat().st_size for p in files))
    return result


def clear(kind: str) -> None:
    """Delete everything of a kind: ``references`` or ``kernels``."""
    shutil.rmtree(folder() / kind, ignore_errors=True)
