"""PNG pictures that carry their scene, and reading scenes and places from files."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError
from deepzoom.exchange import comments
from deepzoom.exchange.place import OURS, Place
from deepzoom.exchange.reading import of_comment
from deepzoom.exchange.reading import read_place as read_foreign
from deepzoom.files import check_input, whole_file
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene

KEY, _FILM = comments.SCENE, "deepzoom-film"
"""Names of the PNG's texts: a scene, and which frame of which film it is."""
_LEVEL = 3
"""Of zlib's compression: of 1 to 9, the last that makes pictures much smaller for little time."""


def write_png(path: str | Path, rgb: NDArray[np.float64], scene: Scene, bits: int = 8, film: str | None = None) -> None:
    """Write colours (height, width, 3) in 0 .. 1 as PNG with 8 or 16 bits per channel, and the scene in its metadata.

    film: for a frame of a film (8 bits), the mark that ``film_of`` reads.
    """
    with whole_file(path) as file:
        _write(file, rgb, scene, bits, film)


def png_bytes(rgb: NDArray[np.float64], scene: Scene) -> bytes:
    """The bytes of the 8-bit PNG that ``write_png`` writes."""
    import io

    file = io.BytesIO()
    _write(file, rgb, scene)
    return file.getvalue()


def film_of(path: Path) -> str | None:
    """The mark that says which frame of which film a picture is; None without a mark, or if the file is damaged."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path) as image:
            image.load()
            found = image.info.get(_FILM)
    except (OSError, SyntaxError, ValueError):
        return None
    return None if found is None else str(found)


def _write(file: IO[bytes], rgb: NDArray[np.float64], scene: Scene, bits: int = 8, film: str | None = None) -> None:
    # Pillow cannot write 16-bit RGB, and takes four times as long for 8 bits
    import io

    import png

    height, width, _ = rgb.shape
    levels = np.rint(rgb * (2**bits - 1)).astype(f">u{bits // 8}").reshape(height, -1).view(np.uint8)
    plain = io.BytesIO()
    png.Writer(width, height, greyscale=False, bitdepth=bits, compression=_LEVEL).write_packed(plain, levels)
    chunks = list(png.Reader(bytes=plain.getvalue()).chunks())
    texts = [text_chunk(scene)]
    if film is not None:
        texts.append((b"tEXt", f"{_FILM}\0{film}".encode("latin-1")))
    png.write_chunks(file, [*chunks[:-1], *texts, chunks[-1]])


def text_chunk(scene: Scene) -> tuple[bytes, bytes]:
    """(type, content) of the chunk that holds a scene."""
    import zlib

    return b"iTXt", KEY.encode() + b"\0\1\0\0\0" + zlib.compress(scene.to_toml().encode())


def read_scene(path: str | Path, option: str = "FILE") -> Scene:
    """The scene of a picture, a data file, a TOML file, or a place of another program (``read_place``)."""
    return read_place(path, option).scene


def read_place(path: str | Path, option: str = "FILE") -> Place:
    """The scene of a file and, if it is of another program, what it does not have of that file.

    Raises InputError, naming ``option``, if there is none.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    where = f"{option}: {path}"
    if suffix == ".npz":
        return Place(Field.load(path, option).scene, OURS)
    check_input(path, option)
    if suffix in (".png", ".jpg", ".jpeg"):
        return _of_picture(path, where)
    found = read_foreign(path, where)
    return Place(Scene.from_toml(path.read_text(encoding="utf-8-sig"), where), OURS) if found is None else found


def _of_picture(path: Path, where: str) -> Place:
    from PIL import Image, PngImagePlugin, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # our own pictures may be larger than Pillow's bound for unknown ones
    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 1 << 28  # and so may centres with many digits
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    try:
        with Image.open(path, formats=[kind]) as image:
            image.load()
            found, comment = image.info.get(KEY), comments.of_image(image)
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        raise InputError(f"{where} is not a {kind} picture, or it is cut short.") from None
    if found is not None:
        return Place(Scene.from_toml(str(found), where), OURS)
    if comment is None:
        raise InputError(f"{where} carries no scene; it was not made by deepzoom.")
    return of_comment(*comment, where, path.name)
