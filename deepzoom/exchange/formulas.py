"""Formulas as chains of small operations, as Kalles Fraktaler and Fraktaler-3 build theirs.

A chain is applied to z from left to right, then c is added. A whole number is a power; "absx" and "absy" take the
absolute value of the real and imaginary part, "negx" and "negy" change their signs; "store" keeps the value and "mul"
multiplies by what was kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from deepzoom.errors import InputError
from deepzoom.formula.turns import counted, parse_turns, split

Chain = tuple[int | str, ...]
System = tuple[str, dict[str, str]]

_NAMED: dict[Chain, str] = {
    ("absx", "absy", 2): "burning-ship",
    (2, "absx", "absy"): "buffalo",
    (2, "absx"): "celtic",
    ("negy", 2): "tricorn",
    ("absy", 2): "perpendicular-burning-ship",
}
MOST_POWER = 30
_MOST_LENGTH = 2000


def system_of(chain: Chain, where: str, start: tuple[str, str] = ("0", "0")) -> System:
    """(system, settings) that iterate a chain from ``start``. Raises InputError for a formula that is too long."""
    at_zero = all(float(s) == 0 for s in start)
    if at_zero and len(chain) == 1 and isinstance(chain[0], int) and 2 <= chain[0] <= MOST_POWER:
        return "mandelbrot", {} if chain[0] == 2 else {"power": str(chain[0])}
    if at_zero and chain in _NAMED:
        return _NAMED[chain], {}
    text = formula(chain)
    if len(text) > _MOST_LENGTH:
        raise InputError(f"{where}: the formula is longer than {_MOST_LENGTH} characters.")
    settings = {"formula": text}
    if not at_zero:
        settings |= {"z0x": start[0], "z0y": start[1]}
    return "formula", settings


def turns_of(chains: Sequence[Chain], where: str) -> System:
    """(system, settings) that iterate chains in turn from 0. Raises InputError for formulas that are too long."""
    first, *others = chains
    if all(chain == first for chain in others):
        return system_of(first, where)
    texts = [formula(chain) for chain in chains]
    text = in_turn([(t, 1) for t in texts])
    if any(len(t) > _MOST_LENGTH for t in texts):
        raise InputError(f"{where}: a formula is longer than {_MOST_LENGTH} characters.")
    parse_turns(text, where)
    return "formula", {"formula": text}


def in_turn(formulas: Sequence[tuple[str, int]], begin: int = 0) -> str:
    """The text of formulas that take turns, each so many times in a row; neighbours that are equal are joined.

    begin: which of them follows the last; those before it come only once.
    """
    if all(text == formulas[0][0] for text, _ in formulas):
        return formulas[0][0]
    before, again = _joined(formulas[:begin]), _joined(formulas[begin:])
    if len(again) == 1:
        again = [(again[0][0], 1)]
    texts = [text if count == 1 else f"{text} {{{count}}}" for text, count in (*before, *again)]
    if before:
        texts[len(before)] = f"loop: {texts[len(before)]}"
    return "; ".join(texts)


def _joined(formulas: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Formulas with their counts; neighbours that are equal are joined."""
    joined: list[tuple[str, int]] = []
    for text, count in formulas:
        if joined and joined[-1][0] == text:
            count += joined.pop()[1]
        joined.append((text, count))
    return joined


class Chains(NamedTuple):
    """Chains that are iterated in turn from 0, each with its count. begin: which of them follows the last."""

    each: list[tuple[Chain, int]]
    begin: int = 0


def chains_of(system: str, settings: Mapping[str, str], known: Sequence[Chain] = ()) -> Chains | None:
    """The chains that a system iterates; None if it iterates others."""
    text = settings.get("formula", "z**2 + c")
    if system != "formula" or not (";" in text or "{" in text):
        one = chain_of(system, settings, known)
        return None if one is None else Chains([(one, 1)])
    found = []
    parts, begin = split(text, "--formula")
    for part in parts:
        each, count = counted(part, "--formula")
        chain = chain_of(system, {**settings, "formula": each.strip()}, known)
        if chain is None:
            return None
        found.append((chain, count))
    return Chains(found, begin)


def chain_of(system: str, settings: Mapping[str, str], known: Sequence[Chain] = ()) -> Chain | None:
    """The chain that a system iterates from 0, if it is one of a chain; known: chains to look for its formula in."""
    if system == "mandelbrot":
        return (int(settings.get("power", "2")),)
    if system == "formula" and all(float(settings.get(k, "0")) == 0 for k in ("z0x", "z0y")):
        return next((c for c in known if formula(c) == settings.get("formula", "z**2 + c")), None)
    return next((chain for chain, name in _NAMED.items() if name == system), None)


def formula(chain: Chain) -> str:
    """The text of a chain and + c, which the system ``formula`` takes; cut short where it is longer than allowed."""
    return f"{applied(chain, 'z')} + c"


def applied(chain: Chain, z: str) -> str:
    """The text of a chain applied to another text."""
    kept, place = z, 0
    while place < len(chain) and len(z) <= _MOST_LENGTH:  # an absolute value doubles the text
        operation, place = chain[place], place + 1
        if isinstance(operation, int):
            z = f"{z}**{operation}" if _is_one_word(z) else f"({z})**{operation}"
        elif operation == "store":
            kept = z
        elif operation == "mul":
            z = f"({z})*({kept})"
        elif {operation, chain[place] if place < len(chain) else None} == {"absx", "absy"}:
            z, place = f"fold({z})", place + 1
        else:
            z = _PARTS[operation].format(z)
    return z


_PARTS = {
    "absx": "(abs(re({0})) + i*im({0}))",
    "absy": "(re({0}) + i*abs(im({0})))",
    "negx": "(-conj({0}))",
    "negy": "conj({0})",
}


def _is_one_word(text: str) -> bool:
    """Whether a text binds as strongly as a name: a name, a call, or a bracket that closes at its end."""
    if text == "z":
        return True
    depth = 0
    start = text.find("(")
    if start < 0 or not (text[:start].isalpha() or start == 0) or not text.endswith(")"):
        return False
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and start <= place < len(text) - 1:
            return False
    return True
