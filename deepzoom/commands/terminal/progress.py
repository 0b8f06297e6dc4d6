"""Progress bars, messages and the growing picture during a render; and what Ctrl-C does."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from rich.console import Console, Group
from rich.constrain import Constrain
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from deepzoom.durations import duration
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field

from .capabilities import AtOnce, shows_colours, shows_pixels
from .picture import HalfBlocks, Pixels

_SHOW_SECONDS, _SHOW_SHARE = 1.0, 0.01
"""The growing picture is redrawn at most this often (seconds), and takes at most this share of the time."""
_MOST_ROWS, _THUMBNAIL_ROWS = 24, 12
_MOST_COLUMNS = 78
"""Width of the bars. If the window shrinks, a wider line would wrap and leave remains on the screen."""
_GROWING, _FINISHED = 4, 10
"""Pixels per character width, in terminals that show pixels, while the picture grows and at the end."""


class Watcher(Observer):
    """Shows progress on stderr, and stops a render at the first Ctrl-C (or SIGTERM), keeping what is done.

    A terminal gets moving bars; a log gets one line when all pixels are done. show: also draw the growing picture, at
    most half as high as the window; None: only if the terminal shows colours. Messages that come after the last pixel
    stand below the picture.
    """

    def __init__(
        self,
        quiet: bool = False,
        show: bool | None = False,
        checkpoint: Callable[[Field], None] = lambda field: None,
    ) -> None:
        in_pixels = shows_pixels() and sys.stderr.isatty()
        self.console = Console(stderr=True, quiet=quiet, color_system="truecolor" if in_pixels else "auto")
        self._draws = shows_colours(self.console)
        self._in_pixels = in_pixels and self._draws  # a placeholder's colour encodes its picture's number
        self._show = (self._draws if show is None else show) and not quiet
        self._keep = checkpoint
        self._stop = False
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self._picture: HalfBlocks | Pixels | None = None
        self._said: list[str] = []
        self._live = Live(self._frame(), console=self.console, refresh_per_second=1 if self._show else 4)
        self._tasks: dict[str, TaskID] = {}
        self._due = 0.0
        self._field: Field | None = None
        self._all_done = False
        self._begin: tuple[float, int] | None = None
        self._begun: dict[str, tuple[float, int]] = {}
        self._tenths: dict[str, int] = {}

    def __enter__(self) -> Watcher:
        if self.console.is_terminal:
            self._live.__enter__()
            if self._draws:
                self.console.push_render_hook(AtOnce())
        self._before = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.console.is_terminal:
            if self._field is not None and error[0] is None:
                self._draw(self._field, _FINISHED)
            if self._draws:
                self.console.pop_render_hook()
            self._live.__exit__(*error)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop:  # the second signal stops at once
            signal.signal(number, self._before[signal.Signals(number)])
            signal.raise_signal(number)
        self._stop = True
        self.say("Stopping when the running batches are done; press Ctrl-C again to stop at once.")

    def stopped(self) -> bool:
        return self._stop

    def say(self, text: str) -> None:
        if self._all_done and self._picture is not None:
            self._said.append(text)
            self._live.update(self._frame(), refresh=True)
        else:
            self.console.print(text, highlight=False, soft_wrap=True)

    def _frame(self) -> Group:
        """What is redrawn: the picture, the bars, and what was said last."""
        picture = [] if self._picture is None else [self._picture]
        return Group(*picture, Constrain(self._bars, _MOST_COLUMNS), *map(Text, self._said))

    def _draw(self, field: Field, fine: int = _GROWING) -> None:
        """Show the picture so far."""
        begin, first = time.thread_time(), self._picture is None  # the first time includes imports
        rows = max(1, min(_MOST_ROWS, self.console.height // 2))
        if self._in_pixels:
            before = self._picture if isinstance(self._picture, Pixels) else None
            self._picture = Pixels(field, rows, fine, before)
        else:
            self._picture = HalfBlocks(field, rows)
        self._live.update(self._frame(), refresh=True)
        took = 0.0 if first else time.thread_time() - begin
        self._due = time.perf_counter() + max(_SHOW_SECONDS, took / _SHOW_SHARE)

    def _task(self, name: str, total: float) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, count="")
        return self._tasks[name]

    def reference(self, share: float) -> None:
        self._bars.update(self._task("reference", 1.0), completed=share, count=f"{share:.0%}")

    def pixels(self, field: Field, done: int, total: int) -> None:
        now = time.perf_counter()
        if "reference" in self._tasks:
            self._bars.update(self._tasks["reference"], completed=1.0, count="100%")
        if self._begin is None:
            self._begin = now, done
        seconds, count = now - self._begin[0], done - self._begin[1]
        rate = f"  {count / seconds:,.0f} px/s" if count and seconds > 0 else ""
        self._bars.update(self._task("pixels", total), completed=done, count=f"{done:,} of {total:,}{rate}")
        if not self.console.is_terminal:
            if done == total:
                self.say(f"{count:,} pixels in {seconds:.1f} s:{rate}.")
                if self._show:
                    self.console.print(HalfBlocks(field, max(4, self.console.height - 6)))
        elif self._show and done:
            self._field, self._all_done = field, done == total
            if now > self._due:
                self._draw(field)

    def part(self, name: str, done: int, total: int) -> None:
        self._bars.update(self._task(name, total), completed=done, count=f"{done:,} of {total:,}")
        if self.console.is_terminal:
            if self._field is not None and time.perf_counter() > self._due:  # repaired pixels change their colours
                self._draw(self._field)
            return
        begun, first = self._begun.setdefault(name, (time.perf_counter(), done))
        tenth = 10 * done // max(1, total)
        if done > first and tenth > self._tenths.get(name, 10 * first // max(1, total)):  # one line per tenth
            self._tenths[name] = tenth
            left = (time.perf_counter() - begun) * (total - done) / (done - first)
            self.say(f"{name}: {done:,} of {total:,}" + (f", about {duration(left)} left." if done < total else "."))

    def level(self, field: Field, text: str) -> None:
        if self._draws:
            self.console.print(HalfBlocks(field, _THUMBNAIL_ROWS))
        self.say(text)

    def checkpoint(self, field: Field) -> None:
        self._keep(field)


def fail(message: str) -> None:
    """Print one error sentence on stderr."""
    Console(stderr=True).print(f"[bold red]Error:[/] {_escaped(message)}", highlight=False, soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
