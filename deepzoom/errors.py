"""Errors that a user can mend; the command line prints their one sentence and exits."""


class InputError(ValueError):
    """Something given is wrong: the message names what, its value and what would be right. Exit code 2."""


class Stopped(Exception):
    """Stopped by the user; what was done is kept. Exit code 3."""
