"""Arrays in dicts, lists, tuples and dataclasses: their names, and the same containers with other arrays.

A list of plain numbers is an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from deepzoom.errors import TracingError

ALONE = "state"
"""The name of an array that is in no container."""


def named(tree: Any) -> dict[str, Any]:
    """The arrays of a tree by their names, such as ``layers.0.w``. Raises TracingError for keys that are not texts."""
    found: dict[str, Any] = {}

    def walk(part: Any, name: str) -> None:
        parts = _parts(part)
        if parts is None:
            found[name or ALONE] = part
            return
        for key, inner in parts.items():
            walk(inner, f"{name}.{key}" if name else key)

    walk(tree, "")
    return found


def filled(tree: Any, arrays: Mapping[str, Any]) -> Any:
    """The containers of a tree with other arrays, which have the names that ``named`` gives."""

    def walk(part: Any, name: str) -> Any:
        parts = _parts(part)
        if parts is None:
            return arrays[name or ALONE]
        return _rebuild(part)({key: walk(inner, f"{name}.{key}" if name else key) for key, inner in parts.items()})

    return walk(tree, "")


def _parts(part: Any) -> dict[str, Any] | None:
    """What a container holds, by name; None for an array."""
    if isinstance(part, Mapping):
        if not all(isinstance(key, str) for key in part):
            raise TracingError("the keys of a dict of arrays are texts")
        return dict(part)
    if isinstance(part, list | tuple) and not _numbers(part):
        names = getattr(part, "_fields", map(str, range(len(part))))
        return dict(zip(names, part))
    if is_dataclass(part) and not isinstance(part, type):
        return {f.name: getattr(part, f.name) for f in fields(part)}
    return None


def _rebuild(part: Any) -> Callable[[dict[str, Any]], Any]:
    if isinstance(part, Mapping):
        return lambda parts: parts
    if isinstance(part, list | tuple):
        kind: Any = type(part)
        return lambda parts: kind(*parts.values()) if hasattr(kind, "_fields") else kind(parts.values())
    return lambda parts: replace(part, **parts)


def _numbers(part: Any) -> bool:
    """Whether a list or tuple is an array: numbers, or lists of them."""
    if type(part) in (list, tuple):
        return all(map(_numbers, part))
    return isinstance(part, int | float)
