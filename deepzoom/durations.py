"""Durations as text: for messages, and from options."""

from __future__ import annotations

import re

from .errors import InputError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def duration(seconds: float) -> str:
    """A number of seconds as text, such as ``12 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def parse_duration(text: str, option: str) -> float:
    """The seconds of ``90s``, ``10m`` or ``1.5h``. Raises InputError, naming the option, for anything else."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh])", text.strip().lower(), re.ASCII)
    if found is None:
        raise InputError(f"{option}: {text!r} is not a time such as 90s, 10m or 1.5h.")
    return float(found[1]) * _UNITS[found[2]]
