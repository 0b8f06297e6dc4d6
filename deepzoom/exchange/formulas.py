"""Formulas as chains of small operations, as Kalles Fraktaler and Fraktaler-3 build theirs.

A chain is applied to z from left to right, then c is added. A whole number is a power; "absx" and "absy" take the
absolute value of the real and imaginary part, "negx" and "negy" change their signs; "store" keeps the value and "mul"
multiplies by what was kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deepzoom.errors import InputError

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


def chain_of(system: str, settings: Mapping[str, str], known: Sequence[Chain] = ()) -> Chain | None:
    """The chain that a system iterates from 0, if it is one of a chain; known: chains to look for its formula in."""
    if system == "mandelbrot":
        return (int(settings.get("power", "2")),)
    if system == "formula" and all(float(settings.get(k, "0")) == 0 for k in ("z0x", "z0y")):
        return next((c for c in known if formula(c) == settings.get("formula", "z**2 + c")), None)
    return next((chain for chain, name in _NAMED.items() if name == system), None)


def formula(chain: Chain) -> str:
    """The text of a chain, which the system ``formula`` takes; cut short where it is longer than that allows."""
    z, kept, place = "z", "z", 0
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
    return f"{z} + c"


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
