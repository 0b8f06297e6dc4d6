"""Errors that the user can fix; the command line prints one sentence and exits."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(ValueError):
    """Bad input: the message names the option, its value, and what would be right. Exit code 2."""


def similar(name: str, names: Iterable[str]) -> str:
    """ " (similar: a, b)": up to three of the names that are nearly the one given, for an error; "" without any."""
    near = get_close_matches(name, list(names), 3, 0.7)
    return f" (similar: {', '.join(near)})" if near else ""


class TracingError(InputError):
    """A training that cannot be traced. The message is a sentence without its full stop and without file and line.

    line: where the fault is in the user's file, if no frame of the traceback shows it.
    """

    line: int | None = None


class Stopped(Exception):
    """The user stopped the run; the finished part is saved. Exit code 3."""
