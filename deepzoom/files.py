"""Output files: they appear whole or not at all, and replace an existing file only if the user says so."""

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


def check_input(path: str | Path, option: str) -> None:
    """Raise InputError if there is no such file, or if it is a folder."""
    if Path(path).is_dir():
        raise InputError(f"{option}: {path} is a folder; give a file.")
    if not Path(path).exists():
        raise InputError(f"{option}: there is no file {path}.")


def check_output(path: Path, option: str, force: bool) -> None:
    """Raise InputError if a file cannot be written there. Call it before anything is computed."""
    if path.is_dir():
        raise InputError(f"{option}: {path} is a folder; give a file name.")
    if path.exists() and not force:
        raise InputError(f"{option}: {path} exists; give another name, or --force to replace it.")
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{option}: there is no folder {folder}; create it first.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = (error.strerror or "no").lower()
        raise InputError(
            f"{option}: {path} cannot be written ({reason}); give a folder that you can write to."
        ) from None


@contextmanager
def whole_file(path: str | Path) -> Iterator[IO[Any]]:
    """A binary file that appears under its name if the block succeeds; if it fails, no file is left.

    An OSError names the file.
    """
    with whole_path(path) as temporary, open(temporary, "wb") as file:
        yield file


_UMASK = threading.Lock()
"""Guards the umask: a process has only one, and can read it only by changing it."""


@contextmanager
def whole_path(path: str | Path, suffix: str = ".tmp") -> Iterator[Path]:
    """Like ``whole_file``, but gives the name of a temporary file in the same folder; suffix: of that name."""
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with _UMASK:
            umask = os.umask(0)
            os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name):
            raise OSError(error.errno, error.strerror or str(error), str(path)) from error
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives the name of a folder to make, which replaces ``path`` if the block succeeds; if it fails, none is left."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent) as room:
        made, before = Path(room, "made"), Path(room, "before")
        yield made
        if path.exists():
            os.replace(path, before)
        try:
            os.replace(made, path)
        except BaseException:
            if before.exists():
                os.replace(before, path)
            raise


_ABANDONED_SECONDS = 600


def checkpoint_path(path: Path, resume: bool, force: bool, there: str) -> Path:
    """A checkpoint's path below ``landmarks.folder()``, in a folder that is made and can be written to.

    Raises InputError where it cannot, or, with the text ``there``, where a checkpoint is there and the user neither
    resumes it nor starts over; ``force`` removes it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"DEEPZOOM_DATA: {path.parent} cannot be created ({(error.strerror or 'no').lower()}); give a folder that"
            " you can write to."
        ) from None
    check_output(path, "DEEPZOOM_DATA", force=True)
    clear_abandoned(path.parent)
    if path.exists() and not resume:
        if not force:
            raise InputError(there)
        path.unlink()
    return path


def clear_abandoned(folder: Path, of: str | None = None) -> None:
    """Delete temporary files that a killed ``whole_path`` has left in a folder, but not those that may be in use.

    of: delete only those of this file; needed in a folder that has other files too.
    """
    for path in folder.glob(".*.tmp" if of is None else f".{glob.escape(of)}.*.tmp*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()
