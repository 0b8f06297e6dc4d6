"""Compiling kernels with Numba, and keeping what was compiled in deepzoom's own cache folder.

Numba notices a change of the file a function stands in, not of the files it calls into. The folder is therefore named
after the contents of all of them: any change of any kernel starts an empty one.

Numba is imported when something is to be compiled, or called that only Numba can call: it takes a quarter of a second,
and half as long again before it loads anything. A warm render of a map needs none of it (``machine_code.py``).
"""

from __future__ import annotations

import hashlib
import inspect
import os
import uuid
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deepzoom import cache


@lru_cache(maxsize=8)
def source_digest(*patterns: str) -> str:
    """Hash of the contents of this package's files that match: what is kept on disk and made by them carries it."""
    here = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(p for pattern in patterns for p in here.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def folder() -> Path:
    """Where compiled kernels of exactly this source, by this Numba, are kept."""
    source = source_digest("arithmetic/*.py", "backends/kernels/**/*.py")
    return cache.folder() / "kernels" / f"{source}-numba{_numba_version()}"


@lru_cache(maxsize=1)
def _numba_version() -> str:
    return version("numba")


def inner(function: Callable[..., Any]) -> Any:
    """Decorator for a routine that only kernels call; what Python would need to call it takes as long to compile.

    Of routines made in a function each needs a ``__qualname__`` of its own: kernels that are kept call them by it and
    by a number that counts what a process compiled, so that where kernels kept by two processes meet in a third, one
    such routine would stand in the place of another. Raises ValueError where it has none.
    """
    import numba

    if "<locals>" in function.__qualname__:
        raise ValueError(f"{function.__qualname__}: a compiled routine needs a __qualname__ of its own")
    return numba.njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def implemented(routine: Callable[..., Any], kind: type, function: Callable[..., Any]) -> None:
    """Let kernels that call ``routine`` with a named tuple of this class as its last argument run ``function``.

    Both take arguments of the same names; ``function`` is no closure (see ``inner``).
    """
    from numba.extending import overload

    def chosen(*types: Any) -> Any:
        return function if getattr(types[-1], "instance_class", None) is kind else None

    chosen.__signature__ = inspect.signature(routine)  # type: ignore[attr-defined]
    overload(routine, jit_options={"error_model": "numpy"})(chosen)


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: compile at the first call, without the GIL, with NumPy's division, and keep it on disk."""

    import numba

    def compile_later(function: Callable[..., Any]) -> Any:
        before = numba.config.CACHE_DIR
        try:
            numba.config.CACHE_DIR = before or str(folder())
            return _apart(numba.njit(nogil=True, cache=_writable(), error_model="numpy", **options)(function))
        finally:
            numba.config.CACHE_DIR = before

    return compile_later


def gpu_kernel(kernel: Any, registers: int | None) -> Any:
    """The same kernel for GPUs, a dispatcher of numba.cuda: compiled when asked to, and kept on disk.

    registers: of a thread at most, None for as many as it needs; in the folder's name, as Numba does not look at it.
    """
    import numba
    from numba import cuda

    before = numba.config.CACHE_DIR
    try:
        which = f"gpu-{registers or 'all'}-{version('numba-cuda')}"
        numba.config.CACHE_DIR = str(folder() / which)
        return _apart(cuda.jit(kernel.py_func, cache=_writable(), max_registers=registers))
    finally:
        numba.config.CACHE_DIR = before


def _apart(dispatcher: Any) -> Any:
    """Give what a process keeps names of its own.

    Numba numbers the files of a kernel's signatures by an index that it read before: of two processes that keep two
    signatures at the same moment, one would find the other's machine code under its own.
    """
    file = getattr(dispatcher._cache, "_cache_file", None)  # none where nothing is kept
    if file is not None:
        file._data_name_pattern = file._data_name_pattern.replace("{", f"{uuid.uuid4().hex[:8]}-{{")
    return dispatcher


@lru_cache(maxsize=1)
def _writable() -> bool:
    try:
        folder().mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder(), os.W_OK)


def ready(what: str) -> bool:
    """Whether kernels were marked as compiled on this kind of machine."""
    return _mark(what).exists()


def mark_ready(what: str) -> None:
    """Remember that kernels are compiled; an unwritable folder is no error."""
    try:
        _mark(what).parent.mkdir(parents=True, exist_ok=True)
        _mark(what).touch()
    except OSError:
        return


def _mark(what: str) -> Path:
    import llvmlite.binding

    return folder() / f"{what}-{llvmlite.binding.get_host_cpu_name()}.ready"
