"""Fraktaler-3: TOML files, and the same text in its pictures. A key that is not there has its default.

The view's height is 4/zoom, with the imaginary axis up. A picture is turned upside down (``reflect``), then stretched,
then turned. Keys and defaults: the program's manual.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

from .formulas import Chain, System, turns_of
from .place import Place, Transform, depth_of_zoom, number_of, steps_of, view_of

PROGRAM = "Fraktaler-3"
_SIZE = 1024, 576
_TABLES = frozenset({
    "location", "reference", "bailout", "algorithm", "image", "transform", "postprocessing", "render", "newton",
    "opencl", "colour", "formula", "program", "version", "wisdom",
})  # fmt: skip
_OPERATIONS = ("store", "mul", "absx", "absy", "negx", "negy")


def is_place(tables: Mapping[str, Any]) -> bool:
    """Whether TOML tables are those of this program."""
    return tables.get("program") == "fraktaler-3" or isinstance(tables.get("location"), dict)


def place(text: str, where: str) -> Place:
    """The place of a .toml file. Raises InputError where it is broken or its formula one that deepzoom lacks."""
    return place_of(toml(text, where), where)


def toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises InputError if it is not valid; numbers keep all their digits."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"), parse_float=str)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not valid TOML: {error}.") from None


def place_of(tables: Mapping[str, Any], where: str) -> Place:
    """The place of the tables of such a file."""
    for name in _TABLES - {"program", "version", "formula"}:
        if not isinstance(tables.get(name, {}), dict):
            raise InputError(f"{where}: {name} should be a table of {PROGRAM}.")
    location, transform = tables.get("location", {}), tables.get("transform", {})
    x, y = (_decimal(location.get(k, "0"), f"{where}: location.{k}") for k in ("real", "imag"))
    height = depth_of_zoom(str(location.get("zoom", "1")), f"{where}: location.zoom")
    system, settings = _system(tables.get("formula", [{}]), where)
    steps, beyond = steps_of(tables.get("bailout", {}).get("iterations", 1024), f"{where}: bailout.iterations")
    view = view_of(x, y, height, _size(tables.get("image", {}), where), _transform(transform, where), where)
    return Place(Scene(system, view, steps, settings), PROGRAM, (*beyond, *_left_out(tables)))


def _decimal(value: object, where: str) -> Any:
    return parse_decimal(str(value), where)


def _system(phases: object, where: str) -> System:
    if not isinstance(phases, list) or not phases or not all(isinstance(p, dict) for p in phases):
        raise InputError(f"{where}: formula should be a list of tables of {PROGRAM}.")
    return turns_of([_chain(table, where) for table in phases], f"{where}: formula")


def _chain(table: Mapping[str, Any], where: str) -> Chain:
    """The chain of one formula."""
    if table.get("opcodes"):
        return _opcodes(str(table["opcodes"]), where)
    unknown = sorted(set(table) - {"abs_x", "abs_y", "neg_x", "neg_y", "power", "opcodes"})
    power = table.get("power", 2)
    if unknown or not isinstance(power, int) or not 2 <= power <= 30:
        what = f"formula.{unknown[0]}" if unknown else f"formula.power = {power}"
        raise InputError(f"{where}: {what} is of a formula that deepzoom does not have.")
    flags = (("abs_x", "absx"), ("abs_y", "absy"), ("neg_x", "negx"), ("neg_y", "negy"))
    return (*(name for key, name in flags if table.get(key) is True), power)


def _opcodes(text: str, where: str) -> Chain:
    """The chain of a list of operations, the last of which must be "add"."""
    words = text.split()
    known: dict[str, int | str] = {"sqr": 2, **{w: w for w in _OPERATIONS}}
    wrong = next((w for w in words[:-1] if w not in known), None)
    if wrong is not None or words[-1:] != ["add"] or len(words) > 100:
        what = repr(wrong) if wrong is not None else "not one 'add', at the end"
        raise InputError(f"{where}: formula.opcodes has {what}, which deepzoom does not have.")
    chain: list[int | str] = []
    for operation in (known[w] for w in words[:-1]):
        before = chain[-1] if chain else None
        if operation == 2 and isinstance(before, int):
            chain[-1] = 2 * before
        else:
            chain.append(operation)
    return tuple(_with_powers(chain))


def _with_powers(chain: list[int | str]) -> list[int | str]:
    """The chain with powers in place of products: "store, 2, mul" is the third power."""
    for place in range(len(chain) - 2):
        kept, power, times = chain[place : place + 3]
        if kept == "store" and isinstance(power, int) and times == "mul" and "mul" not in chain[place + 3 :]:
            chain = [*chain[:place], power + 1, *chain[place + 3 :]]
            break
    for place in range(len(chain) - 1, 0, -1):
        power, before = chain[place], chain[place - 1]
        if isinstance(power, int) and isinstance(before, int):
            chain[place - 1 : place + 1] = [before * power]
    return chain


def _transform(table: Mapping[str, Any], where: str) -> Transform:
    """The picture's turn and stretch.

    With x right and y up from the middle, c is centre + T(+-r) T(a) diag(f, 1/f) T(-a) G (x, y): T turns from x to y, r
    is ``rotate``, a is ``stretch_angle``, f is 2**(stretch_amount/100), and G changes the sign of y, and r changes its
    own, if ``reflect``. To stretch and then to turn by r is to turn by r and then to stretch along a + r.
    """
    turn, along, cents = (
        number_of(table.get(k, 0), f"{where}: transform.{k}") for k in ("rotate", "stretch_angle", "stretch_amount")
    )
    if abs(cents) > 100_000:
        raise InputError(f"{where}: transform.stretch_amount {cents:g} is not from -100000 to 100000.")
    down = table.get("reflect") is True
    turn = -turn if down else turn
    return Transform(turn, 2.0 ** (cents / 100), along + turn, down)


def _size(table: Mapping[str, Any], where: str) -> tuple[int, int]:
    width, height = table.get("width", _SIZE[0]), table.get("height", _SIZE[1])
    for name, value in (("width", width), ("height", height)):
        if not isinstance(value, int) or not 1 <= value <= 1 << 14:
            raise InputError(f"{where}: image.{name} = {str(value)[:40]} is not a whole number from 1 to {1 << 14}.")
    return width, height


_TAKEN = {
    "location": {"real", "imag", "zoom"},
    "bailout": {
        "iterations", "maximum_reference_iterations", "maximum_perturb_iterations", "maximum_bla_steps",
    },
    "image": {"width", "height"},
    "transform": {"reflect", "rotate", "stretch_angle", "stretch_amount"},
}  # fmt: skip
"""Keys that a scene has; those of ``bailout`` that begin with "maximum" bound how the program computes."""
_WHOLE = "colour", "postprocessing", "reference", "algorithm", "render", "newton", "opencl"


def _left_out(tables: Mapping[str, Any]) -> list[str]:
    found = [f"{name}.{key}" for name, taken in _TAKEN.items() for key in tables.get(name, {}) if key not in taken]
    return [*found, *(n for n in _WHOLE if tables.get(n)), *sorted(set(map(str, tables)) - _TABLES)]
