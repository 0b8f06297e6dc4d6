"""Formulas that take turns, as text: ``z**2 + c {2} ; fold(z)**2 + c`` is the first twice, the second once, and again.

Their number of steps is the *length of the cycle*, here 3.
"""

from __future__ import annotations

import re

from deepzoom.errors import InputError

from .expression import Complex, parse

MOST_TURNS = 32
"""The longest cycle: there is a reference orbit for each of its steps."""
_COUNTED = re.compile(r"(?P<formula>[^{}]*)\{\s*(?P<count>\d+)\s*\}\s*", re.ASCII)


def parse_turns(text: str, option: str = "--formula") -> tuple[Complex, ...]:
    """The formula of each step of a cycle. A formula that is taken several times is the same object each time.

    Raises InputError, naming ``option``, if the text is not formulas with ``;`` between them, each with its count in
    braces or without one, or if the cycle is longer than ``MOST_TURNS``.
    """
    found: list[Complex] = []
    for part in text.split(";"):
        formula, count = counted(part, option)
        if len(found) + count > MOST_TURNS:
            raise InputError(f"{option}: the formulas' counts add up to more than {MOST_TURNS}.")
        found.extend([parse(formula, option)] * count)
    return tuple(found)


def counted(part: str, option: str) -> tuple[str, int]:
    """One of the formulas that take turns, and how often it is taken in a row."""
    found = _COUNTED.fullmatch(part)
    if found is None:
        if "{" in part or "}" in part:
            raise InputError(
                f"{option}: {part.strip()[:60]!r} is not a formula with its count in braces at the end, such as"
                " z**2 + c {2}."
            )
        return part, 1
    digits = found["count"]
    if len(digits) > 3 or not 1 <= int(digits) <= MOST_TURNS:
        raise InputError(f"{option}: the count {{{digits[:20]}}} is not from 1 to {MOST_TURNS}.")
    return found["formula"], int(digits)
