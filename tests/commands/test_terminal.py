"""Pictures in the terminal: half-blocks, and pixels by kitty's protocol."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from kitty import Kitty, field_of
from rich.console import Console

from deepzoom.colouring.colour import coloured
from deepzoom.commands.terminal import capabilities
from deepzoom.commands.terminal.capabilities import shows_colours, shows_pixels
from deepzoom.commands.terminal.picture import HalfBlocks, Pixels, cells, thumbnail
from deepzoom.rendering.field import Field
from deepzoom.scene.view import View

COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


BLOCK, PLACEHOLDER = "▀", "\U0010eeee"


def console_of(width=80, height=40, **more):
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        width=width,
        height=height,
        _environ={},
        **more,
    )


def printed(picture, **more):
    console = console_of(**more)
    console.print(picture)
    return console.file.getvalue()


def pixels_of(text):
    """The pixels of half-blocks, uint8 (rows, columns, 3)."""
    rows = []
    for line in text.splitlines():
        pairs = re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m(▀+)", line)
        cells = [np.array(p[:6], int).reshape(2, 1, 3) for p in pairs for _ in p[6]]
        rows.append(np.concatenate(cells, axis=1))
    return np.concatenate(rows)


def test_half_blocks_are_the_picture():
    """A picture that fits is drawn pixel for pixel. Else nearest pixels fill the room, in its proportions."""
    field = field_of(30, 20)
    assert np.array_equal(pixels_of(printed(HalfBlocks(field, 24))), np.rint(255 * coloured(field)))
    small = pixels_of(printed(HalfBlocks(field_of(300, 150), 24), width=40))
    assert small.shape == (20, 40, 3)
    assert np.array_equal(small, thumbnail(field_of(300, 150), 40, 20))
    assert pixels_of(printed(HalfBlocks(field_of(150, 300), 24))).shape == (48, 24, 3)


@pytest.mark.parametrize(("size", "room"), [((1, 1), (40, 24)), ((4000, 3), (40, 2)), ((3, 4000), (80, 1))])
def test_a_picture_of_any_shape_has_a_character(size, room):
    columns, rows = cells(View.parse("0", "0", "1", size), *room)
    assert 1 <= columns <= room[0] and 1 <= rows <= room[1]


def test_a_thumbnail_works_out_its_own_pixels_alone(monkeypatch):
    field = field_of(400, 300)
    field.done[:] = False
    field.done[::16, ::16] = True
    wanted = field.shown()[5:300:7, 3:400:9]
    assert np.array_equal(field.shown(at=np.ix_(range(5, 300, 7), range(3, 400, 9))), wanted)
    sizes = []
    shown = Field.shown
    monkeypatch.setattr(Field, "shown", lambda *a, **k: sizes.append(shown(*a, **k).size) or shown(*a, **k))
    thumbnail(field, 40, 30)
    assert max(sizes) == 40 * 30


@pytest.mark.parametrize(
    ("environment", "more", "shows"),
    [
        (COLOURS, {}, True),
        ({"TERM": "xterm-256color"}, {}, True),
        ({"TERM": "xterm"}, {}, False),  # 16 colours
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, {}, False),
        ({**COLOURS, "NO_COLOR": "1"}, {}, False),
        (COLOURS, {"force_terminal": False}, False),
    ],
)
def test_where_a_picture_is_shown(environment, more, shows):
    file = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert shows_colours(Console(file=file, _environ=environment, **{"force_terminal": True, **more})) == shows
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert not shows_colours(Console(file=ascii_only, _environ=environment, force_terminal=True))


def test_terminals_that_show_pixels_say_so_in_their_own_name():
    assert shows_pixels({"TERM": "xterm-kitty"}) and shows_pixels({"TERM": "xterm-ghostty"})
    for inside in ("TMUX", "STY", "ZELLIJ"):
        assert not shows_pixels({"TERM": "xterm-kitty", inside: "1"})
    assert not shows_pixels({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"})  # one that a shell in kitty started
    assert not shows_pixels({"TERM": "tmux-256color"}) and not shows_pixels({})


def test_pixels_by_kittys_protocol():
    field, kitty = field_of(300, 200), Kitty()
    first = Pixels(field, 24, 10)
    text = kitty.take(printed(first))
    (number, (rgb, (columns, rows))), *others = kitty.images.items()
    assert not others and np.array_equal(rgb, np.rint(255 * coloured(field)))
    assert (columns, rows) == (72, 24) and 0 < number < 1 << 24
    lines = text.splitlines()
    assert len(lines) == rows
    for row, line in enumerate(lines):  # in the documentation's table U+0305 is 0, U+030D is 1, U+030E is 2
        colour, mark = re.fullmatch(
            rf"\x1b\[38;2;([\d;]+)m{PLACEHOLDER}(.)\u0305{PLACEHOLDER}{{71}}\x1b\[0m", line
        ).groups()
        assert int.from_bytes(bytes(map(int, colour.split(";")))) == number
        assert row > 2 or mark == "\u0305\u030d\u030e"[row]
    assert kitty.take(printed(first)) == text and len(kitty.images) == 1
    kitty.take(printed(Pixels(field, 24, 10, first)))
    assert len(kitty.images) == 1 and number not in kitty.images


def test_large_pictures_are_sent_smaller_and_in_parts():
    field, kitty = field_of(1200, 1200), Kitty()
    text = printed(Pixels(field, 24, 4), width=200)
    assert text.count("\x1b_G") > 2
    kitty.take(text)
    ((rgb, size),) = kitty.images.values()
    assert size == (48, 24) and rgb.shape == (192, 192, 3)


def test_what_is_sent_takes_no_room():
    segment = capabilities.escape("\x1b[?2026h")
    assert segment.cell_length == 0 and segment.is_control
