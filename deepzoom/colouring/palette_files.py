"""Reads palette files: lists of colours (.map, .gpl, .ase), gradients (.ggr, .ugr, .css), palettes of Kalles Fraktaler
(.kfp, .kfr), and pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from deepzoom.errors import InputError
from deepzoom.exchange import adobe_swatches, css_gradient, gimp_gradient, kalles_colours, ultra_fractal
from deepzoom.exchange.gradients import as_text
from deepzoom.exchange.kalles_fraktaler import keys_of

SUFFIXES = (".map", ".gpl", ".ase", ".ggr", ".ugr", ".css", ".kfp", ".kfr", ".png", ".jpg", ".jpeg")
MOST_COLOURS = 256
MOST_BYTES = 1 << 20
_PICTURES = (".png", ".jpg", ".jpeg")
_MOST_PIXELS = 1 << 26

_GIMP = "GIMP Palette"
_COLOUR = re.compile(r"\s*(\d{1,9})\s+(\d{1,9})\s+(\d{1,9})(?![\w.])", re.ASCII)
_HEADER = re.compile(r"[A-Za-z]+:")


@dataclass(frozen=True)
class PaletteFile:
    """The colours of a palette, ``#rrggbb`` and evenly spaced, and the name that a scene has for it.

    cycle: the counts after which the palette repeats, if the file says so.
    """

    name: str
    colours: tuple[str, ...]
    cycle: float | None = None


def is_file(path: Path) -> bool:
    """Whether a name is that of a palette file."""
    return path.suffix.lower() in SUFFIXES


def chosen(text: str) -> PaletteFile | None:
    """The palette that a file's name or a CSS gradient gives; None for any other text, such as a colour map's name.

    Raises InputError for a file or a gradient that is broken.
    """
    if css_gradient.is_gradient(text):
        return PaletteFile(" ".join(text.split())[:200], css_gradient.colours(text, "--palette"))
    path = Path(text)
    return read_file(path) if is_file(path) else None


def read(path: Path) -> tuple[str, ...]:
    """The colours of a palette file; see ``read_file``."""
    return read_file(path).colours


def read_file(path: Path) -> PaletteFile:
    """The palette of a file, whose ending says its kind. Raises InputError if it is not of that kind.

    A .map file has lines of "r g b", each 0 to 255, with any text after them. A .gpl file begins with the line "GIMP
    Palette"; then come such lines, headers ("Name: ...") and comments ("# ..."). Both have 1 to 256 colours. A picture
    gives the colours of its middle row, from left to right, or of its middle column if it is higher than wide.
    """
    given, suffix = f"--palette: {path}", path.suffix.lower()
    if not path.exists():
        raise InputError(f"--palette: there is no file {path}.")
    if suffix in _PICTURES:
        return PaletteFile(path.name, _strip(path, given))
    content = _content(path, given)
    text = content.decode("latin-1")  # the colours are ASCII; the text beside them may have any encoding
    if suffix in (".kfp", ".kfr"):
        found = kalles_colours.colours(keys_of(text), given)
        if found is None:
            raise InputError(f"{given} has no line 'Colors', which a palette of Kalles Fraktaler needs.")
        return PaletteFile(path.name, found.row, found.cycle)
    if suffix == ".ase":
        return PaletteFile(path.name, adobe_swatches.colours(content, given))
    gradients = {".ggr": gimp_gradient.colours, ".ugr": ultra_fractal.colours, ".css": css_gradient.colours}
    if suffix in gradients:
        return PaletteFile(path.name, gradients[suffix](text.removeprefix("\xef\xbb\xbf"), given))
    return PaletteFile(path.name, _listed(text, suffix, given))


def _content(path: Path, given: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{given} cannot be read ({(error.strerror or 'no').lower()}).") from None
    if len(content) > MOST_BYTES:
        raise InputError(f"{given} is larger than 1 MiB, too large for a palette file.")
    return content


def _listed(text: str, suffix: str, given: str) -> tuple[str, ...]:
    """The colours of a .map or .gpl file."""
    lines = list(enumerate(text.splitlines(), 1))
    if suffix == ".gpl":
        if not lines or lines[0][1].removeprefix("\xef\xbb\xbf").strip() != _GIMP:
            raise InputError(f"{given} is not a GIMP palette: its first line is not {_GIMP!r}.")
        lines = [(n, t) for n, t in lines[1:] if not (t.lstrip().startswith("#") or _HEADER.match(t))]
    colours = [_colour(line, f"{given}, line {number}") for number, line in lines if line.strip()]
    if not 1 <= len(colours) <= MOST_COLOURS:
        raise InputError(f"{given} has {len(colours)} colours; give 1 to {MOST_COLOURS} lines of 'r g b', 0 to 255.")
    return tuple(colours)


def _colour(text: str, where: str) -> str:
    found = _COLOUR.match(text)
    if found is None:
        raise InputError(f"{where}: {text.strip()[:20]!r} does not begin with three numbers 'r g b' from 0 to 255.")
    numbers = [int(n) for n in found.groups()]
    if max(numbers) > 255:
        raise InputError(f"{where}: {max(numbers)} is not a number from 0 to 255.")
    return "#{:02x}{:02x}{:02x}".format(*numbers)


def _strip(path: Path, given: str) -> tuple[str, ...]:
    """The colours along the middle of a picture, at most 256: each the mean of the pixels that it stands for."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=["PNG", "JPEG"]) as image:
            width, height = image.size
            if width * height > _MOST_PIXELS:
                raise InputError(f"{given} has {width * height:,} pixels; {_MOST_PIXELS:,} are the most for a palette.")
            middle = (0, height // 2, width, height // 2 + 1)
            if height > width:
                middle = (width // 2, 0, width // 2 + 1, height)
            strip = image.crop(middle).convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{given} is not a PNG or JPEG picture, or it is cut short.") from None
    if height > width:
        strip = strip.transpose(Image.Transpose.ROTATE_90)
    if strip.width > MOST_COLOURS:
        strip = strip.resize((MOST_COLOURS, 1), Image.Resampling.BOX)
    row = strip.tobytes()
    return tuple(as_text([level / 255 for level in row[k : k + 3]]) for k in range(0, len(row), 3))
