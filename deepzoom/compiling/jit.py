"""Compiles kernels with Numba, and caches the compiled code in deepzoom's own cache folder.

Numba notices a change in a function's own file, but not in the files that it calls into. So the folder's name contains
a hash of all kernel files: a change in any of them starts a new, empty folder.

Numba is imported only to compile, or to call a kernel that only Numba can call, because the import takes a quarter of a
second, and half as long again before anything is loaded. A warm render of a map does not need it
(``machine_code.py``).
"""

from __future__ import annotations

import hashlib
import inspect
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deepzoom import cache


@lru_cache(maxsize=8)
def source_digest(*patterns: str) -> str:
    """A hash of the contents of this package's files that match. Everything cached on disk has it in its key.

    Raises ValueError if a pattern matches no file: a file that moved must not leave the keys of what it makes.
    """
    here = Path(__file__).parents[1]
    found = {pattern: list(here.glob(pattern)) for pattern in patterns}
    for pattern, paths in found.items():
        if not paths:
            raise ValueError(f"no file of the package matches {pattern}")
    digest = hashlib.sha256()
    for path in sorted(p for paths in found.values() for p in paths):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def folder() -> Path:
    """The folder for kernels compiled from exactly this source by this version of Numba."""
    source = source_digest("arithmetic/*.py", "backends/kernels/**/*.py", "compiling/*.py")
    return cache.folder() / "kernels" / f"{source}-numba{_numba_version()}"


@lru_cache(maxsize=1)
def _numba_version() -> str:
    return version("numba")


def inner(function: Callable[..., Any]) -> Any:
    """Decorator for a routine that only kernels call, which is a part of them (``parts.py``).

    A routine that is made inside a function needs its own ``__qualname__``. Cached kernels refer to a routine by this
    name and by a number that counts what their process compiled; if a third process loads kernels from two others, two
    routines of equal name and number could be mixed up. Raises ValueError for a routine without its own name.
    """
    from .parts import PartCompiler

    return _part(function, PartCompiler)


def late_inner(function: Callable[..., Any]) -> Any:
    """The same for long code: it is optimised only in the kernel, which takes less time to compile."""
    from .parts import LatePartCompiler

    return _part(function, LatePartCompiler)


def direct_inner(function: Callable[..., Any]) -> Any:
    """The same for long code that only loops, assigns and calls; annotated with what it returns (``direct.py``)."""
    from .direct import DirectCompiler

    return _part(function, DirectCompiler)


def within(function: Callable[..., Any]) -> Any:
    """``inner`` for a routine that becomes a part of its callers: calls with many arrays take long."""
    from .parts import PartCompiler

    return _part(function, PartCompiler, forceinline=True)


def _part(function: Callable[..., Any], compiler: type, **options: Any) -> Any:
    import numba

    if "<locals>" in function.__qualname__:
        raise ValueError(f"{function.__qualname__}: a compiled routine needs a __qualname__ of its own")
    return numba.njit(
        error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=compiler, **options
    )(function)


def implemented(routine: Callable[..., Any], kind: type, function: Callable[..., Any]) -> None:
    """Make kernels run ``function`` where they call ``routine`` with a named tuple of class ``kind`` as last argument.

    Both take arguments of the same names. ``function`` must not be a closure (see ``inner``).
    """
    from numba.extending import overload

    def chosen(*types: Any) -> Any:
        return function if getattr(types[-1], "instance_class", None) is kind else None

    chosen.__signature__ = inspect.signature(routine)  # type: ignore[attr-defined]
    overload(routine, jit_options={"error_model": "numpy"})(chosen)


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: compile at the first call, release the GIL, divide as NumPy does, and cache the code on disk."""
    import numba

    def compile_later(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
        return _cached(dispatcher, numba.config.CACHE_DIR or str(folder()))

    return compile_later


def gpu_kernel(kernel: Any, registers: int | None) -> Any:
    """The same kernel for GPUs, as a dispatcher of numba.cuda: compiled on demand and cached on disk.

    registers: the most per thread; None for as many as needed. It is part of the folder's name, because Numba's cache
    ignores it.
    """
    from numba import cuda

    which = f"gpu-{registers or 'all'}-{version('numba-cuda')}"
    return _cached(cuda.jit(kernel.py_func, max_registers=registers), str(folder() / which))


def _cached(dispatcher: Any, where: str) -> Any:
    """The dispatcher, which from now on caches its code in a folder, if that is possible.

    Code that cannot be written or read there, for example because the disk is full, is compiled again, and no error is
    raised.

    The files that a process caches get names of their own. Numba numbers the files of a kernel's signatures by an index
    that it has read before. If two processes cache two signatures at the same moment, one would later find the other's
    machine code under its own number.
    """
    import numba

    from . import ahead

    if not _writable():
        return dispatcher
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = where
    try:
        dispatcher.enable_caching()
    except RuntimeError:  # no folder can be made there, or the kernel's own file could not be
        return dispatcher
    finally:
        numba.config.CACHE_DIR = before
    kept = dispatcher._cache
    load, save = _forgiving(kept.load_overload), _forgiving(kept.save_overload)

    def load_when_there(*arguments: Any) -> Any:
        ahead.wait_for(dispatcher)
        return load(*arguments)

    kept.load_overload, kept.save_overload = load_when_there, save
    kept._cache_file._data_name_pattern = kept._cache_file._data_name_pattern.replace("{", f"{uuid.uuid4().hex[:8]}-{{")
    return dispatcher


def _forgiving(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, which returns None where it raises OSError."""

    def forgiving(*arguments: Any) -> Any:
        with suppress(OSError):
            return call(*arguments)
        return None

    return forgiving


@lru_cache(maxsize=1)
def _writable() -> bool:
    try:
        folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder(), os.W_OK)


def ready(what: str) -> bool:
    """Whether these kernels are marked as compiled for this kind of processor."""
    return os.path.exists(_mark(what))  # unlike Path.exists, raises nothing in a folder that cannot be read


def mark_ready(what: str) -> None:
    """Mark kernels as compiled; a folder that cannot be written to is not an error."""
    try:
        _mark(what).parent.mkdir(parents=True, exist_ok=True)
        _mark(what).touch()
    except OSError:
        return


def _mark(what: str) -> Path:
    import llvmlite.binding

    return folder() / f"{what}-{llvmlite.binding.get_host_cpu_name()}.ready"
