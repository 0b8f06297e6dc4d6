"""Kalles Fraktaler's hybrid formulas, as its hybrid.cpp and hybrid.h have them.

A hybrid formula is ``L/N|line|line/N|line``: groups of lines that take turns, each N times in a row; after the last
group, group L comes next. The lines of a group are applied to z one after the other, then c is added: a group is one
iteration. A line is ``one;two;how``: two operators of z, and whether they are added, subtracted, multiplied or divided.
An operator is ``abs x, abs y, negate x, negate y, power, factor (re, im)``; one of power 0 is its factor.
"""

from __future__ import annotations

import re

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.formula.turns import parse_turns

from .formulas import Chain, applied, in_turn
from .place import shortened

_OPERATOR = re.compile(r"([01]),([01]),([01]),([01]),(\d{1,2}),([^,;]+),([^,;]+)", re.ASCII)
_COMBINED = "+", "-", "*", "/"
_MOST_POWER = 30
_MOST_LENGTH = 2000


def chain_of_hybrid(text: str) -> Chain | None:
    """The chain of a hybrid formula of one group, one line and one operator; None for any other."""
    start, _, group = text.partition("/")
    repeats, bar, line = group.partition("|")
    parts = line.split(";")
    if start.strip() != "0" or not bar or not _is_count(repeats) or "/" in group:
        return None
    if len(parts) != 3 or parts[2].strip() != "0":
        return None
    one, two = (_OPERATOR.fullmatch(p.strip()) for p in parts[:2])
    if one is None or two is None or not 2 <= int(one[5]) <= _MOST_POWER or int(two[5]) != 0:
        return None
    if [_number(v) for v in (one[6], one[7], two[6], two[7])] != [1, 0, 0, 0]:
        return None
    flags = zip(("absx", "absy", "negx", "negy"), one.groups()[:4], strict=True)
    return (*(name for name, flag in flags if flag == "1"), int(one[5]))


def hybrid(text: str, where: str) -> str:
    """The text of a hybrid formula for the system ``formula``.

    Raises InputError, naming ``where``, for a broken one, and for one that deepzoom does not have.
    """
    start, *groups = (part.strip() for part in text.split("/"))
    refused = InputError(f"{where} {shortened(text)!r} has parts that deepzoom does not have.")
    if not (start.isascii() and start.isdigit()) or not groups:
        raise refused
    if int(start[:9]) >= len(groups):
        raise InputError(
            f"{where} begins its loop at group {start[:9]}, but its last group is {len(groups) - 1}, counted from 0."
        )
    found = []
    for group in groups:
        repeats, *lines = group.split("|")
        z: str | None = "z"
        for line in lines:
            z = _line(line, z) if z is not None and len(z) <= _MOST_LENGTH else None
        if not lines or z is None or not _is_count(repeats):
            raise refused
        found.append((f"{z} + c", int(repeats[:9])))
    if len(max((f for f, _ in found), key=len)) > _MOST_LENGTH:
        raise InputError(f"{where}: the formula is longer than {_MOST_LENGTH} characters.")
    result = in_turn(found, int(start))
    parse_turns(result, where)
    return result


def _is_count(text: str) -> bool:
    return text.strip().isascii() and text.strip().isdigit() and int(text.strip()[:9]) >= 1


def _line(line: str, z: str) -> str | None:
    """A line applied to the text z; None for a broken one."""
    parts = line.split(";")
    if len(parts) != 3 or parts[2].strip() not in ("0", "1", "2", "3"):
        return None
    one, two = (_operator(part.strip(), z) for part in parts[:2])
    how = _COMBINED[int(parts[2])]
    if one is None or two is None:
        return None
    return one if two == "0" and how in "+-" else f"({one}) {how} ({two})"


def _operator(text: str, z: str) -> str | None:
    """An operator applied to the text z; None for a broken one."""
    found = _OPERATOR.fullmatch(text)
    if found is None:
        return None
    *flags, power, re_, im_ = found.groups()
    factor = _factor(re_, im_)
    if factor is None or int(power) > _MOST_POWER:
        return None
    if int(power) == 0:
        return factor
    chain = [name for name, flag in zip(("absx", "absy", "negx", "negy"), flags, strict=True) if flag == "1"]
    powered = applied((*chain, *((int(power),) if int(power) > 1 else ())), z)
    return powered if factor == "1" else f"({factor})*({powered})"


def _factor(re_: str, im_: str) -> str | None:
    if None in (_number(re_), _number(im_)):
        return None
    real, imag = re_.strip(), im_.strip()
    if _number(imag) == 0:
        return str(int(real_value)) if (real_value := _number(real)) in (0, 1) else real
    return f"{real} + {imag}*i"


def _number(text: str) -> float | None:
    """A number, or None for a text that is none."""
    try:
        return float(parse_decimal(text.strip(), ""))
    except (InputError, OverflowError):
        return None
