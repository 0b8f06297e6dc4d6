"""The kernels of one formula: generated code, skips and loops, in one module in the cache folder.

Numba keeps compiled code on disk only for functions in a file. The file is named after its contents: it is written
once, and serves all maps of the same formula, such as Julia sets and the Mandelbrot set.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from deepzoom.compiling import generated_module, machine_code
from deepzoom.formula import source
from deepzoom.formula.centred import Centred
from deepzoom.formula.differences import bounds, difference, double_difference, double_step, slopes, wide_step
from deepzoom.formula.real import ordered
from deepzoom.formula.rounding import cancels, lost, parts
from deepzoom.formula.taylor import least_exponent, taylor
from deepzoom.systems.escape_time import Iteration

from .skip_sizes import LINEAR, SERIES

_HERE = Path(__file__).parent
_LOOPS = (
    "skip_tree.py", "centred.py", "distance_estimate.py", "error_bound.py", "escape.py", "perturbation.py",
    "attracted.py", "orbit_values.py", "floatexp_step.py", "floatexp_perturbation.py", "cycles.py",
)  # fmt: skip
_NOT_DOUBLE = ("exp", "sin", "cos")
"""Functions that double-double lacks."""
_REPLACED = re.compile(
    r"from (__future__|deepzoom\.backends\.kernels\.escape_time\."
    r"(formula_placeholder|series_skips|series_skip_radius|series_composition|series_first_step|centred|distance_estimate|"
    r"error_bound|escape|attracted|perturbation|orbit_values|floatexp_step|floatexp_perturbation|lane_steps|lane_queues|"
    r"lane_functions|lane_far_steps))"
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
_USED_BY_LANES = "from deepzoom.backends.kernels.escape_time.lane_functions import *\n"
_LANES, _FAR_LANES = ("lane_steps.py", "lane_queues.py"), ("lane_far_steps.py", "lane_far_queues.py")
_LAUNCHED = ("run_", "share_")
_NO_DOUBLE_STEP = '''\
IN_DOUBLE = False


@inner
def double_step(Zx, Zy, Cx, Cy, turn):
    """Not used."""
    return Zx, Zy, Zx, Zy, Cx, Cy


'''
_KEPT = re.compile(r"\bF\[")
_FUNCTION = re.compile(r"\b(difference|bounds|folded|sign)\(")
_KERNEL = re.compile(r"^@kernel\(\)\ndef (\w+)\(", re.MULTILINE)
_SKIPS = {
    "series": "from deepzoom.backends.kernels.escape_time.series_skips import *\n"
    "from deepzoom.backends.kernels.escape_time.series_skip_radius import *\n"
    "from deepzoom.backends.kernels.escape_time.series_linear_terms import *\n"
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
    "fold_distance": ("zx, zy, cx, cy, size, F, i", "abs(zx) + abs(zy)"),
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
    "double_step": ("Zx, Zy, Cx, Cy", "abs(Zx[0]) + abs(Zy[0])"),
    "double_difference": (
        "Zx, Zy, Cx, Cy, zx, zy, cx, cy, F, i",
        "abs(Zx[0]) + abs(Zy[0]) + abs(zx[0]) + abs(zy[0])",
    ),
}
"""The functions' parameters, and the size that is below a radius where they have other code near K."""


def _function(make: Callable[..., str], maps: Sequence[Centred]) -> str:
    """The code of one function, which takes the step's turn as its last parameter.

    Where formulas take turns, each has a function of its own, and
    the one that all call chooses between them.
    """
    different = {id(map_): map_ for map_ in maps}
    if len(different) == 1:
        return _with_branch(make, maps[0], "")
    name, parameters = make.__name__, _BRANCHES[make.__name__][0]
    which = {key: n for n, key in enumerate(different)}
    code = [_with_branch(make, map_, f"_{n}") for n, map_ in enumerate(different.values())]
    body = ""
    for turn, map_ in enumerate(maps):
        if turn + 1 == len(maps) or maps[turn + 1] is not map_:
            condition = "" if turn + 1 == len(maps) else f"if turn <= {turn}:\n        "
            body += f"    {condition}return {name}_{which[id(map_)]}({parameters}, turn)\n"
    rows = (
        f"\n\nTAYLOR_ROWS = max({', '.join(f'TAYLOR_ROWS_{n}' for n in range(len(code)))})\n" if make is taylor else ""
    )
    return "\n".join(code) + f"\n\n@inner\ndef {name}({parameters}, turn):\n{body}{rows}"


def _with_branch(make: Callable[..., str], map_: Centred, suffix: str) -> str:
    """The code of one function of one formula, with a branch near K where the map needs it."""
    name = make.__name__
    if map_.near is None:
        return f"\n@inner\n{_named(make(map_.f), name, suffix)}"
    far = _named(make(map_.f), name, f"{suffix}_far")
    near = _named(make(map_.near, keep=False) if make in _KEEPING else make(map_.near), name, f"{suffix}_near")
    parameters, size = _BRANCHES[name]
    rows = (
        f"\n\nTAYLOR_ROWS{suffix} = max(TAYLOR_ROWS{suffix}_far, TAYLOR_ROWS{suffix}_near)\n" if make is taylor else ""
    )
    return (
        f"\n@inner\n{far}\n\n@inner\n{near}\n\n@inner\ndef {name}{suffix}({parameters}, turn):\n"
        f"    if {size} < {map_.radius!r}:\n        return {name}{suffix}_near({parameters}, turn)\n"
        f"    return {name}{suffix}_far({parameters}, turn)\n{rows}"
    )


def _named(text: str, name: str, suffix: str) -> str:
    """The code of a function with a suffix to its name, and with the step's index as a further parameter."""
    text = text.replace("TAYLOR_ROWS", f"TAYLOR_ROWS{suffix}")
    return text.replace(f"def {name}(", f"def {name}{suffix}(", 1).replace("):", ", turn):", 1)


def _constants(iteration: Iteration, distance: bool) -> str:
    """Constants of the map, as code; the loops are compiled with them."""
    lines = [f"STILL, TARGETS, DISTANCE = {iteration.still!r}, {bool(iteration.targets)!r}, {distance!r}"]
    rebase = [Fraction(p) - Fraction(k) for p, k in zip(iteration.critical, iteration.k, strict=True)]
    for name, values in (("K", iteration.k), ("R", rebase)):
        for axis, value in zip("XY", values, strict=True):
            lines.append(
                f"{name}{axis}, {name}{axis}_LESS = {float(value)!r}, {float(value - Fraction(float(value)))!r}"
            )
    fs = list({id(map_): map_.f for map_ in iteration.centred}.values())
    bends = list(map(source.constant_bend, fs))
    bend = max(bends) if min(bends) > 0.0 else 0.0
    lines.append(f"TURN_COUNT, LOOP_TURN = {len(iteration.turns)}, {iteration.loop}")
    lines.append(f"BEND, LEAST_EXPONENT = {bend!r}, {max(map(least_exponent, fs))}")
    cancelling, conformal = any(map(cancels, fs)), all(map(source.is_conformal, fs))
    lines.append(f"CANCELS, CONFORMAL = {8.0 if cancelling else 1.0}, {conformal!r}")
    lines.append(f"POLES = {any(node.op == '/' for f in fs for node in ordered((f.re, f.im)))!r}\n")
    return "\n".join(lines)


def _in_lanes(iteration: Iteration, distance: bool) -> str | None:
    """The code of a step in lanes; None for formulas that have more than lanes can do."""
    (map_, *others), i = {id(m): m for m in iteration.centred}.values(), iteration
    if distance or others or len(i.turns) > 1 or i.targets or i.still > 0.0 or map_.near is not None:
        return None
    if any(node.op in ("/", *_NOT_DOUBLE) for node in ordered((map_.f.re, map_.f.im))):
        return None
    code = "\n".join(_with_branch(make, map_, "") for make in (difference, bounds))
    return None if _KEPT.search(code) else _FUNCTION.sub(r"lane_\1(", code)


def text_of(iteration: Iteration, distance: bool) -> str:
    """The source of a formula's module."""
    maps = iteration.centred
    fs = [map_.f for map_ in maps]
    makers = [
        source.value, parts, lost, source.tangent, source.curvature, source.stretch, difference, wide_step, slopes,
        bounds,
    ]  # fmt: skip
    skips = "series" if all(map(source.is_holomorphic, fs)) else "bilinear"
    makers.append(taylor if skips == "series" else source.fold_distance)
    files = [f"{skips}_first_step.py", *(["orbit_rests.py"] if skips == "series" else []), *_LOOPS]
    in_double = not any(node.op in _NOT_DOUBLE for f in fs for node in ordered((f.re, f.im)))
    if skips == "series" and in_double:
        makers.append(double_step)
    if in_double:
        makers, files = [*makers, double_difference], [*files, "double_double_perturbation.py"]
    code = _constants(iteration, distance)
    code += f"IN_DOUBLE = {in_double}\n" if in_double or skips != "series" else _NO_DOUBLE_STEP
    code += "\n".join(_function(make, maps) for make in makers)
    lanes = _in_lanes(iteration, distance)
    if lanes is not None:
        code, files = _USED_BY_LANES + code + lanes, [*files, *_LANES, *(_FAR_LANES if skips == "series" else ())]
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
        self.ROW, self.TOP, self.KEPT = SERIES if _SKIPS["series"] in text else LINEAR
        self.rests = "\nIN_DOUBLE = True" in text and _SKIPS["series"] in text
        """Whether skips are made with what float64 leaves of iterates."""
        self.lanes, self.far_lanes = ("\ndef run_lanes(" in text, "\ndef run_far_lanes(" in text)
        """Whether there is a kernel that runs pixels in lanes, and one for differences below float64's range."""
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
