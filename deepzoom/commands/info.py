"""``deepzoom info``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from .exit_codes import reported


@reported
def info(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Picture, data file, scene, or a place.")],
) -> None:
    """Print, as TOML, the scene that a file was made from, and how it was made."""
    from deepzoom.exchange.place import OURS, Place
    from deepzoom.pictures.png import read_place
    from deepzoom.rendering import course, horizon
    from deepzoom.rendering.field import Field

    field = Field.load(file) if file.suffix.lower() == ".npz" else None
    place = read_place(file) if field is None else Place(field.scene, OURS)
    scene = place.scene
    typer.echo(_packed(scene.to_toml()), nl=False)
    if place.program != OURS:
        typer.echo(f"\n# {place.told()}")
    spanned = scene.view.spanned()
    if spanned is not None:
        typer.echo(f"\n# {spanned}")
    if field is None:
        return
    typer.echo(f"\n# {int(field.done.sum()):,} of {field.done.size:,} pixels done,", nl=False)
    typer.echo(f" {int((field.fate < 0).sum()):,} converged, {int((field.fate > 0).sum()):,} diverged")
    if field.samples is not None:
        count = int(field.samples.done.sum())
        total = field.samples.done.size
        typer.echo(f"# {len(field.samples.done):,} pixels with samples, {count:,} of {total:,} samples done")
    if field.horizon is not None:
        typer.echo(f"# horizon: {horizon.summary(field)}")
    if field.loss is not None:
        typer.echo(f"# course: {course.summary(field)}")
    for key, value in field.made.items():
        typer.echo(f"# {key}: {value}")


def _packed(toml: str) -> str:
    """The text with ten colours of a palette in a line, which has one in each."""
    colour = r' {4}"#[0-9a-f]{6}",\n'
    return re.sub(f"(?:{colour}){{2,10}}", lambda found: "    " + " ".join(found[0].split()) + "\n", toml)
