"""PNG pictures that carry their scene, and reading scenes and places from files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError
from deepzoom.exchange import comments
from deepzoom.exchange.place import OURS, Place
from deepzoom.exchange.reading import of_comment
from deepzoom.exchange.reading import read_place as read_foreign
from deepzoom.files import whole_file
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene

KEY, _FILM = comments.SCENE, "deepzoom-film"
"""Names of the PNG's texts: a scene, and which frame of which film it is."""
_SUB, _LEVEL, _PART = 1, 3, 1 << 30
"""The PNG filter that takes differences from the left; how thoroughly pixels are compressed; bytes of a chunk."""


def write_png(path: str | Path, rgb: NDArray[np.float64], scene: Scene, bits: int = 8, film: str | None = None) -> None:
    """Write colours (height, width, 3) in 0 .. 1 as PNG with 8 or 16 bits per channel, and the scene in its metadata.

    film: for a frame of a film (8 bits), the mark that ``film_of`` reads.
    """
    with whole_file(path) as file:
        if bits == 8:
            _write_8_bit(file, rgb, scene, film)
        else:
            _write_16_bit(file, np.rint(rgb * (2**bits - 1)).astype(np.uint16), scene)


def png_bytes(rgb: NDArray[np.float64], scene: Scene) -> bytes:
    """The bytes of the 8-bit PNG that ``write_png`` writes."""
    import io

    file = io.BytesIO()
    _write_8_bit(file, rgb, scene, None)
    return file.getvalue()


def _write_8_bit(file: IO[bytes], rgb: NDArray[np.float64], scene: Scene, film: str | None) -> None:
    height, width, _ = rgb.shape
    texts = [text_chunk(scene)]
    if film is not None:
        texts.append((b"tEXt", f"{_FILM}\0{film}".encode("latin-1")))
    pixels = _deflated(np.rint(rgb * 255).astype(np.uint8).reshape(height, 3 * width))
    begin = b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    file.write(b"\x89PNG\r\n\x1a\n")
    parts = [(b"IDAT", pixels[k : k + _PART]) for k in range(0, len(pixels), _PART)]
    for kind, content in (begin, *texts, *parts, (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
        file.write(struct.pack(">I", len(content)) + kind + content + check)


def _deflated(levels: NDArray[np.uint8]) -> bytes:
    """The compressed rows of a picture.

    Pixels stand as they are where their colours are few, as those of a palette; else as differences from their left
    neighbours. What is smaller is tried on every 16th row.
    """
    height, length = levels.shape
    plain, differences = np.zeros((2, height, length + 1), dtype=np.uint8)
    plain[:, 1:] = levels
    differences[:, 0], differences[:, 1:4] = _SUB, levels[:, :3]
    differences[:, 4:] = levels[:, 3:] - levels[:, :-3]
    smaller = min((plain, differences), key=lambda rows: len(zlib.compress(rows[::16].tobytes(), _LEVEL)))
    return zlib.compress(smaller, _LEVEL)


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


def _write_16_bit(file, levels: NDArray[np.uint16], scene: Scene) -> None:  # type: ignore[no-untyped-def]
    # Pillow cannot write 16-bit RGB
    import io

    import png

    height, width, _ = levels.shape
    plain = io.BytesIO()
    png.Writer(width, height, greyscale=False, bitdepth=16).write(plain, levels.reshape(height, -1))
    chunks = list(png.Reader(bytes=plain.getvalue()).chunks())
    png.write_chunks(file, [*chunks[:-1], text_chunk(scene), chunks[-1]])


def text_chunk(scene: Scene) -> tuple[bytes, bytes]:
    """(type, content) of the chunk that holds a scene."""
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
    if not path.is_file():
        raise InputError(f"{option}: there is no file {path}.")
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
