"""What a terminal can show, and what is sent to it beside text."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import ControlType, Segment

_PIXELS = ("xterm-kitty", "xterm-ghostty")
"""TERM of terminals that show pictures in place of text by kitty's protocol. They set it themselves, and ssh passes it

on. KITTY_WINDOW_ID is no sign: it is inherited by other terminals that are started from kitty.
"""
_INSIDE = ("TMUX", "STY", "ZELLIJ")
"""Set by programs that divide a terminal and draw it themselves."""


def shows_colours(console: Console) -> bool:
    """Whether a picture in characters can be seen: at least 256 colours, wanted, in Unicode, and lines drawn again."""
    return (
        console.is_interactive
        and not console.no_color
        and console.color_system in ("256", "truecolor")
        and not console.options.ascii_only
    )


def shows_pixels(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the terminal says that it shows pictures in pixels. Nothing is asked: no answer can go astray."""
    found = os.environ if environment is None else environment
    return found.get("TERM") in _PIXELS and not any(found.get(name) for name in _INSIDE)


def escape(text: str) -> Segment:
    """A sequence for the terminal that takes no room."""
    return Segment(text, None, ((ControlType.CURSOR_FORWARD, 0),))  # which control is not looked at, but that it is one


class _Sent:
    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield escape(self._text)


class AtOnce(RenderHook):
    """What is drawn again is shown at once when all of it is there, so that it does not flicker.

    It is the private mode 2026; terminals that do not know it pass over it.
    """

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Sent("\x1b[?2026h"), *renderables, _Sent("\x1b[?2026l")]
