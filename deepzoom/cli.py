"""The command line: it parses, calls and prints; it computes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from .field import Field
    from .request import Outputs

app = typer.Typer(
    name="deepzoom",
    help="Deep zoom into the fractal boundary of neural-network trainability, past the float64 wall.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

VIEW, RUN, OUTPUT = "What to show", "How to run", "What to write"


def _reported(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors into one sentence and an exit code."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        from .errors import InputError

        try:
            command(*args, **kwargs)
        except InputError as error:
            from .console import fail

            fail(str(error))
            raise typer.Exit(2) from None
        except (ArithmeticError, MemoryError, OSError) as error:
            from .console import fail

            fail(str(error) or "out of memory.")
            raise typer.Exit(1) from None

    return run


@app.command()
@_reported
def render(
    system: Annotated[str | None, typer.Argument(help="Name of a system [default: tanh].", metavar="SYSTEM")] = None,
    at: Annotated[str | None, typer.Option(metavar="LANDMARK", help="A curated place.", rich_help_panel=VIEW)] = None,
    center: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="X Y", help="Centre, two decimals of any length; log10 units.", rich_help_panel=VIEW),
    ] = None,
    depth: Annotated[
        str | None, typer.Option(metavar="D", help="Full height of the view, such as 1e-20.", rich_help_panel=VIEW)
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels [default: 256x256].", rich_help_panel=VIEW)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the system; see `systems`.", rich_help_panel=VIEW),
    ] = None,
    scene: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Start from a scene, picture or data file.", rich_help_panel=VIEW),
    ] = None,
    pixel: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="J I", help="With --scene: new centre, column and row.", rich_help_panel=VIEW),
    ] = None,
    zoom: Annotated[
        str | None, typer.Option(metavar="K", help="With --pixel: how many times deeper.", rich_help_panel=VIEW)
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Training steps [default: the place's].", rich_help_panel=RUN)
    ] = None,
    backend: Annotated[
        str | None, typer.Option(metavar="NAME", help="See `backends` [default: auto].", rich_help_panel=RUN)
    ] = None,
    bits: Annotated[
        int | None, typer.Option(metavar="N", help="Bits of the reference [default: chosen].", rich_help_panel=RUN)
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Threads [default: all cores].", rich_help_panel=RUN)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an unfinished render.", rich_help_panel=RUN)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and how long it takes.", rich_help_panel=RUN)
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Picture [default: a numbered name].", rich_help_panel=OUTPUT),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="Also the values, to colour again.", rich_help_panel=OUTPUT),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Colour map of matplotlib [default: Spectral].", rich_help_panel=OUTPUT),
    ] = None,
    figure: Annotated[bool, typer.Option("--figure", help="Write it with its axes.", rich_help_panel=OUTPUT)] = False,
    png_bits: Annotated[
        int, typer.Option("--png-bits", metavar="8|16", help="Bits per colour.", rich_help_panel=OUTPUT)
    ] = 8,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.", rich_help_panel=OUTPUT)] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Show the picture so far in the terminal.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=OUTPUT)
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages.", rich_help_panel=OUTPUT)] = False,
) -> None:
    """Render a view to a picture."""
    from . import rendering
    from .console import Watcher
    from .request import Outputs, Request, settings_of

    _check_png_bits(png_bits)
    request = Request(
        system, at, center, depth, size, steps, backend, bits, palette, settings_of(settings or ()), scene, pixel, zoom
    )
    wanted = request.to_scene()
    plan = rendering.plan(wanted)
    outputs = Outputs.chosen(wanted, out, data, force, resume)
    if dry_run:
        _describe(plan, outputs, jobs, as_json)
        return
    partial = outputs.kept(wanted) if resume else None
    with Watcher(quiet, show, lambda field: field.save(outputs.partial)) as watcher:
        if resume:
            kept = 0 if partial is None else int(partial.done.sum())
            watcher.say(f"Going on: {kept:,} pixels are done." if kept else "Nothing to go on with: starting anew.")
        result = rendering.render(wanted, jobs=jobs, observer=watcher, partial=partial)
    if not result.complete:
        if result.field.done.any():
            result.field.save(outputs.partial)
            _write_picture(result.field, outputs.partial_picture, False, png_bits)
        if not quiet:
            kept = result.facts["pixels"]
            typer.echo(f"Stopped; {kept:,} of {plan.pixels:,} pixels are kept. Go on with --resume.", err=True)
        raise typer.Exit(3)
    if outputs.data is not None:
        result.field.save(outputs.data)
    _write_picture(result.field, outputs.picture, figure, png_bits)
    outputs.remove_partial()
    where = {"out": str(outputs.picture), "data": None if outputs.data is None else str(outputs.data)}
    if as_json:
        typer.echo(json.dumps({**result.facts, **where}))
    else:
        for path in (p for p in where.values() if p):
            typer.echo(path)


def _check_png_bits(bits: int) -> None:
    from .errors import InputError

    if bits not in (8, 16):
        raise InputError(f"--png-bits: {bits} is neither 8 nor 16.")


def _write_picture(field: Field, path: Path, figure: bool, png_bits: int) -> None:
    from . import systems
    from .colouring import colour
    from .picture import write_figure, write_png

    scene = field.scene
    rgb = colour(field.shown(), scene.palette, fine=png_bits == 16)
    if figure:
        system = systems.create(scene.system, scene.settings, scene.steps)
        write_figure(path, rgb, scene, system.axes, system.title)
    else:
        write_png(path, rgb, scene, png_bits)


def _describe(plan: Any, outputs: Outputs, jobs: int | None, as_json: bool) -> None:
    """What a render would do."""
    from .console import Watcher
    from .coordinates import format_decimal
    from .rendering import cores, duration, estimate

    view = plan.scene.view
    seconds = estimate(plan, jobs or cores(), Watcher())
    facts = {
        "system": plan.system.name,
        "backend": plan.backend.name,
        "reason": plan.reason,
        "depth": format_decimal(view.depth),
        "size": f"{view.width}x{view.height}",
        "pixels": plan.pixels,
        "steps": plan.scene.steps,
        "jobs": jobs or cores(),
        "seconds": round(seconds, 1),
        "out": str(outputs.picture),
        "data": None if outputs.data is None else str(outputs.data),
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    shown = {**facts, "seconds": f"about {duration(seconds)}, and the reference run", "data": facts["data"] or "-"}
    for key, value in shown.items():
        typer.echo(f"{key:<10} {value}")


@app.command()
@_reported
def colour(
    file: Annotated[Path, typer.Argument(metavar="FILE.npz", help="Data file of a render.")],
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="Picture to write.")],
    palette: Annotated[str | None, typer.Option(metavar="NAME", help="Colour map [default: the file's].")] = None,
    figure: Annotated[bool, typer.Option("--figure", help="Write it with its axes.")] = False,
    png_bits: Annotated[int, typer.Option("--png-bits", metavar="8|16", help="Bits per colour.")] = 8,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Colour a data file again, without running anything."""
    from dataclasses import replace

    from . import palettes
    from .errors import InputError
    from .field import Field
    from .files import check_output

    _check_png_bits(png_bits)
    if out.suffix.lower() != ".png":
        raise InputError(f"--out: {out} does not end in .png.")
    check_output(out, "--out", force)
    if palette is not None:
        palettes.check(palette)
    field = Field.load(file)
    field.scene = replace(field.scene, palette=palette or field.scene.palette)
    _write_picture(field, out, figure, png_bits)
    typer.echo(str(out))


@app.command()
@_reported
def info(file: Annotated[Path, typer.Argument(metavar="FILE", help="Picture, data file or scene.")]) -> None:
    """Print the scene a file was made from, as TOML, and how it was made."""
    from .field import Field
    from .picture import read_scene

    if file.suffix.lower() != ".npz":
        typer.echo(read_scene(file).to_toml(), nl=False)
        return
    field = Field.load(file)
    typer.echo(field.scene.to_toml(), nl=False)
    typer.echo(f"\n# {int(field.done.sum()):,} of {field.done.size:,} pixels done,", nl=False)
    typer.echo(f" {int((field.fate < 0).sum()):,} converged, {int((field.fate > 0).sum()):,} diverged")
    for key, value in field.made.items():
        typer.echo(f"# {key}: {value}")


@app.command("systems")
@_reported
def list_systems() -> None:
    """List the systems, and what --set changes in them."""
    from . import systems
    from .listing import table

    rows = [systems.create(name) for name in systems.names()]
    table(("system", "what it is", "x", "y", "steps"), [
        (s.name, s.title, s.axes[0].label, s.axes[1].label, str(s.default_steps)) for s in rows
    ])  # fmt: skip
    known = rows[0].settings_known
    table(("--set", "meaning", "default"), [(k, v.meaning, v.default or "the system's") for k, v in known.items()])


@app.command("landmarks")
@_reported
def list_landmarks(
    system: Annotated[str | None, typer.Argument(metavar="SYSTEM", help="Only of this system.")] = None,
) -> None:
    """List the curated places that --at takes."""
    from . import systems
    from .landmarks import all_landmarks
    from .listing import table

    if system is not None and system not in systems.names():
        systems.create(system)
    table(("landmark", "system", "depth", "reaches", "steps", "what there is to see"), [
        (m.name + (" *" if m.default else ""), m.system, m.depth, m.reaches, str(m.steps), m.note)
        for m in all_landmarks() if system in (None, m.system)
    ])  # fmt: skip
    typer.echo("* where `deepzoom render SYSTEM` goes by itself")


@app.command("backends")
@_reported
def list_backends() -> None:
    """List the backends, and whether each can run here."""
    from .backends.select import BACKENDS
    from .listing import table

    found = [(name, kind.title, kind().obstacle()) for name, kind in BACKENDS.items()]
    table(("backend", "what it does", "here"), [(n, t, "yes" if o is None else f"no: {o}") for n, t, o in found])


@app.command("cache")
@_reported
def show_cache(
    clear: Annotated[
        str | None, typer.Option(metavar="references|kernels|all", help="Remove what is kept of this kind.")
    ] = None,
) -> None:
    """Show or clear what is kept between runs: reference runs and compiled kernels."""
    from . import cache
    from .errors import InputError
    from .listing import table

    kinds = list(cache.contents())
    if clear is not None:
        if clear not in (*kinds, "all"):
            raise InputError(f"--clear: {clear!r} is none of {', '.join(kinds)}, all.")
        for kind in kinds if clear == "all" else [clear]:
            cache.clear(kind)
    table(("kept", "files", "size"), [(k, str(n), f"{b / 2**20:,.1f} MiB") for k, (n, b) in cache.contents().items()])
    typer.echo(f"in {cache.folder()}")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from . import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point of the ``deepzoom`` command."""
    app(prog_name="deepzoom")


if __name__ == "__main__":
    main()
