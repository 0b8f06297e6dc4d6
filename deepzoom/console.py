"""What a person sees while a scene is rendered: progress bars, messages, the picture so far; and Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.style import Style

from .colouring import coloured
from .durations import duration
from .field import Field
from .work import Observer

_SHOW_SECONDS = 1.0
_THUMBNAIL_ROWS = 12


class HalfBlocks:
    """A picture in characters, at most so many rows of them: each is two pixels, one above the other."""

    def __init__(self, field: Field, most_rows: int | None = None) -> None:
        self.field, self._most = field, most_rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        view = self.field.scene.view
        most_rows = 2 * (self._most or max(4, (options.max_height or console.height) - 6))
        scale = max(view.width / options.max_width, view.height / most_rows, 1.0)
        columns, rows = max(1, int(view.width / scale)), max(2, int(view.height / scale) // 2 * 2)
        i = np.minimum((np.arange(rows) + 0.5) * view.height / rows, view.height - 1).astype(int)
        j = np.minimum((np.arange(columns) + 0.5) * view.width / columns, view.width - 1).astype(int)
        rgb = np.rint(255 * coloured(self.field, at=(i[:, None], j))).astype(int)
        for row in range(0, rows, 2):
            for top, bottom in zip(rgb[row], rgb[row + 1], strict=True):
                upper, lower = ("#{:02x}{:02x}{:02x}".format(*c) for c in (top, bottom))
                yield Segment("▀", Style(color=upper, bgcolor=lower))
            yield Segment.line()


class Watcher(Observer):
    """Shows progress on stderr, and ends a render at the first Ctrl-C (or SIGTERM), keeping what is done.

    Bars that move are for a terminal; elsewhere, in a log, there is one line when all pixels are done.
    """

    def __init__(
        self, quiet: bool = False, show: bool = False, checkpoint: Callable[[Field], None] = lambda field: None
    ) -> None:
        self.console = Console(stderr=True, quiet=quiet)
        self._show = show
        self._keep = checkpoint
        self._stop = False
        self._bars = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self._live = Live(self._bars, console=self.console, refresh_per_second=4)
        self._tasks: dict[str, TaskID] = {}
        self._shown = 0.0
        self._begin: tuple[float, int] | None = None
        self._begun: dict[str, tuple[float, int]] = {}
        self._tenths: dict[str, int] = {}

    def __enter__(self) -> Watcher:
        if self.console.is_terminal:
            self._live.__enter__()
        self._before = {s: signal.signal(s, self._on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.console.is_terminal:
            self._live.__exit__(*error)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop:  # the second time: at once
            signal.signal(number, self._before[signal.Signals(number)])
            signal.raise_signal(number)
        self._stop = True
        self.say("Stopping at the end of the tiles in work; once more to stop at once.")

    def stopped(self) -> bool:
        return self._stop

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)

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
                    self.console.print(HalfBlocks(field))
        elif self._show and (now - self._shown > _SHOW_SECONDS or done == total):
            self._shown = now
            self._live.update(Group(HalfBlocks(field), self._bars))

    def part(self, name: str, done: int, total: int) -> None:
        self._bars.update(self._task(name, total), completed=done, count=f"{done:,} of {total:,}")
        if self.console.is_terminal:
            return
        begun, first = self._begun.setdefault(name, (time.perf_counter(), done))
        tenth = 10 * done // max(1, total)
        if done > first and tenth > self._tenths.get(name, 10 * first // max(1, total)):  # a line for each
            self._tenths[name] = tenth
            left = (time.perf_counter() - begun) * (total - done) / (done - first)
            self.say(f"{name}: {done:,} of {total:,}" + (f", about {duration(left)} left." if done < total else "."))

    def level(self, field: Field, text: str) -> None:
        if self.console.is_terminal:
            self.console.print(HalfBlocks(field, _THUMBNAIL_ROWS))
        self.say(text)

    def checkpoint(self, field: Field) -> None:
        self._keep(field)


def fail(message: str) -> None:
    """One sentence on stderr."""
    Console(stderr=True).print(f"[bold red]Error:[/] {_escaped(message)}", highlight=False, soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
