"""The remark on pictures of one colour."""

from __future__ import annotations

import pytest

from deepzoom import Scene, View, render
from deepzoom.rendering.one_value import remark


@pytest.mark.parametrize(
    ("system", "place", "settings", "wanted"),
    [
        ("mandelbrot", ("0", "0", "0.1"), {}, "All pixels reached the limit of 50 steps"),
        ("mandelbrot", ("9", "9", "0.1"), {"power": "2"}, None),  # the smooth counts differ
        ("formula", ("0", "0", "4"), {"formula": "z**3 + c/z"}, "another start of the formula (--set z0x=1), place"),
        ("formula", ("0", "0", "4"), {"formula": "z**3 + z**2 + c"}, None),
    ],
)
def test_a_picture_of_one_colour_has_a_remark(system, place, settings, wanted):
    found = remark(render(Scene(system, View.parse(*place, "8x6"), 50, settings)).field)
    assert found is None if wanted is None else wanted in found
