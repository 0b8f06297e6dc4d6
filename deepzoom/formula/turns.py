"""Formulas that take turns, as text: ``z**2 + c {2}; fold(z)**2 + c`` is the first twice, the second once, and again.

``loop:`` marks where it begins again: in ``z**3 + c; loop: z**2 + c; fold(z)**2 + c`` the first comes only once.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from deepzoom.errors import InputError

from .expression import Complex, parse

MOST_TURNS = 32
"""The most steps that take turns: there is a reference orbit for each of them."""
_LOOP = re.compile(r"\s*loop\s*:")
_COUNTED = re.compile(r"(?P<formula>[^{}]*)\{\s*(?P<count>\d+)\s*\}\s*", re.ASCII)


class Turns(NamedTuple):
    """formulas: of each step; one that comes several times is the same object. loop: which comes after the last one."""

    formulas: tuple[Complex, ...]
    loop: int


def parse_turns(text: str, option: str = "--formula") -> Turns:
    """The formulas of a text.

    Raises InputError, naming ``option``, if the text is not formulas with ``;`` between them, each with its count in
    braces or without one, if it has more than one ``loop:``, or if the counts add up to more than ``MOST_TURNS``.
    """
    parts, begin = split(text, option)
    found: list[Complex] = []
    loop = 0
    for number, part in enumerate(parts):
        loop = len(found) if number == begin else loop
        formula, count = counted(part, option)
        if len(found) + count > MOST_TURNS:
            raise InputError(f"{option}: the formulas' counts add up to more than {MOST_TURNS}.")
        found.extend([parse(formula, option)] * count)
    return Turns(tuple(found), loop)


def split(text: str, option: str) -> tuple[list[str], int]:
    """(the formulas of a text, each with its count, which of them the loop begins with)."""
    if (times := len(_LOOP.findall(text))) > 1:
        raise InputError(f"{option}: 'loop:' stands {times} times in {text[:60]!r}; give it once.")
    parts, begin = text.split(";"), 0
    for number, part in enumerate(parts):
        if found := _LOOP.match(part):
            parts[number], begin = part[found.end() :], number
    return parts, begin


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
