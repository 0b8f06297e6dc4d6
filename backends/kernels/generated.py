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
from deepzoom.formula.expression import Complex

_HERE = Path(__file__).parent
_LOOPS = ("tree.py", "escape_time.py", "perturbed.py", "far.py")
_REPLACED = re.compile(
    r"from (__future__|deepzoom\.backends\.kernels\.(formula|series_skips|escape_time|perturbed)) import (\([^)]*\)|[^\n]*)\n"
)
_USED = """\
from math import cos, exp, inf, sin, sqrt

from deepzoom.backends.kernels.scaled import *
from deepzoom.backends.kernels.taylor import *
from deepzoom.backends.kernels.wide import *
from deepzoom.compiled import inner
"""
"""What generated code is made of."""


def text_of(f: Complex, title: str) -> str:
    """The module's source."""
    parts = ("series_skips.py" if source.is_holomorphic(f) else "linear_skips.py", *_LOOPS)
    rest = "\n\n".join(_REPLACED.sub("", (_HERE / part).read_text(encoding="utf-8")) for part in parts)
    code = source.module(f).replace("@inline", "@inner")
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
