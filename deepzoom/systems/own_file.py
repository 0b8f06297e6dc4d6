"""A map in a Python file of the user's, named as FILE.py:NAME.

NAME is a function ``step(z, c)`` of two ``Complex`` values, an ``Iteration`` or an ``EscapeTimeMap``. Files are run
only where they are named (``load``); a scene holds the file's name without its folder, NAME and a hash of the contents.
"""

from __future__ import annotations

import hashlib
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

from deepzoom.errors import InputError
from deepzoom.formula.expression import Complex, in_range

from . import own_formula
from .escape_time import C, EscapeTimeMap, Iteration, Z


@dataclass(frozen=True)
class OwnMap:
    """A map of a file that was run. name: as scenes hold it, ``maps.py:step``; digest: of the file (sha256, hex)."""

    name: str
    digest: str
    map: EscapeTimeMap


_loaded: dict[str, OwnMap] = {}


def is_own(system: str) -> bool:
    """Whether a system's name is that of a map in a file."""
    return system.rpartition(":")[0].lower().endswith(".py") or system.lower().endswith(".py")


def load(given: str) -> OwnMap:
    """Run FILE.py and take NAME from it; from then on scenes that name it can be rendered.

    Raises InputError where there is no such file or name, where the file raises, or where NAME is no map.
    """
    file, _, name = given.rpartition(":")
    if not file or not name.isidentifier():
        raise InputError(f"SYSTEM: {given} names no map in the file; give FILE.py:NAME, such as maps.py:step.")
    path = Path(file)
    try:
        text = path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else (error.strerror or "").lower()
        raise InputError(f"SYSTEM: {file} cannot be read ({reason}).") from None
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module  # a dataclass in the file looks its module up
    try:
        _guarded(file, "it", lambda: exec(compile(text, str(path), "exec"), module.__dict__))
    finally:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before
    if name not in module.__dict__:
        raise InputError(f"SYSTEM: {file} has no {name!r}; give the name of a function step(z, c) in it.")
    known = f"{path.name}:{name}"
    made = OwnMap(known, hashlib.sha256(text).hexdigest(), _map(file, name, module.__dict__[name]))
    _loaded[known] = made
    return made


def loaded(system: str, digest: str | None = None) -> OwnMap:
    """A map whose file was run. Raises InputError where it was not, or has another digest than the one given."""
    if system not in _loaded:
        raise InputError(
            f"SYSTEM: {system} stands in a file of yours, which a scene does not carry; name the file, as in"
            f" `deepzoom render FOLDER/{system} --scene FILE`."
        )
    if digest not in (None, _loaded[system].digest):
        raise InputError(
            f"SYSTEM: {system.rpartition(':')[0]} has changed since the scene was made; give the file as it was, or"
            " make a new scene with --center and --depth."
        )
    return _loaded[system]


def _map(file: str, name: str, found: object) -> EscapeTimeMap:
    """What NAME stands for, as a map whose errors name the file."""
    if isinstance(found, Iteration):
        iteration = found
        found = EscapeTimeMap(name, "a map of your own", lambda settings: iteration, {})
    elif callable(found):
        step = found
        formula = _guarded(file, name, lambda: step(Z, C))
        if not isinstance(formula, Complex):
            raise InputError(
                f"SYSTEM: {file}: {name}(z, c) gave {str(formula)[:40]!r}, which is no expression of z and c."
            )
        title = str(getattr(step, "__doc__", None) or "a map of your own").strip()
        settings = {k: v for k, v in own_formula.OWN_FORMULA.settings.items() if k != "formula"}
        found = EscapeTimeMap(name, title, lambda given: own_formula.iteration(formula, given), settings)
    if not isinstance(found, EscapeTimeMap):
        raise InputError(
            f"SYSTEM: {file}: {name} is {str(found)[:40]!r}, neither a function step(z, c), nor an Iteration or"
            " EscapeTimeMap of deepzoom."
        )
    kind = found

    def build(settings: Mapping[str, str]) -> Iteration:
        return _checked(file, name, _guarded(file, name, lambda: kind.build(settings)))

    title = (str(kind.title).splitlines() or [""])[0].rstrip(".")
    return replace(kind, name=f"{Path(file).name}:{name}", title=title, build=build)


def _guarded(file: str, what: str, run: Callable[[], Any]) -> Any:
    """What a call of the file's code gives; whatever it raises as one sentence."""
    try:
        return run()
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(Path(file))]
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else (lines or [None])[-1]
        where = "" if line is None else f" in line {line}"
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"SYSTEM: {file}: {what} raised {type(error).__name__}{where}: {reason}.") from None


def _checked(file: str, name: str, found: object) -> Iteration:
    """An ``Iteration`` with exact points; InputError where a part of it is not what it should be."""

    def wrong(what: str, value: object) -> InputError:
        return InputError(f"SYSTEM: {file}: {name} has {what} {str(value)[:40]!r}.")

    if not isinstance(found, Iteration):
        raise wrong("a build that gives no Iteration but", found)
    if not isinstance(found.formula, Complex):
        raise wrong("a formula that is no expression of z and c,", found.formula)
    if not in_range(found.formula):
        raise InputError(f"SYSTEM: {file}: {name} has a number beyond 1e100, or one below 1e-100 that is not 0.")
    for part in ("degree", "gain", "radius", "order"):
        value = getattr(found, part)
        if not isinstance(value, (int, float)) or not value > 0 or (part != "radius" and math.isinf(value)):
            raise wrong(f"a {part} that is not a number above zero,", value)
    if not found.degree > 1:
        raise wrong("a degree that is not above 1,", found.degree)
    points: dict[str, Any] = {}
    for part in ("start", "critical", *(n for n in ("c", "origin") if getattr(found, n) is not None)):
        try:
            x, y = getattr(found, part)
            points[part] = Fraction(x), Fraction(y)
        except (TypeError, ValueError, OverflowError):
            raise wrong(f"a {part} that is no pair of numbers,", getattr(found, part)) from None
    try:
        targets = tuple(complex(t) for t in found.targets)
    except (TypeError, ValueError):
        raise wrong("targets that are no complex numbers,", found.targets) from None
    if not all(math.isfinite(abs(t)) for t in targets):
        raise wrong("targets that are not finite,", found.targets)
    return replace(found, targets=targets, **points)
