"""A step's code in parts: functions of their own, of which equal ones stand once.

Numba takes more than twice as long for a function of twice as many lines. An optimizer does the same with each array of
weights, so the loops for arrays of equal shapes differ only in where their numbers stand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_LINES = 100
"""Of a part."""
_SHARED_LINES = 8
"""Fewer lines are not worth a function."""
_TOKEN = re.compile(r"\bv\d+\b|(?:(?<=\+ )|(?<=\* \()|(?<=record, )|(?<=numbers, ))\d+(?=\))")
"""A name of a value, or where numbers begin. Lengths and strides stay as they are: the compiler unrolls by them."""


class Parts:
    """The functions of one step. name: of the step; arguments: of all parts; begin: their first lines."""

    def __init__(self, name: str, arguments: str, begin: Sequence[str]) -> None:
        self._name, self._arguments, self._begin = name, arguments, [f"    {line}" for line in begin]
        self.functions: list[str] = []

    def calls(self, tasks: Sequence[list[str]], more: str) -> list[str]:
        """Lines that do the same as the lines of some tasks, which share no names. more: further arguments."""
        groups = _grouped(tasks)
        if len(groups) == 1:
            return groups[0]
        forms = [_form(lines) for lines in groups]
        alike: dict[str, list[list[str]]] = {}
        for text, numbers in forms:
            alike.setdefault(text, []).append(numbers)
        lines: list[str] = []
        known: dict[str, tuple[str, list[int]]] = {}
        for text, numbers in forms:
            if text not in known:
                known[text] = self._shared(text, alike[text], more)
            name, differ = known[text]
            lines.append(
                f"    {name}({', '.join([self._arguments + more, *(f'UNIT * {numbers[k]}' for k in differ)])})"
            )
        return lines

    def _shared(self, text: str, uses: Sequence[list[str]], more: str) -> tuple[str, list[int]]:
        """Add a function of lines of this form, for some lists of numbers; its name, and which numbers it takes."""
        columns = list(zip(*uses, strict=True))
        first = [columns.index(column) for column in columns]  # numbers that are always equal are one
        differ = [k for k, column in enumerate(columns) if len(set(column)) > 1 and first[k] == k]
        filled = [f"n{first[k]}" if first[k] in differ else column[0] for k, column in enumerate(columns)]
        arguments = ", ".join([self._arguments + more, *(f"n{k}" for k in differ)])
        return self._function(text.format(*filled), arguments), differ

    def _function(self, text: str, arguments: str) -> str:
        """Add a function; its name."""
        name = f"{self._name}_{len(self.functions)}"
        self.functions.append("\n".join(["@direct_inner", f"def {name}({arguments}):", *self._begin, text]))
        return name


def _grouped(tasks: Sequence[list[str]]) -> list[list[str]]:
    """Tasks that have an equal one, each alone, and what stands between them, in groups that are not too long."""
    forms = [_form(lines)[0] for lines in tasks]
    groups: list[list[str]] = [[]]
    for lines, form in zip(tasks, forms, strict=True):
        alone = forms.count(form) > 1 and len(lines) >= _SHARED_LINES
        if groups[-1] and (alone or len(groups[-1]) + len(lines) > MOST_LINES):
            groups.append([])
        groups[-1] += lines
        if alone:
            groups.append([])
    return [group for group in groups if group] or [[]]


def _form(lines: Sequence[str]) -> tuple[str, list[str]]:
    """Lines as a template for ``str.format``, with the names of values in order, and the places that fill it."""
    numbers: list[str] = []
    names: dict[str, str] = {}

    def replaced(found: re.Match[str]) -> str:
        token = found[0]
        if token.startswith("v"):
            return names.setdefault(token, f"v{len(names)}")
        numbers.append(token)
        return f"{{{len(numbers) - 1}}}"

    text = "\n".join(lines)
    assert "{" not in text
    return _TOKEN.sub(replaced, text), numbers
