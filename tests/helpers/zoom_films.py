"""``deepzoom zoom`` in the present folder, and what tests ask of its films."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from deepzoom.cli import app

PLACE = ["mandelbrot", "--at", "mandelbrot-e50", "--steps", "500", "--from", "3", "--to", "0.05"]
FILM = [*PLACE, "--frames", "9", "--size", "24x16"]


def zoom(*args: object) -> Any:
    """The command's result."""
    return CliRunner().invoke(app, ["zoom", *map(str, args)])


def last(result: Any) -> str:
    """The last line of its messages."""
    line: str = result.stderr.splitlines()[-1]
    return line


def contents(folder: str | Path) -> dict[str, bytes]:
    """All frames in a folder, by name."""
    return {p.name: p.read_bytes() for p in Path(folder).glob("frame-*.png")}
