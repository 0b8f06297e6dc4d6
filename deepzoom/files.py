"""Output files: whole or not at all, and never over an existing one unasked."""

from __future__ import annotations

import glob
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from .errors import InputError


def check_output(path: Path, option: str, force: bool) -> None:
    """Raise InputError where a file could not be written there: before anything is computed for it."""
    if path.is_dir():
        raise InputError(f"{option}: {path} is a folder; give a file name.")
    if path.exists() and not force:
        raise InputError(f"{option}: {path} exists; give another name, or --force to replace it.")
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{option}: there is no folder {folder}; make it first.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = (error.strerror or "no").lower()
        raise InputError(
            f"{option}: {path} cannot be written ({reason}); give a place where files can be made."
        ) from None


@contextmanager
def whole_file(path: str | Path) -> Iterator[IO[Any]]:
    """A binary file that appears under its name when the block ends well, and leaves nothing when it does not.

    An OSError names the file.
    """
    with whole_path(path) as temporary, open(temporary, "wb") as file:
        yield file


_UMASK = threading.Lock()
"""A process has one, which can only be read by changing it."""


@contextmanager
def whole_path(path: str | Path, suffix: str = ".tmp") -> Iterator[Path]:
    """As ``whole_file``, for what writes by name: that of a file beside it, which ends so."""
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with _UMASK:
            umask = os.umask(0)
            os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp gives none of the rights a new file would have
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


_ABANDONED_SECONDS = 600


def clear_abandoned(folder: Path, of: str | None = None) -> None:
    """Remove what a killed ``whole_path`` left in a folder; what another process may be writing is left alone.

    of: the file's name, in a folder that is not the project's own.
    """
    for path in folder.glob(".*.tmp" if of is None else f".{glob.escape(of)}.*.tmp*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()
