"""A picture that grows in the terminal while it is rendered."""

from __future__ import annotations

import io
import os
import queue
import sys
import threading

import numpy as np
import pytest
from kitty import Kitty, field_of

from deepzoom.commands.terminal import progress as consoles
from deepzoom.commands.terminal.progress import Watcher

COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


BLOCK, PLACEHOLDER = "▀", "\U0010eeee"


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
