"""The kernels of one formula: generated code, skips and loops, in one module in the cache folder.

Numba keeps compiled code on disk only for functions in a file. The file is named after its contents: it is written
once, and serves all maps of the same formula, such as Julia sets and the Mandelbrot set.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from deepzoom.compiling import generated_module, machine_code
from deepzoom.formula import source
from deepzoom.formula.centred import Centred
from deepzoom.formula.differences import bounds, difference, double_difference, slopes, wide_step
from deepzoom.formula.real import ordered
from deepzoom.formula.rounding import cancels, lost, parts
from deepzoom.formula.taylor import least_exponent, taylor
from deepzoom.systems.escape_time import Iteration

from .skip_sizes import LINEAR, SERIES

_HERE = Path(__file__).parent
_LOOPS = (
    "skip_tree.py", "centred.py", "distance_estimate.py", "error_bound.py", "escape.py", "perturbation.py",
    "floatexp_step.py", "floatexp_perturbation.py",
)  # fmt: skip
_NOT_DOUBLE = ("exp", "sin", "cos")
"""Functions that double-double lacks."""
_REPLACED = re.compile(
    r"from (__future__|deepzoom\.backends\.kernels\.escape_time\."
    r"(formula_placeholder|series_skips|series_skip_radius|series_composition|series_first_step|centred|distance_estimate|"
    r"error_bound|escape|perturbation|floatexp_step))"
    r" import (\([^)]*\)|[^\n]*)\n"
)
_USED = """\
from math import cos, exp, inf, sin, sqrt

from deepzoom.backends.kernels.arithmetic.double_double import *
from deepzoom.backends.kernels.arithmetic.singular_value import *
from deepzoom.backends.kernels.escape_time.scaled_functions import *
from deepzoom.backends.kernels.escape_time.power_series import *
from deepzoom.backends.kernels.arithmetic.floatexp import *
from deepzoom.compiling.jit import inner
"""
"""What generated code imports."""
_LAUNCHED = ("run_", "share_")
_KERNEL = re.compile(r"^@kernel\(\)\ndef (\w+)\(", re.MULTILINE)
_SKIPS = {
    "series": "from deepzoom.backends.kernels.escape_time.series_skips import *\n"
    "from deepzoom.backends.kernels.escape_time.series_skip_radius import *\n"
    "from deepzoom.backends.kernels.escape_time.series_composition import *\n",
    "bilinear": "from deepzoom.backends.kernels.escape_time.bilinear_skips import *\n",
}


_KEEPING = (difference, wide_step, double_difference, slopes, bounds)
"""Makers of code that takes values computed in high precision. Near K there are no such values."""
_BRANCHES = {
    "value": ("zx, zy, cx, cy", "abs(zx) + abs(zy)"),
    "stretch": ("zx, zy, cx, cy", "abs(zx) + abs(zy)"),
    "parts": ("zx, zy, cx, cy", "abs(zx) + abs(zy)"),
    "lost": ("zx, zy, cx, cy", "abs(zx) + abs(zy)"),
    "tangent": ("zx, zy, cx, cy", "abs(zx) + abs(zy)"),
    "curvature": ("zx, zy, cx, cy", "abs(zx) + abs(zy)"),
    "taylor": ("zx, zy, cx, cy, w", "abs(zx) + abs(zy)"),
    "difference": (
        "Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i, s",
        "abs(Zx) + abs(Zy) + s * (abs(zx) + abs(zy))",
    ),
    "slopes": (
        "Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i, s",
        "abs(Zx) + abs(Zy) + s * (abs(zx) + abs(zy))",
    ),
    "bounds": (
        "Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i, s",
        "abs(Zx) + abs(Zy) + s * (abs(zx) + abs(zy))",
    ),
    "wide_step": (
        "Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i, M, E, j",
        "abs(narrowed(Zx)) + abs(narrowed(Zy)) + abs(narrowed(zx)) + abs(narrowed(zy))",
    ),
    "double_difference": (
        "Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i",
        "abs(Zx[0]) + abs(Zy[0]) + abs(zx[0]) + abs(zy[0])",
    ),
}
"""Functions with other code near K: their parameters, and the size that is below a radius there."""


def _function(make: Callable[..., str], map_: Centred) -> str:
    """The code of one function of a formula, with a branch near K where the map needs it."""
    far = make(map_.f)
    if map_.near is None:
        return f"\n@inner\n{far}"
    near = make(map_.near, keep=False) if make in _KEEPING else make(map_.near)
    name = make.__name__
    parameters, size = _BRANCHES[name]
    rows = ""
    if make is taylor:
        far, near = (text.replace("TAYLOR_ROWS", f"{kind}_ROWS") for text, kind in ((far, "FAR"), (near, "NEAR_K")))
        rows = "\n\nTAYLOR_ROWS = max(FAR_ROWS, NEAR_K_ROWS)\n"
    parts = (text.replace(f"def {name}(", f"def {name}_{kind}(") for text, kind in ((far, "far"), (near, "near")))
    code = "\n".join(f"\n@inner\n{text}" for text in parts)
    return (
        f"{code}\n\n@inner\ndef {name}({parameters}):\n    if {size} < {map_.radius!r}:\n"
        f"        return {name}_near({parameters})\n    return {name}_far({parameters})\n{rows}"
    )


def _constants(iteration: Iteration, distance: bool) -> str:
    """Constants of the map, as code; the loops are compiled with them."""
    lines = [f"STILL, TARGETS, DISTANCE = {iteration.still!r}, {bool(iteration.targets)!r}, {distance!r}"]
    rebase = [Fraction(p) - Fraction(k) for p, k in zip(iteration.critical, iteration.k, strict=True)]
    for name, values in (("K", iteration.k), ("R", rebase)):
        for axis, value in zip("XY", values, strict=True):
            lines.append(
                f"{name}{axis}, {name}{axis}_LESS = {float(value)!r}, {float(value - Fraction(float(value)))!r}"
            )
    f = iteration.centred.f
    lines.append(f"BEND, LEAST_EXPONENT = {source.constant_bend(f)!r}, {least_exponent(f)}")
    lines.append(f"CANCELS, CONFORMAL = {8.0 if cancels(f) else 1.0}, {source.is_conformal(f)!r}")
    lines.append(f"POLES = {any(node.op == '/' for node in ordered((f.re, f.im)))!r}\n")
    return "\n".join(lines)


def text_of(iteration: Iteration, distance: bool) -> str:
    """The source of a formula's module."""
    map_ = iteration.centred
    f = map_.f
    makers = [
        source.value, parts, lost, source.tangent, source.curvature, source.stretch, difference, wide_step, slopes,
        bounds,
    ]  # fmt: skip
    skips = "series" if source.is_holomorphic(f) else "bilinear"
    makers.append(taylor if skips == "series" else source.fold_distance)
    files = [f"{skips}_first_step.py", *_LOOPS]
    if not any(node.op in _NOT_DOUBLE for node in ordered((f.re, f.im))):
        makers, files = [*makers, double_difference], [*files, "double_double_perturbation.py"]
    code = _constants(iteration, distance)
    code += "\n".join(_function(make, map_) for make in makers)
    rest = "\n\n".join(_REPLACED.sub("", (_HERE / file).read_text(encoding="utf-8")) for file in files)
    return f"{_USED}{_SKIPS[skips]}{code}\n\n{rest}"


class Formula(ModuleType):
    """The module of a formula's kernels. It imports itself, and Numba, only when that is needed.

    Kernels whose machine code is on disk run without it (``deepzoom.compiling.machine_code``), and the sizes of skips
    are known without it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(generated_module.name_of("formula", text))
        self._text, self._lock = text, threading.Lock()
        self._module: ModuleType | None = None
        self.ROW, self.TOP = SERIES if _SKIPS["series"] in text else LINEAR
        for name in _KERNEL.findall(text):
            self.__dict__[name] = machine_code.Kernel(f"{self.__name__}.{name}", partial(self._own, name))

    def _loaded(self) -> ModuleType:
        with self._lock:
            if self._module is None:
                self._module = generated_module.imported("formula", self._text)
            return self._module

    def _own(self, name: str) -> Any:
        return getattr(self._loaded(), name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith(_LAUNCHED):  # all kernels were found in the text
            raise AttributeError(f"{self.__name__} has no kernel {name}")
        return self._own(name)


@lru_cache(maxsize=64)
def _formula(text: str) -> Formula:
    return Formula(text)


@lru_cache(maxsize=64)
def kernels(iteration: Iteration, distance: bool = False) -> Formula:
    """The kernels of a map; distance: whether they estimate distances."""
    return _formula(text_of(iteration, distance))
