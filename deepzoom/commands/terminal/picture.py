"""A field's picture in a terminal: as characters of two pixels each, or as pixels by kitty's protocol."""

from __future__ import annotations

import base64
import itertools
import secrets
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from deepzoom.colouring.colour import coloured
from deepzoom.rendering.field import Field
from deepzoom.scene.view import View

from .capabilities import escape

_CELL = 2
"""A character is about this many times as high as it is wide."""
_CHUNK = 4096


def cells(view: View, columns: int, rows: int) -> tuple[int, int]:
    """(columns, rows) of characters for a view's picture, at most as given; a character spans at least one pixel."""
    scale = max(view.width / columns, view.height / (_CELL * rows), 1.0)
    return max(1, int(view.width / scale)), max(1, int(view.height / scale) // _CELL)


def thumbnail(field: Field, width: int, height: int) -> NDArray[np.uint8]:
    """Colours (height, width, 3) of evenly spaced pixels of a field; the others are not coloured at all."""
    view = field.scene.view
    i = np.minimum((np.arange(height) + 0.5) * view.height / height, view.height - 1).astype(int)
    j = np.minimum((np.arange(width) + 0.5) * view.width / width, view.width - 1).astype(int)
    return np.rint(255 * coloured(field, at=(i[:, None], j))).astype(np.uint8)


class HalfBlocks:
    """A picture of at most ``rows`` rows of characters, each of which shows two pixels, one above the other.

    It is coloured once per window width, however often it is drawn.
    """

    def __init__(self, field: Field, rows: int) -> None:
        self._field, self._rows = field, rows
        self._drawn: tuple[int, list[Segment]] = (0, [])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._drawn[0] != options.max_width:
            self._drawn = options.max_width, list(self._segments(options.max_width))
        yield from self._drawn[1]

    def _segments(self, width: int) -> Iterator[Segment]:
        columns, rows = cells(self._field.scene.view, width, self._rows)
        rgb = thumbnail(self._field, columns, 2 * rows).tolist()
        for upper, lower in zip(rgb[::2], rgb[1::2], strict=True):
            for (top, bottom), same in itertools.groupby(zip(upper, lower, strict=True)):
                style = Style.from_color(Color.from_rgb(*top), Color.from_rgb(*bottom))
                yield Segment("▀" * len(list(same)), style)
            yield Segment.line()


_PLACEHOLDER = "\U0010eeee"
_ROWS = (
    0x305, 0x30D, 0x30E, 0x310, 0x312, 0x33D, 0x33E, 0x33F, 0x346, 0x34A, 0x34B, 0x34C, 0x350, 0x351, 0x352, 0x357,
    0x35B, 0x363, 0x364, 0x365, 0x366, 0x367, 0x368, 0x369,
)  # fmt: skip
"""Diacritics that number a placeholder's row; the first also means column 0 (kitty's rowcolumn-diacritics.txt)."""
_ids = itertools.count(secrets.randbelow(1 << 23) + (1 << 16))


class Pixels:
    """A picture in pixels, over at most ``rows`` rows of characters (never more than 24).

    Kitty's protocol (https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders): the picture is sent
    once. It appears wherever the text has placeholder characters in the colour that encodes its number, and it moves
    with them. fine: how many pixels at most are sent per character width. before: the picture that this one replaces.
    """

    def __init__(self, field: Field, rows: int, fine: int, before: Pixels | None = None) -> None:
        self._field, self._rows, self._fine = field, min(rows, len(_ROWS)), fine
        self._before = None if before is None else before.id
        self.id: int = next(_ids) & 0xFFFFFF
        self._width, self._size = 0, (0, 0)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._width != options.max_width:
            self._width = options.max_width
            self._size = cells(self._field.scene.view, self._width, self._rows)
            yield escape(self._sent(*self._size))
        columns, rows = self._size
        style = Style(color=Color.from_rgb(self.id >> 16, self.id >> 8 & 255, self.id & 255))
        for row in range(rows):
            first = f"{_PLACEHOLDER}{chr(_ROWS[row])}{chr(_ROWS[0])}"
            yield Segment(first + _PLACEHOLDER * (columns - 1), style)  # without marks: the next column
            yield Segment.line()

    def _sent(self, columns: int, rows: int) -> str:
        """The commands that send the picture and delete the one that it replaces."""
        view = self._field.scene.view
        width, height = min(view.width, columns * self._fine), min(view.height, rows * _CELL * self._fine)
        packed = base64.standard_b64encode(zlib.compress(thumbnail(self._field, width, height).tobytes(), 1)).decode()
        chunks = [packed[k : k + _CHUNK] for k in range(0, len(packed), _CHUNK)]
        head = f"a=T,U=1,i={self.id},f=24,o=z,s={width},v={height},c={columns},r={rows},"
        parts = [
            f"\x1b_G{head if k == 0 else ''}q=2,m={int(k < len(chunks) - 1)};{chunk}\x1b\\"
            for k, chunk in enumerate(chunks)
        ]
        gone = [] if self._before is None else [f"\x1b_Ga=d,d=I,i={self._before},q=2\x1b\\"]
        return "".join([*parts, *gone])
