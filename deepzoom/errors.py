"""Errors that the user can fix; the command line prints one sentence and exits."""


class InputError(ValueError):
    """Bad input: the message names the option, its value, and what would be right. Exit code 2."""


class Stopped(Exception):
    """The user stopped the run; the finished part is saved. Exit code 3."""
