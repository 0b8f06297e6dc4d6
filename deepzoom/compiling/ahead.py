"""Kernels that another process compiles, while this one does something else.

Numba compiles one function at a time in a process. So where a first render needs long kernels and other things first,
such as a reference run, another process compiles these kernels and caches them on disk. A call of such a kernel waits
until its code is there. If the other process cannot start, or ends early, the call compiles the kernel itself.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import generated_module

_coming: dict[tuple[str, str], Compilation] = {}
"""Who compiles a kernel, by its module and name."""


class Compilation:
    """A process that compiles some kernels, one after the other, and writes a line when each is done."""

    def __init__(self, process: subprocess.Popen[bytes], names: set[tuple[str, str]]) -> None:
        self._process, self._left = process, names
        self._lock = threading.Lock()

    def wait(self, name: tuple[str, str]) -> None:
        """Wait until a kernel is cached, or the process has ended."""
        assert self._process.stdout is not None
        with self._lock:
            while name in self._left:
                line = self._process.stdout.readline().decode().split()
                if len(line) == 2:
                    self._left.discard((line[0], line[1]))
                else:
                    self._left.clear()

    def end(self) -> None:
        """End the process, if it has not ended yet."""
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def compile_ahead(*calls: tuple[Any, tuple[Any, ...]]) -> None:
    """Let another process compile those of some kernels that are not cached yet, in this order.

    calls: each a kernel and arguments of the types that it will be called with. On a single processor this does
    nothing.
    """
    if _processors() < 2 or not sys.executable or getattr(sys, "frozen", False):
        return
    missing = [(kernel, arguments) for kernel, arguments in calls if _is_missing(kernel)]
    if not missing:
        return
    work = []
    for kernel, arguments in missing:
        module, name = _name(kernel)
        generated = generated_module.path_of(module)
        work.append((module, generated, name, tuple(map(kernel.typeof_pyval, arguments))))
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | own
        )
    except OSError:
        return
    names = {_name(kernel) for kernel, _ in missing}
    compilation = Compilation(process, set(names))
    atexit.register(compilation.end)
    _coming.update(dict.fromkeys(names, compilation))
    assert process.stdin is not None
    with suppress(OSError), process.stdin as given:  # a process that has ended already reads nothing
        given.write(pickle.dumps(work))


def _processors() -> int:
    return os.cpu_count() or 1


def wait_for(kernel: Any) -> None:
    """Wait until a kernel is cached, if another process compiles it."""
    if _name(kernel) in _coming:
        _coming[_name(kernel)].wait(_name(kernel))


def _name(kernel: Any) -> tuple[str, str]:
    return kernel.py_func.__module__, kernel.py_func.__name__


def _is_missing(kernel: Any) -> bool:
    """Whether a kernel can be cached, but is not; none that another process compiles already."""
    file = getattr(kernel._cache, "_cache_file", None)
    return file is not None and _name(kernel) not in _coming and not os.path.exists(file._index_path)


def main() -> None:
    """What the other process does: read from its input which kernels it is to compile.

    Ctrl-C reaches it too. It goes on, because the first process waits for a kernel that is begun, and ends this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module, path, name, kinds in pickle.load(sys.stdin.buffer):
        if path and module not in sys.modules:
            sys.modules[module] = generated_module.of_file(module, Path(path))
        getattr(importlib.import_module(module), name).compile(kinds)
        print(module, name, flush=True)
