"""The picture so far in a terminal: what is drawn, where, how large, and what is sent. A test plays the terminal."""

from __future__ import annotations

import base64
import io
import os
import queue
import re
import sys
import threading
import zlib

import numpy as np
import pytest
from rich.console import Console

from deepzoom.colouring.colour import coloured
from deepzoom.commands.terminal import capabilities
from deepzoom.commands.terminal import progress as consoles
from deepzoom.commands.terminal.capabilities import shows_colours, shows_pixels
from deepzoom.commands.terminal.picture import HalfBlocks, Pixels, cells, thumbnail
from deepzoom.commands.terminal.progress import Watcher
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
BLOCK, PLACEHOLDER = "▀", "\U0010eeee"


def field_of(width=40, height=40, system="mandelbrot"):
    rng = np.random.default_rng(1)
    field = Field.empty(Scene(system, View.parse("0", "0", "3", (width, height)), 100))
    field.measure[:] = 50 * rng.random((height, width))
    field.done[:] = True
    return field


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


class Kitty:
    """What kitty keeps of what it receives, as its protocol's documentation says."""

    def __init__(self):
        self.images = {}

    def take(self, text):
        """Take the commands for pictures. Returns the text that is left."""
        whole = b""
        for keys, payload in re.findall(r"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", text):
            found = dict(pair.split("=") for pair in keys.split(","))
            assert found["q"] == "2", "an answer would be typed into the shell"
            if found.get("a") == "d":
                assert found["d"] == "I"
                del self.images[int(found["i"])]
                continue
            assert len(payload) <= 4096 and (found["m"] == "0" or len(payload) % 4 == 0)
            if "a" in found:
                assert not whole and (found["a"], found["U"], found["f"], found["o"]) == ("T", "1", "24", "z")
                head = found
            else:
                assert set(found) == {"q", "m"}
            whole += base64.standard_b64decode(payload)
            if found["m"] == "0":
                rgb = np.frombuffer(zlib.decompress(whole), np.uint8).reshape(int(head["v"]), int(head["s"]), 3)
                self.images[int(head["i"])] = rgb, (int(head["c"]), int(head["r"]))
                whole = b""
        assert not whole
        return re.sub(r"\x1b_G[^\x1b]*\x1b\\", "", text)


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


class Played:
    """A pseudo-terminal that is standard error, with a test in the terminal's place."""

    def __init__(self, monkeypatch, columns=80, rows=30, **environment):
        self._outer, self._inner = os.openpty()
        self.size = columns, rows
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size(self.size))
        self._sent: queue.Queue = queue.Queue()
        threading.Thread(target=self._take, daemon=True).start()
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TMUX", "STY", "ZELLIJ"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**COLOURS, **environment}.items():
            monkeypatch.setenv(name, value)
        self._file = os.fdopen(os.dup(self._inner), "w", encoding="utf-8")
        monkeypatch.setattr(sys, "stderr", self._file)
        monkeypatch.setattr(sys, "__stderr__", self._file)

    def _take(self):
        """Read all the time, as a terminal does, or writing would block. Zero bytes mark what was written so far."""
        text = b""
        while True:
            text += os.read(self._outer, 1 << 16)
            *parts, text = text.split(b"\0")
            for part in parts:
                self._sent.put(part)

    def read(self):
        """What was sent since the last call."""
        self._file.write("\0")
        self._file.flush()
        return self._sent.get(timeout=20).decode().replace("\r\n", "\n")


@pytest.fixture
def played(monkeypatch):
    if sys.platform == "win32":
        pytest.skip("no pseudo-terminals")
    monkeypatch.setattr(consoles, "_SHOW_SECONDS", 0.0)
    monkeypatch.setattr(consoles, "_SHOW_SHARE", 1e9)
    return lambda *a, **k: Played(monkeypatch, *a, **k)


def rows_of(text):
    """How many rows the last drawn picture has."""
    last = text.rpartition("\x1b[?2026h")[2]
    return sum(BLOCK in line or PLACEHOLDER in line for line in last.splitlines())


def test_a_picture_grows_and_stays_above_what_is_said_last(played):
    window, field = played(80, 30), field_of()
    field.done[:] = False
    with Watcher(show=None) as watcher:
        watcher.say("before")
        watcher.pixels(field, 0, 1600)
        assert BLOCK not in window.read()
        field.done[::8] = True
        watcher.pixels(field, 25, 1600)
        assert rows_of(window.read()) == 15  # half the window
        window.size = 40, 20
        watcher.pixels(field, 100, 1600)
        assert rows_of(window.read()) == 10
        window.size = 120, 90
        field.done[:] = True
        watcher.pixels(field, 1600, 1600)
        drawn = window.read()
        assert rows_of(drawn) == 20 and drawn.count("\x1b[?2026h") == drawn.count("\x1b[?2026l")
        watcher.say("after")
    lines = window.read().rpartition(BLOCK)[2].splitlines()
    assert "1,600 of 1,600" in lines[1] and lines[2] == "after"


def test_a_picture_in_pixels(played):
    window, kitty, field = played(80, 30, TERM="xterm-kitty", COLORTERM=""), Kitty(), field_of(400, 400)
    with Watcher(show=None) as watcher:
        for done in (400, 800, 160_000):
            watcher.pixels(field, done, 160_000)
            assert rows_of(kitty.take(window.read())) == 15 and len(kitty.images) == 1
    assert BLOCK not in kitty.take(window.read())
    ((rgb, size),) = kitty.images.values()
    assert size == (30, 15) and rgb.shape == (300, 300, 3)  # the last picture is finer


@pytest.mark.parametrize(
    ("given", "environment"),
    [({"show": False}, {}), ({"show": None}, {"NO_COLOR": "1"}), ({"show": None}, {"TERM": "dumb", "COLORTERM": ""}),
     ({"show": None, "quiet": True}, {}), ({"show": True, "quiet": True}, {})],
)  # fmt: skip
def test_no_picture_where_it_is_not_wanted(played, given, environment):
    window, field = played(80, 30, **environment), field_of()
    with Watcher(**given) as watcher:
        watcher.pixels(field, 1600, 1600)
        watcher.level(field, "a level") if given.get("quiet") or environment else None
        watcher.say("after")
    text = window.read()
    assert BLOCK not in text and PLACEHOLDER not in text and "\x1b_G" not in text
    assert ("after" in text) != given.get("quiet", False)


def test_a_picture_costs_little(played, monkeypatch):
    """It is drawn at most once a second, and less often if drawing takes more than a hundredth of the time."""
    window, field, now = played(80, 30), field_of(), [100.0]
    monkeypatch.setattr(consoles, "_SHOW_SECONDS", 1.0)
    monkeypatch.setattr(consoles, "_SHOW_SHARE", 0.01)
    took = [0.001]
    drawn = []
    real = consoles.HalfBlocks

    def slow(*args):
        cpu[0] += took[0]
        drawn.append(now[0])
        return real(*args)

    cpu = [0.0]
    monkeypatch.setattr(consoles.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(consoles.time, "thread_time", lambda: cpu[0])
    monkeypatch.setattr(consoles, "HalfBlocks", slow)
    with Watcher(show=None) as watcher:
        for k in range(1, 41):
            if k == 20:
                took[0] = 0.05
            watcher.pixels(field, 10 * k, 1600)
            now[0] += 0.5
    window.read()
    gaps = np.diff(drawn[:-1])  # the last one is the finished picture
    assert gaps.tolist() == [1.5] * 7 + [5.5]


def test_a_log_has_the_picture_only_where_it_is_asked_for(monkeypatch):
    for show, there in ((None, False), (False, False), (True, True)):
        file = io.StringIO()
        monkeypatch.setattr(sys, "stderr", file)
        with Watcher(show=show) as watcher:
            watcher.pixels(field_of(), 1600, 1600)
        assert (BLOCK in file.getvalue()) == there and "\x1b[?2026" not in file.getvalue()


def test_what_is_sent_takes_no_room():
    segment = capabilities.escape("\x1b[?2026h")
    assert segment.cell_length == 0 and segment.is_control
