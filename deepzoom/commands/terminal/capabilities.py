"""What a terminal can show, and the control sequences that it gets besides text."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import ControlType, Segment

_PIXELS = ("xterm-kitty", "xterm-ghostty")
"""TERM of terminals that show pictures within text, by kitty's protocol. They set it themselves, and ssh passes it on.

KITTY_WINDOW_ID proves nothing: other terminals that are started from kitty inherit it.
"""
_INSIDE = ("TMUX", "STY", "ZELLIJ")
"""Variables set by terminal multiplexers, which draw the screen themselves."""


def shows_colours(console: Console) -> bool:
    """Whether a picture made of characters can be shown: 256 colours or more, Unicode, lines that can be redrawn.

    NO_COLOR says no.
    """
    return (
        console.is_interactive
        and not console.no_color
        and console.color_system in ("256", "truecolor")
        and not console.options.ascii_only
    )


def shows_pixels(environment: Mapping[str, str] | None = None) -> bool:
    """Whether the environment says that the terminal shows pictures in pixels.

    The terminal itself is not queried: its answer could end up in what the user types.
    """
    found = os.environ if environment is None else environment
    return found.get("TERM") in _PIXELS and not any(found.get(name) for name in _INSIDE)


def escape(text: str) -> Segment:
    """A control sequence, which takes up no space."""
    return Segment(text, None, ((ControlType.CURSOR_FORWARD, 0),))  # rich only checks that there is some control


class _Sent:
    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield escape(self._text)


class AtOnce(RenderHook):
    """Makes the terminal show a redrawn frame only when it is complete, so that it does not flicker.

    This is the private mode 2026 (synchronized output); terminals that do not know it ignore it.
    """

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Sent("\x1b[?2026h"), *renderables, _Sent("\x1b[?2026l")]
