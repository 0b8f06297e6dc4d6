"""The text that other programs put in their pictures: comments of PNG and JPEG, attributes of OpenEXR."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from deepzoom.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".exr")
_EXR = struct.pack("<I", 20000630)
SCENE = "deepzoom-scene"
"""The name under which our own pictures carry their scene."""
_ATTRIBUTES = SCENE.encode(), b"Fraktaler3", b"KallesFraktaler2+"
"""Of a file with several, the first counts."""
_MOST_HEADER = 1 << 24
_MOST_PIXELS = 1 << 16


def of_image(image: Any) -> tuple[str, tuple[int, int]] | None:
    """The comment of a PNG or JPEG that Pillow has loaded, and the picture's size; None if there is no comment."""
    found = next((v for k, v in image.info.items() if str(k).lower() == "comment"), None)
    if isinstance(found, bytes):
        found = found.decode("utf-8", "replace")
    return None if found is None else (str(found), image.size)


def of_exr(path: Path, where: str) -> tuple[str, tuple[int, int]] | None:
    """The text of an OpenEXR file's header, and the picture's size; None if there is none.

    A header is "name, 0, type, 0, size (int32), value" for each attribute. Raises InputError if it is not such a file.
    """
    with path.open("rb") as file:
        content = file.read(_MOST_HEADER)
    if content[:4] != _EXR:
        raise InputError(f"{where} is not an OpenEXR picture.")
    texts: dict[bytes, str] = {}
    size, at = None, 8
    try:
        while content[at] != 0:
            name, kind, _ = content[at : at + 512].split(b"\0", 2)
            at += len(name) + len(kind) + 2
            (length,) = struct.unpack_from("<i", content, at)
            value, at = content[at + 4 : at + 4 + length], at + 4 + length
            if length < 0 or len(value) < length:
                raise ValueError
            if name in _ATTRIBUTES and kind == b"string":
                texts[name] = value.decode("utf-8", "replace")
            elif name == b"dataWindow":
                left, top, right, bottom = struct.unpack("<4i", value)
                size = right - left + 1, bottom - top + 1
    except (IndexError, ValueError, struct.error):
        raise InputError(f"{where} is cut short.") from None
    text = next((texts[name] for name in _ATTRIBUTES if name in texts), None)
    if size is not None and not all(1 <= n <= _MOST_PIXELS for n in size):
        raise InputError(f"{where}: its size {size[0]}x{size[1]} is not from 1 to {_MOST_PIXELS} pixels each way.")
    return None if text is None or size is None else (text, size)
