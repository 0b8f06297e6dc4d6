"""``deepzoom verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .exit_codes import reported


@reported
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz", help="Data file of a render.")],
    system: Annotated[
        str | None, typer.Argument(metavar="SYSTEM", help="FILE.py:NAME, where the field is of a map in a file.")
    ] = None,
    pixels: Annotated[int, typer.Option(metavar="N", help="How many random pixels.")] = 200,
    seed: Annotated[int, typer.Option(metavar="S", help="Which ones.")] = 0,
    jobs: Annotated[int | None, typer.Option(metavar="N", help="Threads; default: all cores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages.")] = False,
) -> None:
    """Run random pixels of a data file again, exactly, and say how many differ."""
    from deepzoom import systems
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import InputError
    from deepzoom.rendering.batches import check_jobs
    from deepzoom.rendering.confidence_interval import percent, share_interval
    from deepzoom.rendering.field import Field
    from deepzoom.rendering.verify import verify as verified

    if pixels < 1:
        raise InputError(f"--pixels: {pixels} is not at least 1.")
    if seed < 0:
        raise InputError(f"--seed: {seed} is not at least 0.")
    check_jobs(jobs)
    field = Field.load(file)
    if system is not None:
        if not systems.is_own(system):
            raise InputError(f"SYSTEM: {system!r} is no FILE.py:NAME; the data file names its system itself.")
        systems.load(system)
    with Watcher(quiet) as watcher:
        verdict = verified(field, pixels, seed, jobs, watcher)
    facts: dict[str, Any] = {"pixels": len(verdict.pixels), "seed": seed, "undecided": int((~verdict.sure).sum())}
    lines = []
    for name, trust in (("settled", 1), ("unchecked", 0), ("unsettled", -1)):
        differ, compared = verdict.counted(trust)
        low, high = share_interval(differ, compared)
        facts |= {name: compared, f"{name}_differ": differ, f"{name}_low": low, f"{name}_high": high}
        if compared:
            lines.append(
                f"{differ:,} of {compared:,} {name} pixels differ: {percent(low)} to {percent(high)} % of such pixels"
                " at 95 % confidence."
            )
    if facts["undecided"]:
        count = facts["undecided"]
        lines.append(f"{count:,} pixel{'' if count == 1 else 's'} could not be decided exactly either.")
    differing = verdict.pixels[verdict.differs & verdict.sure].tolist()
    view = field.scene.view
    facts["differing"] = [[p % view.pixels % view.width, p % view.pixels // view.width] for p in differing]
    typer.echo(json.dumps(facts) if as_json else "\n".join(lines))
    if not verdict.complete:
        raise typer.Exit(3)
    if verdict.counted(1)[0]:
        raise typer.Exit(4)
