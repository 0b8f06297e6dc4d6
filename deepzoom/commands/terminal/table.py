"""Tables on stdout."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

_WHOLE = 10_000  # characters: wider than any row


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header; wide cells wrap in a terminal and stay on one line elsewhere."""
    console = Console()
    if not console.is_terminal:
        console.width = _WHOLE
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for i, name in enumerate(head):
        grid.add_column(name, overflow="fold", no_wrap=i == 0)
    for row in rows:
        grid.add_row(*row)
    console.print(grid, highlight=False, markup=False)
    console.print()
