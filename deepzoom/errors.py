"""Errors that the user can fix; the command line prints one sentence and exits."""


class InputError(ValueError):
    """Bad input: the message names the option, its value, and what would be right. Exit code 2."""


class TracingError(InputError):
    """A training that cannot be traced. The message is a sentence without its full stop and without file and line.

    line: where the fault is in the user's file, if no frame of the traceback shows it.
    """

    line: int | None = None


class Stopped(Exception):
    """The user stopped the run; the finished part is saved. Exit code 3."""
