"""rust-fractal: flat TOML files with ``real``, ``imag``, ``zoom``, ``iterations`` and ``rotate``.

The program draws z**2 + c. The height from the first row's middle to the last one's is 4/zoom, the imaginary axis
points down, and ``rotate`` turns from right to down (src/renderer.rs and src/util/mod.rs of rust-fractal-core).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

from .place import SIZE, Place, Transform, depth_of_zoom, number_of, steps_of, view_of

PROGRAM = "rust-fractal"
_TAKEN = frozenset({"real", "imag", "zoom", "iterations", "rotate", "image_width", "image_height"})


def is_place(tables: Mapping[str, Any]) -> bool:
    """Whether TOML tables are those of this program."""
    return all(k in tables and not isinstance(tables[k], dict) for k in ("real", "imag", "zoom"))


def place_of(tables: Mapping[str, Any], where: str) -> Place:
    """The place of the tables of such a file. Raises InputError for a wrong number."""
    x, y = (parse_decimal(str(tables[k]), f"{where}: {k}") for k in ("real", "imag"))
    height = depth_of_zoom(str(tables["zoom"]), f"{where}: zoom")
    turn = number_of(tables.get("rotate", 0), f"{where}: rotate")
    size = (tables.get("image_width", SIZE[0]), tables.get("image_height", SIZE[1]))
    if not all(isinstance(n, int) and 1 <= n <= 1 << 14 for n in size):
        raise InputError(f"{where}: image_width and image_height are not whole numbers from 1 to {1 << 14}.")
    view = view_of(x, y, height, size, Transform(turn, down=True), where)
    steps, beyond = steps_of(tables.get("iterations", 1000), f"{where}: iterations")
    return Place(Scene("mandelbrot", view, steps), PROGRAM, (*beyond, *sorted(set(map(str, tables)) - _TAKEN)))
