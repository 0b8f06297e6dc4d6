"""Writes a PNG row by row, so that only some rows are in memory.

PNG: the Portable Network Graphics specification, third edition (W3C): chunks, the filter "up", and a zlib stream.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deepzoom.files import whole_file
from deepzoom.scene.scene import Scene

from .png import text_chunk

_UP = 2
"""The filter that stores differences from the row above, byte by byte."""


def write_rows(path: Path, parts: Iterable[NDArray[np.float64]], scene: Scene, bits: int) -> None:
    """Write colours (rows, width, 3) in 0 .. 1, part by part from the top, as RGB with 8 or 16 bits per channel.

    The file appears whole or not at all. The scene is in its metadata.
    """
    import png

    view, most = scene.view, 2**bits - 1
    packer, above = zlib.compressobj(), np.zeros(view.width * 3 * bits // 8, np.uint8)
    with whole_file(path) as file:
        file.write(png.signature)
        png.write_chunk(file, b"IHDR", struct.pack(">2I5B", view.width, view.height, bits, 2, 0, 0, 0))
        png.write_chunk(file, *text_chunk(scene))
        for rgb in parts:
            levels = np.rint(rgb * most).astype(">u2" if bits == 16 else np.uint8)
            rows = np.concatenate([above[None], levels.reshape(len(rgb), -1).view(np.uint8)])
            above = rows[-1]
            lines = np.concatenate([np.full((len(rgb), 1), _UP, np.uint8), np.diff(rows, axis=0)], axis=1)
            packed = packer.compress(lines.tobytes())
            if packed:
                png.write_chunk(file, b"IDAT", packed)
        png.write_chunk(file, b"IDAT", packer.flush())
        png.write_chunk(file, b"IEND")
