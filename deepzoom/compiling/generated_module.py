"""Modules of generated code.

Numba caches compiled code on disk only for functions in a file. So each module is written to the cache folder, under a
name that a hash of its contents is part of: it is written once, and serves whatever has the same code.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from deepzoom.files import whole_file

from . import jit


def name_of(kind: str, text: str) -> str:
    """The name of the module with this text; kind: what it is generated for, such as ``formula``."""
    return f"deepzoom_{kind}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def imported(kind: str, text: str) -> ModuleType:
    """The module with this text, in a file that is written if it is not there.

    If no file can be written, the module is without one, and each process compiles its kernels anew.
    """
    name = name_of(kind, text)
    if name not in sys.modules:
        try:
            module = of_file(name, _written(kind, name, text))
        except OSError:
            module = ModuleType(name)
            exec(compile(text, f"<{name}>", "exec"), module.__dict__)
        sys.modules[name] = module
    return sys.modules[name]


def path_of(name: str) -> str | None:
    """The file of a generated module; None for other modules, which can be imported by name."""
    return sys.modules[name].__file__ if name.startswith("deepzoom_") else None


def of_file(name: str, path: Path) -> ModuleType:
    """The module in a file."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _written(kind: str, name: str, text: str) -> Path:
    path = jit.folder() / f"{kind}s" / f"{name}.py"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(text.encode())
    return path
