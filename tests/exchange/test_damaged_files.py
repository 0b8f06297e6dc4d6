"""Damaged files of every kind that deepzoom reads: each gives a scene or colours, or one sentence; never a traceback.

In the fast tests each kind is damaged in a few ways, in the slow ones in 2,000.
"""

from __future__ import annotations

import io
import random
from fractions import Fraction

import pytest
from damage import damaged
from PIL import Image, PngImagePlugin
from test_hybrids import HYBRIDS, text_of
from test_kalles_fraktaler import PLACE
from test_other_programs import F3, IMT, RUST, imagina_bytes
from test_writing import KFR, exr

from deepzoom.errors import InputError
from deepzoom.pictures.png import read_place
from deepzoom.scene.scene import Scene

POSTED = "Re = -1.25\nIm: 0.1\nZoom: 2^100\nIterations: 10,000\n"
TURNS = '[[formula]]\nabs_x = true\npower = 3\n[[formula]]\nopcodes = "store sqr mul absx add"\n'
HYBRID = f"{PLACE}UseHybridFormula: 1\r\nHybridFormula: {text_of(HYBRIDS[2])}\r\n"


def picture(kind):
    """A picture of Kalles Fraktaler, which carries its place as a comment."""
    info, out = PngImagePlugin.PngInfo(), io.BytesIO()
    info.add_text("Comment", KFR)
    Image.new("RGB", (16, 9)).save(out, kind, **({"pnginfo": info} if kind == "PNG" else {"comment": KFR.encode()}))
    return out.getvalue()


KINDS = {
    "place.kfr": PLACE.encode(),
    "hybrid.kfr": HYBRID.encode(),
    "place.f3.toml": (F3 + TURNS).encode(),
    "rust.toml": RUST.encode(),
    "place.imt": IMT.encode(),
    "place.im": imagina_bytes(Fraction(-7, 4), Fraction(3, 2**70), 1.5, -40, 12345),
    "posted.txt": POSTED.encode(),
    "picture.png": picture("PNG"),
    "picture.jpg": picture("JPEG"),
    "picture.exr": exr([("KallesFraktaler2+", "string", KFR.encode())], (16, 9)),
}


@pytest.mark.parametrize("count", [20, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", KINDS)
def test_damaged_places_are_read_or_refused(name, count, tmp_path):
    """A place that is read can be written as a scene, and comes back from it."""
    chance, path, read = random.Random(24), tmp_path / name, 0
    for _ in range(count):
        path.write_bytes(damaged(KINDS[name], chance))
        try:
            place = read_place(path)
        except InputError as error:
            assert "\n" not in str(error)
        else:
            read += place is not None
            assert place is None or Scene.from_toml(place.scene.to_toml()) == place.scene
    assert count < 2000 or 0 < read < count
