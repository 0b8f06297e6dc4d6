"""Which program a file is of, and its place."""

from __future__ import annotations

from pathlib import Path

from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

from . import comments, fraktaler3, imagina, kalles_fraktaler, posted_text, rust_fractal
from .place import OURS, Place

MOST_BYTES = 8 << 20
"""Of a text: a place with millions of digits has fewer."""


def read_place(path: Path, where: str) -> Place | None:
    """The place of a file that is not a PNG or JPEG picture; None if it is TOML, but not that of another program.

    where: names the file in errors. Raises InputError for a file that cannot be read, or that has no place.
    """
    if path.suffix.lower() == ".exr":
        found = comments.of_exr(path, where)
        if found is None:
            raise InputError(f"{where} carries no scene, and no place of Kalles Fraktaler or Fraktaler-3.")
        return of_comment(*found, where, path.name)
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{where} cannot be read ({(error.strerror or 'no').lower()}).") from None
    if content.startswith(imagina.MAGIC):
        return imagina.place_of_bytes(content, where)
    if len(content) > MOST_BYTES:
        raise InputError(f"{where} is larger than {MOST_BYTES >> 20} MiB, too large for a scene or a place.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if path.suffix.lower() not in (".kfr", ".kfp", ".kfs"):
            raise InputError(f"{where} is neither a scene (TOML text), a picture nor a data file.") from None
        text = content.decode("latin-1")  # the place is ASCII; names of textures beside it may not be
    return of_text(text, where, path)


def of_text(text: str, where: str, path: Path) -> Place | None:
    """The place of a text; None if it is TOML, but not that of another program."""
    suffix = path.suffix.lower()
    if suffix in (".kfr", ".kfp", ".kfs"):
        return kalles_fraktaler.place(text, where, path.name)
    if suffix == ".toml" or "[deepzoom]" in text:
        tables = fraktaler3.toml(text, where)
        if "deepzoom" in tables:
            return None
        if fraktaler3.is_place(tables):
            return fraktaler3.place_of(tables, where)
        return rust_fractal.place_of(tables, where) if rust_fractal.is_place(tables) else None
    if imagina.is_text(text):
        return imagina.place(text, where)
    keys = kalles_fraktaler.keys_of(text)
    if kalles_fraktaler.is_place(keys) and ("FractalType" in keys or "Colors" in keys):
        return kalles_fraktaler.place(text, where, path.name)
    return posted_text.place(text, where)


def of_comment(text: str, size: tuple[int, int], where: str, name: str) -> Place:
    """The place of a picture's comment. Raises InputError if it is none."""
    text = text.rstrip("\0")
    if "[deepzoom]" in text:
        return Place(Scene.from_toml(text, where), OURS)
    if len(text) > MOST_BYTES:
        raise InputError(f"{where} has a comment larger than {MOST_BYTES >> 20} MiB, too large for a place.")
    if kalles_fraktaler.is_place(kalles_fraktaler.keys_of(text)):
        return kalles_fraktaler.place(text, where, name, size)
    if "fraktaler-3" in text:
        return fraktaler3.place(text, where)
    raise InputError(f"{where} carries no scene, and its comment is no place of Kalles Fraktaler or Fraktaler-3.")
