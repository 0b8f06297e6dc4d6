"""``deepzoom verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .exit_codes import reported
from .shared_options import flag, with_default


@reported
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz", help="Data file that 'deepzoom render --data' wrote.")],
    system: Annotated[
        str | None,
        typer.Argument(
            metavar="SYSTEM", help="FILE.py:NAME, if the data file is of your own map or training; else leave it out."
        ),
    ] = None,
    pixels: Annotated[
        int,
        typer.Option(metavar="N", help=with_default("Number of random pixels to check.", "200"), show_default=False),
    ] = 200,
    seed: Annotated[
        int,
        typer.Option(
            metavar="S", help=with_default("Random seed; each seed picks other pixels.", "0"), show_default=False
        ),
    ] = 0,
    jobs: Annotated[int | None, typer.Option(metavar="N", help=with_default("Number of threads.", "all cores"))] = None,
    as_json: Annotated[bool, flag("--json", help="Print the results as one JSON object.")] = False,
    quiet: Annotated[bool, flag("--quiet", help="Print no messages.")] = False,
) -> None:
    """Compute random pixels of a data file again, exactly, and count those that differ."""
    from deepzoom import systems
    from deepzoom.commands.terminal.progress import Watcher
    from deepzoom.errors import InputError
    from deepzoom.rendering.batches import check_jobs
    from deepzoom.rendering.confidence_interval import percent, share_interval
    from deepzoom.rendering.field import Field
    from deepzoom.rendering.verify import verify as verified

    if pixels < 1:
        raise InputError(f"--pixels: {pixels} is too small; give at least 1.")
    if seed < 0:
        raise InputError(f"--seed: {seed} is negative; give 0 or more.")
    check_jobs(jobs)
    field = Field.load(file)
    if system is not None:
        if not systems.is_own(system):
            raise InputError(
                f"SYSTEM: {system!r} is not FILE.py:NAME; leave it out, as the data file names its system."
            )
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
                f"{differ:,} of {compared:,} {name} pixels differ from the exact result, so {percent(low)} to"
                f" {percent(high)} % of all {name} pixels do (95 % confidence)."
            )
    if facts["undecided"]:
        count = facts["undecided"]
        lines.append(f"Not even the exact run could decide {count:,} pixel{'' if count == 1 else 's'}.")
    differing = verdict.pixels[verdict.differs & verdict.sure].tolist()
    view = field.scene.view
    facts["differing"] = [[p % view.pixels % view.width, p % view.pixels // view.width] for p in differing]
    typer.echo(json.dumps(facts) if as_json else "\n".join(lines))
    if not verdict.complete:
        raise typer.Exit(3)
    if verdict.counted(1)[0]:
        raise typer.Exit(4)
