"""A scene in the address of a page: its TOML text, packed into letters that an address may hold."""

from __future__ import annotations

import base64
import binascii
import zlib

from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

MOST_CHARACTERS = 1 << 16
"""The longest text of a scene that a page may send."""


def packed(scene: Scene) -> str:
    """A scene as letters, digits, - and _."""
    return base64.urlsafe_b64encode(zlib.compress(scene.to_toml().encode(), 9)).decode().rstrip("=")


def unpacked(text: str) -> Scene:
    """The scene of an address. Raises InputError if it holds none."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        inflate = zlib.decompressobj()
        plain = inflate.decompress(data, MOST_CHARACTERS)
        if not inflate.eof:
            raise ValueError
        toml = plain.decode()
    except (ValueError, binascii.Error, zlib.error):
        raise InputError("address: it holds no scene; copy the whole address, or open the page without it.") from None
    return Scene.from_toml(toml, "address")
