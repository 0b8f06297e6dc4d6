"""Adobe Swatch Exchange (.ase): a list of colours. All numbers are big-endian.

"ASEF", version (two uint16), number of blocks (uint32); a block is its kind (uint16: 1 for a colour), its length
(uint32), and for a colour its name (uint16 length, UTF-16), its model ("RGB ", "Gray", "CMYK"), float32 levels, and a
type.
"""

from __future__ import annotations

import struct

from deepzoom.errors import InputError

from .gradients import Rgb, as_text

_MOST_COLOURS = 256
_LEVELS = {b"RGB ": 3, b"Gray": 1, b"CMYK": 4}


def colours(content: bytes, where: str) -> tuple[str, ...]:
    """The colours in their order. Raises InputError where the file is broken or has colours of another model."""
    if content[:4] != b"ASEF":
        raise InputError(f"{where} is not an Adobe swatch file: it does not begin with 'ASEF'.")
    found = []
    try:
        (count,) = struct.unpack_from(">I", content, 8)
        at = 12
        for _ in range(count):
            kind, length = struct.unpack_from(">HI", content, at)
            if kind == 1:
                found.append(as_text(_colour(content, at + 6, where)))
            at += 6 + length
            if at > len(content):
                raise struct.error
    except struct.error:
        raise InputError(f"{where} is cut short.") from None
    if not 1 <= len(found) <= _MOST_COLOURS:
        raise InputError(f"{where} has {len(found)} colours; 1 to {_MOST_COLOURS} make a palette.")
    return tuple(found)


def _colour(content: bytes, at: int, where: str) -> Rgb:
    (name,) = struct.unpack_from(">H", content, at)
    at += 2 + 2 * name
    model = content[at : at + 4]
    if model not in _LEVELS:
        raise InputError(f"{where} has a colour of the model {model.decode('latin-1')!r}; RGB, Gray and CMYK are read.")
    levels = struct.unpack_from(f">{_LEVELS[model]}f", content, at + 4)
    if not all(0 <= level <= 1 for level in levels):
        raise InputError(f"{where} has a colour whose levels are not from 0 to 1.")
    if model == b"CMYK":
        red, green, blue = ((1 - ink) * (1 - levels[3]) for ink in levels[:3])
        return red, green, blue
    return (levels[0],) * 3 if model == b"Gray" else (levels[0], levels[1], levels[2])
