"""Where a film goes: its folder or video, its keyframes, and what is there already."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from deepzoom.errors import InputError
from deepzoom.files import check_output
from deepzoom.pictures.exr import check_package

from .film import Target
from .raw_octaves import PATTERN
from .tour import Tour
from .video import CONTAINERS, check_name, encoder, is_video
from .zoom_path import Film

DEFAULT_FPS = Fraction(30)


def target(
    film: Film | Tour,
    out: Path,
    *,
    keep: bool = False,
    from_data: Path | None = None,
    strip: Path | None = None,
    fps: Fraction = DEFAULT_FPS,
    codec: str = "h264",
    force: bool = False,
    resume: bool = False,
    raw: bool = False,
) -> Target:
    """The output files of a film. Raises InputError if they cannot be written, or if another film is there."""
    if strip is not None and len(film.parts) > 1:
        raise InputError("--expmap: a film with several centres has no exponential map; leave the option out.")
    check_name(out, codec)
    video = is_video(out)
    if raw:
        check_package("--format")
        if video:
            raise InputError(f"--format: exr makes a folder of files, not {out.name}; give --out DIR.")
    data = from_data or (out.with_suffix(".data") if video else out / "data")
    if strip is not None:
        if strip.suffix.lower() != ".png":
            raise InputError(f"--expmap: {strip} does not end in .png.")
        check_output(strip, "--expmap", force or resume)
    if video:
        encoder(codec)
        if film.width % 2 or film.height % 2:
            raise InputError(f"--size: a video needs an even width and height, not {film.width}x{film.height}.")
        check_output(out, "--out", force)
    else:
        if out.exists() and not out.is_dir():
            raise InputError(f"--out: {out} is neither a folder nor ends in {', '.join(CONTAINERS)}.")
        check_output(out / "frame-000000.png" if out.exists() else out, "--out", True)
    unfinished = from_data is None and any(data.rglob("key-*.npz"))
    if not (resume or force) and (unfinished or (not video and any(_frames(out)))):
        raise InputError(
            f"--out: {out} holds a film, or part of one; continue it with --resume, or start over with --force."
        )
    return Target(out, data, keep or from_data is not None, strip, fps, codec, from_data is not None, raw)


def _frames(folder: Path) -> list[Path]:
    """The frames and raw data of a film in a folder."""
    return [*folder.glob("frame-*.png"), *folder.glob(PATTERN)]


def clear(target: Target) -> None:
    """Remove the files of another film: its frames, and its keyframes unless they are given."""
    old = [] if target.is_video else _frames(target.out)
    if not target.given:
        old += target.data.rglob("key-*.npz")
    for path in old:
        path.unlink()
