"""``deepzoom render --tiles``: pictures too large for memory."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .prepare_scene import prepared

if TYPE_CHECKING:
    from deepzoom.commands.requests.scene import Request
    from deepzoom.printing.tiles import Tiles
    from deepzoom.scene.scene import Scene


@dataclass(frozen=True)
class TileOptions:
    """The options that ``render_tiles`` takes, as ``render`` has them."""

    tiles: Path | None
    tile: str | None
    out: Path | None
    png_bits: int
    jobs: int | None
    force: bool
    dry_run: bool
    as_json: bool
    quiet: bool


def render_tiles(request: Request, scene: Scene, options: TileOptions, others: Mapping[str, object]) -> None:
    """Render the missing tiles, or a share of them; without a share, also write the picture.

    others: options that do not go with tiles, and their values, None where not given.
    """
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import InputError, Stopped
    from deepzoom.files import check_output
    from deepzoom.printing import picture
    from deepzoom.printing.compute import compute
    from deepzoom.printing.tiles import Tiles
    from deepzoom.rendering.batches import cores
    from deepzoom.rendering.render import plan

    folder = options.tiles
    if folder is None:
        raise InputError("--tile: this needs --tiles DIR, the folder of all tiles.")
    for option, given in others.items():
        if given is not None:
            raise InputError(f"{option}: this does not work with --tiles; leave it out.")
    picture.check(scene)
    share = None if options.tile is None else _share(options.tile)
    out = options.out
    if share is None:
        if out is None or out.suffix.lower() != ".png":
            raise InputError("--out: a picture in tiles needs a name that ends in .png.")
        check_output(out, "--out", options.force)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--tiles: {folder} is no folder.")
    if not folder.parent.is_dir():
        raise InputError(f"--tiles: there is no folder {folder.parent}; create it first.")
    planned = plan(scene, in_tiles=True)
    if options.dry_run:
        _describe(planned, Tiles.of(folder, scene), options)
        return
    scene = prepared(request, scene, options.quiet)
    tiles = Tiles.of(folder, scene)
    folder.mkdir(exist_ok=True)
    check_output(tiles.path(0), "--tiles", force=True)
    if options.force:
        tiles.remove_others()
    k, n = share or (1, 1)
    numbers = range(k - 1, tiles.count, n)
    begin = time.perf_counter()
    with Watcher(options.quiet) as watcher:
        try:
            done = compute(tiles, numbers, options.jobs or cores(), watcher)
            if share is None and out is not None:
                picture.write(tiles, out, options.png_bits, watcher)
            elif done.left and not options.quiet:
                watcher.say("Once all jobs have ended, the same command takes this share's samples.")
        except Stopped:
            if not options.quiet:
                watcher.say("Stopped; whole tiles are saved. The same command goes on with the others.")
            raise typer.Exit(3) from None
    facts = {"tiles": tiles.count, "share": len(numbers), **done._asdict(), "seconds": _since(begin)}
    written = str(out) if share is None else None
    if options.as_json:
        typer.echo(json.dumps({**facts, "out": written, "folder": str(folder)}))
    else:
        typer.echo(written or str(folder))


def _since(begin: float) -> float:
    return round(time.perf_counter() - begin, 3)


def _share(text: str) -> tuple[int, int]:
    """(K, N) of "K/N". Raises InputError for anything else."""
    from deepzoom.errors import InputError

    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
    k, n = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= k <= n:
        raise InputError(f"--tile: {text[:40]!r} is not K/N, two whole numbers with K from 1 to N, such as 2/8.")
    return k, n


def _describe(planned: Any, tiles: Tiles, options: TileOptions) -> None:
    """Print what would be rendered and how long it would take."""
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.durations import duration
    from deepzoom.rendering.batches import cores
    from deepzoom.rendering.render import estimate

    view, jobs = tiles.scene.view, options.jobs or cores()
    seconds = estimate(planned, jobs, Watcher())
    facts = {
        "system": planned.system.name,
        "backend": planned.backend.name,
        "reason": planned.reason,
        "size": f"{view.width}x{view.height}",
        "pixels": view.pixels,
        "samples": view.samples,
        "tiles": tiles.count,
        "rows": tiles.rows,
        "steps": tiles.scene.steps,
        "jobs": jobs,
        "seconds": None if seconds is None else round(seconds, 1),
        "out": None if options.out is None else str(options.out),
    }
    if options.as_json:
        typer.echo(json.dumps(facts))
        return
    time = "not known before it runs" if seconds is None else f"about {duration(seconds)}, plus the reference run"
    for key, value in {**facts, "seconds": time, "out": facts["out"] or "-"}.items():
        typer.echo(f"{key:<10} {value}")
