"""How a command reports errors: one sentence, and an exit code."""

from __future__ import annotations

import errno
import itertools
import re
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any

import typer
from typer.core import TyperCommand

_typed: ContextVar[tuple[str, ...]] = ContextVar("typed", default=())


class Command(TyperCommand):
    """A command that keeps its arguments as they were typed, for its errors."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments."""
        _typed.set(tuple(args))
        if "--center" in args:  # before the parser takes the next option for Y, and its value for an argument too many
            from deepzoom.commands.requests.scene import check_centre

            first = args.index("--center") + 1
            reported(check_centre)(args[first : first + 2])
        return super().parse_args(ctx, args)


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into one sentence and an exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from deepzoom.errors import InputError

        try:
            command(*args, **kwargs)
        except InputError as error:
            from deepzoom.commands.terminal.progress import fail

            fail(_as_typed(str(error), _typed.get()))
            raise typer.Exit(2) from None
        except (ArithmeticError, MemoryError, OSError) as error:
            from deepzoom.commands.terminal.progress import fail

            fail(_sentence(error))
            raise typer.Exit(1) from None

    return run


def _as_typed(message: str, arguments: Sequence[str]) -> str:
    """A message about ``--set``, but about ``--axis`` if the setting was given by this other name of the option."""
    names: dict[str, set[str]] = {"--set": set(), "--axis": set()}
    pairs = [*itertools.pairwise(arguments), *(a.partition("=")[::2] for a in arguments)]
    for option, pair in pairs:
        if option in names:
            names[option].add(pair.partition("=")[0].strip())
    about = re.match(r"--set ?([^:]*):", message)
    only = names["--axis"] and not names["--set"]
    if about and (about[1] in names["--axis"] - names["--set"] or (only and not about[1])):
        return message.replace("--set", "--axis", 1)
    return message


def _sentence(error: Exception) -> str:
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or "out of memory."
    where = "" if error.filename is None else f"{error.filename}: "
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{where}{error.strerror.lower()}{'; free some space and run the command again' if full else ''}."
