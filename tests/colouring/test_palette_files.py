"""Palette files as Fractint and GIMP write them, and files that are not palettes."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import LinearSegmentedColormap

from deepzoom.colouring import palettes
from deepzoom.colouring.palette_files import is_file, read
from deepzoom.errors import InputError

MAP = b"  0   0   0  default.map\r\n255 128\t 7 The line after, 12 34\r\n\r\n1 2 3\r\n"
GPL = b"""GIMP Palette
Name: Three of them
Columns: 3
#
# a comment
  0   0   0\tBlack
255 128   7\tOrange 2
  1   2   3
"""
COLOURS = ("#000000", "#ff8007", "#010203")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.map", MAP),
        ("A.MAP", MAP.replace(b"\r", b"")),
        ("caf\u00e9.map", MAP.replace(b"default", b"d\xe9faut \x81")),
        ("a.gpl", GPL),
        ("a.gpl", b"\xef\xbb\xbf" + GPL.replace(b"\n", b"\r\n")),
        ("a.gpl", b"GIMP Palette\n" + GPL.split(b"#\n")[1]),
    ],
)
def test_colours_stand_in_their_order(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert is_file(tmp_path / name) and read(tmp_path / name) == COLOURS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.map", b"", "has 0 colours; give 1 to 256 lines of 'r g b'"),
        ("a.map", b"\n \n", "has 0 colours"),
        ("a.map", b"1 2 3\n1 2 256\n", "a.map, line 2: 256 is not a number from 0 to 255"),
        ("a.map", b"1 2 -3\n", "line 1: '1 2 -3' does not begin with three numbers 'r g b' from 0 to 255"),
        ("a.map", b"1 2 3\n1 2\n", "line 2: '1 2' does not begin"),
        ("a.map", b"0.5 0.5 0.5\n", "line 1: '0.5 0.5 0.5' does not begin"),
        ("a.map", b"0 0 0.5\n", "line 1: '0 0 0.5' does not begin"),
        ("a.map", b"9 9 99999999999999999999\n", "does not begin"),
        ("a.map", GPL, "line 1: 'GIMP Palette' does not begin"),
        ("a.map", bytes(range(256)), "does not begin with three numbers"),
        ("a.map", b"1 2 3\n" * 257, "has 257 colours; give 1 to 256"),
        ("a.map", b"1 2 3\n" * 200_000, "is larger than 1 MiB"),
        ("a.gpl", MAP, "is not a GIMP palette: its first line is not 'GIMP Palette'"),
        ("a.gpl", b"", "is not a GIMP palette"),
        ("a.gpl", b"GIMP Palette\nName: none\n#\n", "has 0 colours"),
        ("a.gpl", GPL + b"1 2\n", "line 9: '1 2' does not begin"),
    ],
)
def test_what_is_no_palette_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read(tmp_path / name)
    text = str(error.value)
    assert text.startswith("--palette: ") and message in text and "\n" not in text


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "folder.map").mkdir()
    with pytest.raises(InputError, match=r"--palette: there is no file .*none\.gpl\."):
        read(tmp_path / "none.gpl")
    with pytest.raises(InputError, match=r"--palette: .*folder\.map cannot be read \("):
        read(tmp_path / "folder.map")
    assert not is_file(tmp_path / "viridis")


@pytest.mark.parametrize("steps", [256, 1 << 16])
def test_blended_as_matplotlib_blends(steps):
    """The default palette, and a list of colours, blend as in matplotlib to the last bit, without calling it."""
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.random(5000), np.arange(257) / 256, [np.nextafter(1, 0), np.nextafter(0, 1)]])
    rows = [tuple("#{:02x}{:02x}{:02x}".format(*c) for c in rng.integers(0, 256, (n, 3))) for n in (2, 7, 11, 255, 256)]
    maps = [(row, LinearSegmentedColormap.from_list("a", row, steps)) for row in rows]
    maps.append(((), matplotlib.colormaps["Spectral"].resampled(steps)))
    for row, theirs in maps:
        assert np.array_equal(palettes.apply("Spectral", values, steps > 256, row), theirs(values)[:, :3])
