"""Damaged files, for tests that read them."""

from __future__ import annotations

from random import Random

_BYTES = b"0123456789eE+-.,:;\n\t\0\xff{}[]\"'=#@^*x/|%()"
_PIECES = b"9" * 20, b"e999999", b"nan", b"\n", b"\xff\xfe", b"1e400", b"[[", b"-1", b";", b"{3}", b"\0\0\0\0"


def damaged(content: bytes, chance: Random) -> bytes:
    """The content with one to five places changed, filled, or cut out, or cut short."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(found) or 1)
        how = chance.random()
        if how < 0.45:
            found[at : at + 1] = bytes([chance.choice(_BYTES)])
        elif how < 0.7:
            found[at:at] = chance.choice(_PIECES)
        elif how < 0.95:
            del found[at : at + chance.randint(1, 8)]
        else:
            del found[at:]
    return bytes(found)
