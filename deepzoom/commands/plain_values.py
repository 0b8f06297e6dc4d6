"""Values of options without pydantic, where they are texts, paths or not given: importing it takes a tenth of a second.

Typer converts the values of all options with pydantic, even of those that are not given. That is unchanged for numbers
that are given, for choices, and for other versions of Typer, which do it by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args, get_origin

_LEFT = object()
"""Stands for a value that is left to Typer."""


def keep_plain(parameters: Iterable[Any]) -> None:
    """Let the parameters of a Typer command take plain values as they are."""
    for parameter in parameters:
        _keep(parameter)


def _keep(parameter: Any) -> None:
    described = getattr(parameter, "type_descriptor", None)
    info = getattr(described, "parameter_info", None)
    if info is None or parameter.required or info.parser or info.exists or info.resolve_path:
        return
    by_typer, many = parameter.process_value, parameter.multiple or parameter.nargs == -1

    def process_value(ctx: Any, value: Any) -> Any:
        kept = (() if many else None) if value is None else _plain(described.annotation, value)
        if kept is _LEFT:
            return by_typer(ctx, value)
        return parameter.callback(ctx, parameter, kept) if parameter.callback else kept

    parameter.process_value = process_value


def _plain(kind: Any, value: Any) -> Any:
    """The value of an option of some type, if it is plain; else ``_LEFT``."""
    if kind in (str, bool, int) and type(value) is kind:  # a number that is none yet is a default
        return value
    if kind is Path and type(value) is str and (not os.path.exists(value) or os.access(value, os.R_OK)):
        return Path(value)
    if get_origin(kind) in (tuple, list) and set(get_args(kind)) == {str}:
        several = get_origin(kind) is list or len(value) == len(get_args(kind))
        if type(value) in (tuple, list) and several and all(type(v) is str for v in value):
            return get_origin(kind)(value)
    return _LEFT
