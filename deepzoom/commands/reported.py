"""How a command reports errors: one sentence, and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import typer


def reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into one sentence and an exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from ..errors import InputError

        try:
            command(*args, **kwargs)
        except InputError as error:
            from ..console import fail

            fail(str(error))
            raise typer.Exit(2) from None
        except (ArithmeticError, MemoryError, OSError) as error:
            from ..console import fail

            fail(str(error) or "out of memory.")
            raise typer.Exit(1) from None

    return run
