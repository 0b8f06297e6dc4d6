"""Kernels of one formula: its generated code, its kind of skips and its loops in one module in the cache folder.

Numba keeps compiled code only of functions that stand in a file. The file is named after its contents, so that it is
written once; it begins with its formula, and can be read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from deepzoom import compiled
from deepzoom.files import whole_file
from deepzoom.formula import source
from deepzoom.formula.differences import difference, double_difference, wide_difference
from deepzoom.formula.expression import Complex
from deepzoom.formula.real import ordered
from deepzoom.formula.taylor import taylor

_HERE = Path(__file__).parent
_LOOPS = ("tree.py", "escape_time.py", "perturbed.py", "far.py")
_NOT_DOUBLE = ("exp", "sin", "cos")
"""What double-double has not."""
_REPLACED = re.compile(
    r"from (__future__|deepzoom\.backends\.kernels\.(formula|series_skips|escape_time|perturbed))"
    r" import (\([^)]*\)|[^\n]*)\n"
)
_USED = """\
from math import cos, exp, inf, sin, sqrt

from deepzoom.backends.kernels.double import *
from deepzoom.backends.kernels.scaled import *
from deepzoom.backends.kernels.taylor import *
from deepzoom.backends.kernels.wide import *
from deepzoom.compiled import inner
"""
"""What generated code is made of."""


def text_of(f: Complex, title: str) -> str:
    """The module's source."""
    makers = [source.value, difference, wide_difference, source.stretch]
    if source.is_holomorphic(f):
        makers, parts = [*makers, taylor], ["series_skips.py", *_LOOPS]
    else:
        makers = [*makers, source.tangent, source.curvature, source.fold_distance]
        parts = ["linear_skips.py", *_LOOPS]
    if not any(node.op in _NOT_DOUBLE for node in ordered((f.re, f.im))):
        makers, parts = [*makers, double_difference], [*parts, "refined.py"]
    code = "\n".join(f"\n@inner\n{make(f)}" for make in makers)
    rest = "\n\n".join(_REPLACED.sub("", (_HERE / part).read_text(encoding="utf-8")) for part in parts)
    return f"# {title}\n\n{_USED}{code}\n\n{rest}"


@lru_cache(maxsize=64)
def _loaded(text: str) -> ModuleType:
    name = f"deepzoom_formula_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    folder = compiled.folder() / "formulas"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.py"
        if not path.exists():
            with whole_file(path) as file:
                file.write(text.encode())
    except OSError:  # nothing can be kept
        path = Path(tempfile.mkdtemp()) / f"{name}.py"
        path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def kernels(f: Complex, title: str) -> ModuleType:
    """The compiled kernels of a formula, with the functions of ``escape_time.py``."""
    return _loaded(text_of(f, title))
