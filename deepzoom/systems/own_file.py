"""A map or a training in a Python file of the user, given as FILE.py:NAME.

NAME is a function ``step(z, c)`` of two ``Complex`` values, an ``Iteration``, an ``EscapeTimeMap`` or a ``Training``. A
file runs only if the user names it (``load``). A scene contains the file's name without its folder, NAME, and a hash of
the file.
"""

from __future__ import annotations

import hashlib
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from deepzoom.errors import InputError, TracingError
from deepzoom.formula.expression import Complex, in_range
from deepzoom.formula.turns import MOST_TURNS, Turns

from . import own_formula
from .base import System
from .escape_time import C, EscapeTimeMap, EscapeTimeSystem, Iteration, Step, Z

if TYPE_CHECKING:
    from .own_training import Training


@dataclass(frozen=True)
class Own:
    """What a file that was run holds. name: as in scenes, such as ``maps.py:step``. digest: sha256 of the file."""

    name: str
    digest: str
    file: str
    what: EscapeTimeMap | Training

    @property
    def is_map(self) -> bool:
        """Whether it is a map, and not a training."""
        return isinstance(self.what, EscapeTimeMap)

    def system(self, settings: Mapping[str, str], steps: int | None) -> System:
        """The system with its settings. Raises InputError, which names the file, for a fault in it."""
        if isinstance(self.what, EscapeTimeMap):
            return EscapeTimeSystem(self.what, settings, steps)
        name = self.name.rpartition(":")[2]
        from .traced_system import TracedSystem  # maps do without it

        return TracedSystem(self.name, self.what, settings, steps, lambda run: _guarded(self.file, name, run))


_loaded: dict[str, Own] = {}


def is_own(system: str) -> bool:
    """Whether a name is that of something in a user's file."""
    return system.rpartition(":")[0].lower().endswith(".py") or system.lower().endswith(".py")


def is_own_map(system: str) -> bool:
    """Whether a name is that of a map in a user's file. Until the file was run, it is taken for one."""
    return is_own(system) and (system not in _loaded or _loaded[system].is_map)


def load(given: str) -> Own:
    """Run FILE.py and take NAME from it; after that, scenes with it can be rendered.

    Raises InputError if there is no such file or name, if the file raises, or if NAME is no map or training.
    """
    file, _, name = given.rpartition(":")
    if not file or not name.isidentifier():
        raise InputError(f"SYSTEM: {given} names nothing in the file; give FILE.py:NAME, such as maps.py:step.")
    path = Path(file)
    try:
        text = path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else (error.strerror or "").lower()
        raise InputError(f"SYSTEM: {file} cannot be read ({reason}).") from None
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module  # a dataclass in the file looks up its module
    try:
        _guarded(file, "it", lambda: exec(compile(text, str(path), "exec"), module.__dict__))
    finally:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before
    if name not in module.__dict__:
        raise InputError(f"SYSTEM: {file} has no {name!r}; give the name of a Training or a function step(z, c) in it.")
    from .own_training import Training

    known = f"{path.name}:{name}"
    what = module.__dict__[name]
    if not isinstance(what, Training):
        what = _map(file, name, what)
    _loaded[known] = made = Own(known, hashlib.sha256(text).hexdigest(), file, what)
    return made


def loaded(system: str, digest: str | None = None) -> Own:
    """What a file that was run holds. Raises InputError if it was not run, or if its digest is not the one given."""
    if system not in _loaded:
        raise InputError(
            f"SYSTEM: {system} is in a Python file, which a scene does not contain; name the file, as in"
            f" 'deepzoom render FOLDER/{system} --scene FILE'."
        )
    if digest not in (None, _loaded[system].digest):
        raise InputError(
            f"SYSTEM: {system.rpartition(':')[0]} has changed since the scene was made; give the file as it was, or"
            " make a new scene with --center and --depth."
        )
    return _loaded[system]


def _map(file: str, name: str, found: object) -> EscapeTimeMap:
    """The object called NAME as a map whose errors name the file."""
    if isinstance(found, Iteration):
        iteration = found
        found = EscapeTimeMap(name, "a map of your own", lambda settings: iteration, {})
    elif callable(found):
        step = found
        formula = _guarded(file, name, lambda: step(Z, C))
        if not isinstance(formula, Complex):
            raise InputError(
                f"SYSTEM: {file}: {name}(z, c) gave {str(formula)[:40]!r}, which is not an expression of z and c."
            )
        title = str(getattr(step, "__doc__", None) or "a map of your own").strip()
        settings = {k: v for k, v in own_formula.OWN_FORMULA.settings.items() if k != "formula"}
        found = EscapeTimeMap(name, title, lambda given: own_formula.iteration(Turns((formula,), 0), given), settings)
    if not isinstance(found, EscapeTimeMap):
        raise InputError(
            f"SYSTEM: {file}: {name} is {str(found)[:40]!r}; give a Training, a function step(z, c), or an Iteration"
            " or EscapeTimeMap of deepzoom."
        )
    kind = found

    def build(settings: Mapping[str, str]) -> Iteration:
        return _checked(file, name, _guarded(file, name, lambda: kind.build(settings)))

    title = (str(kind.title).splitlines() or [""])[0].rstrip(".")
    return replace(kind, name=f"{Path(file).name}:{name}", title=title, build=build)


def _guarded(file: str, what: str, run: Callable[[], Any]) -> Any:
    """The result of running the file's code; anything it raises becomes an InputError of one sentence."""
    try:
        return run()
    except TracingError as error:
        line = _line(error, file) or error.line
        where = "" if line is None else f", line {line}"
        raise InputError(f"SYSTEM: {file}{where}: {error}.") from None
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else _line(error, file)
        where = "" if line is None else f" in line {line}"
        reason = " ".join(str(error).split())[:120].rstrip(".")
        raise InputError(f"SYSTEM: {file}: {what} raised {type(error).__name__}{where}: {reason}.") from None


def _line(error: BaseException, file: str) -> int | None:
    """The innermost line of a file where an error arose."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(Path(file))]
    return lines[-1] if lines else None


def _check_positive(found: object, parts: Sequence[str], wrong: Callable[[str, object], InputError]) -> None:
    """Raise ``wrong`` for a part that is not a number above zero; only a radius may be infinite."""
    for part in parts:
        value = getattr(found, part)
        if not isinstance(value, (int, float)) or not value > 0 or (part != "radius" and math.isinf(value)):
            raise wrong(f"a {part} that is not a number above zero,", value)


def _checked(file: str, name: str, found: object) -> Iteration:
    """The ``Iteration`` with exact points. Raises InputError for a part that is not what it should be."""

    def wrong(what: str, value: object) -> InputError:
        return InputError(f"SYSTEM: {file}: {name} has {what} {str(value)[:40]!r}.")

    if not isinstance(found, Iteration):
        raise wrong("a build that gives no Iteration but", found)
    if not isinstance(found.further, tuple) or not all(isinstance(step, Step) for step in found.further):
        raise wrong("further steps that are not a tuple of Step,", found.further)
    if len(found.turns) > MOST_TURNS:
        raise wrong(f"more than {MOST_TURNS} steps that take turns,", len(found.turns))
    if not isinstance(found.loop, int) or not 0 <= found.loop < len(found.turns):
        raise wrong("a loop that is not the index of a step,", found.loop)
    for step in found.turns:
        if not isinstance(step.formula, Complex):
            raise wrong("a formula that is not an expression of z and c,", step.formula)
        if not in_range(step.formula):
            raise InputError(f"SYSTEM: {file}: {name} has a number beyond 1e100, or one below 1e-100 that is not 0.")
        _check_positive(step, ("degree", "gain"), wrong)
        if not step.degree > 1:
            raise wrong("a degree that is not above 1,", step.degree)
    _check_positive(found, ("radius", "order"), wrong)
    points: dict[str, Any] = {}
    for part in ("start", "critical", *(n for n in ("c", "origin") if getattr(found, n) is not None)):
        try:
            x, y = getattr(found, part)
            points[part] = Fraction(x), Fraction(y)
        except (TypeError, ValueError, OverflowError):
            raise wrong(f"a {part} that is not a pair of numbers,", getattr(found, part)) from None
    try:
        targets = tuple(complex(t) for t in found.targets)
    except (TypeError, ValueError):
        raise wrong("targets that are not complex numbers,", found.targets) from None
    if not all(math.isfinite(abs(t)) for t in targets):
        raise wrong("targets that are not finite,", found.targets)
    return replace(found, targets=targets, **points)
