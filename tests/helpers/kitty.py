"""A terminal that shows pictures by kitty's protocol, and fields to show."""

from __future__ import annotations

import base64
import re
import zlib

import numpy as np
from numpy.typing import NDArray

from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def field_of(width: int = 40, height: int = 40, system: str = "mandelbrot") -> Field:
    """A field of random counts, all done."""
    rng = np.random.default_rng(1)
    field = Field.empty(Scene(system, View.parse("0", "0", "3", (width, height)), 100))
    field.measure[:] = 50 * rng.random((height, width))
    field.done[:] = True
    return field


class Kitty:
    """What kitty keeps of what it receives, as its protocol's documentation says."""

    def __init__(self) -> None:
        self.images: dict[int, tuple[NDArray[np.uint8], tuple[int, int]]] = {}

    def take(self, text: str) -> str:
        """Take the commands for pictures. Returns the text that is left."""
        whole = b""
        for keys, payload in re.findall(r"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", text):
            found = dict(pair.split("=") for pair in keys.split(","))
            assert found["q"] == "2", "an answer would be typed into the shell"
            if found.get("a") == "d":
                assert found["d"] == "I"
                del self.images[int(found["i"])]
                continue
            assert len(payload) <= 4096 and (found["m"] == "0" or len(payload) % 4 == 0)
            if "a" in found:
                assert not whole and (found["a"], found["U"], found["f"], found["o"]) == ("T", "1", "24", "z")
                head = found
            else:
                assert set(found) == {"q", "m"}
            whole += base64.standard_b64decode(payload)
            if found["m"] == "0":
                rgb = np.frombuffer(zlib.decompress(whole), np.uint8).reshape(int(head["v"]), int(head["s"]), 3)
                self.images[int(head["i"])] = rgb, (int(head["c"]), int(head["r"]))
                whole = b""
        assert not whole
        return re.sub(r"\x1b_G[^\x1b]*\x1b\\", "", text)
