"""How a command reports errors: one sentence, and an exit code."""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import wraps
from typing import Any

import typer


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into one sentence and an exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from deepzoom.errors import InputError

        try:
            command(*args, **kwargs)
        except InputError as error:
            from deepzoom.commands.terminal.progress import fail

            fail(str(error))
            raise typer.Exit(2) from None
        except (ArithmeticError, MemoryError, OSError) as error:
            from deepzoom.commands.terminal.progress import fail

            fail(_sentence(error))
            raise typer.Exit(1) from None

    return run


def _sentence(error: Exception) -> str:
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or "out of memory."
    where = "" if error.filename is None else f"{error.filename}: "
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{where}{error.strerror.lower()}{'; free some space and run the command again' if full else ''}."
