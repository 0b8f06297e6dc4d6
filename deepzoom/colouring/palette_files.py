"""Reads palette files: Fractint's .map and GIMP's .gpl."""

from __future__ import annotations

import re
from pathlib import Path

from deepzoom.errors import InputError

SUFFIXES = (".map", ".gpl")
MOST_COLOURS = 256
MOST_BYTES = 1 << 20

_GIMP = "GIMP Palette"
_COLOUR = re.compile(r"\s*(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})(?![\w.])", re.ASCII)
_HEADER = re.compile(r"[A-Za-z]+:")


def is_file(path: Path) -> bool:
    """Whether a name is that of a palette file."""
    return path.suffix.lower() in SUFFIXES


def read(path: Path) -> tuple[str, ...]:
    """The colours of a palette file, in order, as ``#rrggbb``; 1 to 256 of them.

    A .map file has lines of "r g b", each 0 to 255, with any text after them. A .gpl file begins with the line "GIMP
    Palette"; then come such lines, headers ("Name: ...") and comments ("# ..."). Raises InputError for any other file.
    """
    given = f"--palette: {path}"
    if not path.exists():
        raise InputError(f"--palette: there is no file {path}.")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{given} cannot be read ({(error.strerror or 'no').lower()}).") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{given} is larger than 1 MiB, too large for a palette file.")
    # the colours are ASCII; the text beside them may have any encoding
    lines = list(enumerate(content.decode("latin-1").splitlines(), 1))
    if path.suffix.lower() == ".gpl":
        if not lines or lines[0][1].removeprefix("\xef\xbb\xbf").strip() != _GIMP:
            raise InputError(f"{given} is not a GIMP palette: its first line is not {_GIMP!r}.")
        lines = [(n, t) for n, t in lines[1:] if not (t.lstrip().startswith("#") or _HEADER.match(t))]
    colours = [_colour(text, f"{given}, line {number}") for number, text in lines if text.strip()]
    if not 1 <= len(colours) <= MOST_COLOURS:
        raise InputError(f"{given} has {len(colours)} colours; give 1 to {MOST_COLOURS} lines of 'r g b', 0 to 255.")
    return tuple(colours)


def _colour(text: str, where: str) -> str:
    found = _COLOUR.match(text)
    if found is None:
        raise InputError(f"{where}: {text.strip()[:20]!r} does not begin with three numbers 'r g b' from 0 to 255.")
    numbers = [int(n) for n in found.groups()]
    if max(numbers) > 255:
        raise InputError(f"{where}: {max(numbers)} is not a number from 0 to 255.")
    return "#{:02x}{:02x}{:02x}".format(*numbers)
