"""Palettes of other programs against their documentation: colours at places worked out by hand."""

from __future__ import annotations

import io
import math
import random
import struct

import numpy as np
import pytest
from damage import damaged
from PIL import Image

from deepzoom.colouring import palettes
from deepzoom.colouring.palette_files import chosen, read, read_file
from deepzoom.commands.requests.colours import ColourOptions
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SEGMENTS = """GIMP Gradient
Name: Two
2
0.000000 0.250000 0.500000 1.000000 0.000000 0.000000 1.000000 0.000000 0.000000 1.000000 1.000000 {} {}
0.500000 0.750000 1.000000 0.000000 0.000000 1.000000 1.000000 1.000000 1.000000 1.000000 1.000000 0 0
"""
UGR = """fire-1 {
gradient:
  title="fire" smooth=no rotation=12
  index=0 color=255
  index=100 color=65280
  index=300 color=16711680
opacity:
  smooth=no index=0 opacity=255
}
other { gradient: index=0 color=1 }
"""


def level(colours, place):
    """The colour at a place from 0 to 1, as three numbers from 0 to 255; the nearest of the row."""
    colour = colours[round(place * (len(colours) - 1))]
    return tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))


def strip(kind):
    """The bytes of a picture of 64x4 pixels, from black to orange."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 4)).convert("RGB").save(out, kind)
    return out.getvalue()


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_kalles_fraktaler_by_hand(tmp_path):
    """Two keys, blue first: (41, 35, 190) is #be2329. Between keys half a cosine; the third quarter goes back."""
    colours = read(put(tmp_path / "a.kfp", "Colors: 0,0,0,41,35,190,\r\nIterDiv: 0.5\r\nColorMethod: 0\r\n"))
    assert (colours[0], level(colours, 0.5), colours[-1]) == ("#000000", (190, 35, 41), "#000000")
    assert level(colours, 0.25) == pytest.approx((95, 17.5, 20.5), abs=0.6)  # halves of 190, 35 and 41
    share = (1 - math.cos(math.pi / 4)) / 2  # an eighth of the cycle is a quarter of the way to the second key
    assert level(colours, 0.125) == tuple(round(v * share) for v in (190, 35, 41))
    turned = read(put(tmp_path / "b.kfp", "Colors: 0,0,0,41,35,190,\r\nColorOffset: 512\r\n"))
    assert (level(turned, 0), level(turned, 0.5)) == ((190, 35, 41), (0, 0, 0))


def test_a_public_palette_has_the_colours_that_another_program_gives_it(tmp_path):
    """Ultra Fractal's blue, white and orange, in palettes/FractalAlex/def_ultra_fractal.kfp of kf2, blue first.

    rust-fractal-core gives the same colours as red, green, blue in src/util/mod.rs: (0, 7, 100), (32, 107, 203), (237,
    255, 255), (255, 170, 0), (0, 2, 0).
    """
    keys = "100,7,0,151,57,16,203,107,32,229,181,134,255,255,237,127,212,246,0,170,255,0,86,127,0,2,0,50,4,0,"
    colours = read(put(tmp_path / "a.kfp", f"Colors: {keys * 5}\n"))
    found = [level(colours, place) for place in (0, 0.2, 0.4, 0.6, 0.8)]
    assert found == [(0, 7, 100), (32, 107, 203), (237, 255, 255), (255, 170, 0), (0, 2, 0)]


def test_repeated_keys_are_a_shorter_cycle(tmp_path):
    once, thrice = (f"Colors: {'0,0,0,9,8,7,' * n}\r\nIterDiv: 0.25\r\nColorMethod: 0\r\n" for n in (1, 3))
    first, second = read_file(put(tmp_path / "a.kfp", once)), read_file(put(tmp_path / "b.kfr", thrice))
    assert (first.cycle, second.cycle) == (256.0, pytest.approx(256 / 3))
    assert first.colours == second.colours


@pytest.mark.parametrize("keys", [1, 2, 3, 64, 100, 1000, 1024])
def test_kalles_fraktaler_as_it_blends(keys, tmp_path):
    """The table of 1024 places that the program makes, written here from its description, to within 3 levels."""
    rng = np.random.default_rng(keys)
    row = rng.integers(0, 256, (keys, 3))
    text = "Colors: " + "".join(f"{b},{g},{r}," for r, g, b in row)
    colours = read(put(tmp_path / "a.kfp", text))
    at = np.arange(1024) / 1024 * keys
    near, share = np.floor(at).astype(int), (1 - np.cos(np.pi * (at % 1))) / 2
    table = row[near] + (row[(near + 1) % keys] - row[near]) * share[:, None]
    got = 255 * palettes.apply("a.kfp", np.arange(1024) / 1024, True, colours)
    assert np.abs(got - table).max() < (3 if keys <= 100 else 64)


@pytest.mark.parametrize(
    ("blending", "middle", "places"),
    [
        (0, "0.250000", {0.125: 0.25, 0.25: 0.5, 0.375: 0.75}),
        (0, "0.125000", {0.125: 0.5, 0.3125: 0.75}),
        (1, "0.125000", {0.125: 0.5, 0.28125: 0.75}),  # places to the power 1/2: 0.5625**0.5
        (2, "0.250000", {0.125: (1 - math.sqrt(0.5)) / 2, 0.25: 0.5}),
        (3, "0.250000", {0.25: math.sqrt(0.75)}),
        (4, "0.250000", {0.25: 1 - math.sqrt(0.75)}),
        (5, "0.250000", {0.2: 0.0, 0.3: 1.0}),
    ],
)
def test_gimp_gradients_blend_as_described(blending, middle, places, tmp_path):
    text = SEGMENTS.format(blending, 0).replace("0.250000", middle)
    colours = read(put(tmp_path / "a.ggr", text))
    assert level(colours, 0) == (255, 0, 0) and level(colours, 1) == (255, 255, 255)
    assert level(colours, 0.75) == pytest.approx((128, 128, 255), abs=1)
    for place, share in places.items():
        assert level(colours, place)[2] == pytest.approx(255 * share, abs=3)


def test_gimp_gradients_turn_the_hue_both_ways(tmp_path):
    """From red to blue through green (counter-clockwise), or straight through magenta."""
    assert level(read(put(tmp_path / "a.ggr", SEGMENTS.format(0, 1))), 0.25) == pytest.approx((0, 255, 0), abs=3)
    assert level(read(put(tmp_path / "b.ggr", SEGMENTS.format(0, 2))), 0.25) == pytest.approx((255, 0, 255), abs=3)


def test_ultra_fractal_by_hand(tmp_path):
    colours = read(put(tmp_path / "a.ugr", UGR))
    assert (level(colours, 0), level(colours, 0.25), level(colours, 0.75)) == ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    assert level(colours, 0.5) == (0, 128, 128) and level(colours, 0.875) == (128, 0, 128)  # round the end
    assert colours[0] == colours[-1] and palettes.is_cyclic("a.ugr", colours)


def swatches(blocks):
    """A .ase file by its description."""
    body = b""
    for model, levels in blocks:
        name = "\0".encode("utf-16-be")
        data = struct.pack(">H", 1) + name + model + struct.pack(f">{len(levels)}f", *levels) + struct.pack(">H", 0)
        body += struct.pack(">HI", 1, len(data)) + data
    group = struct.pack(">HI", 0xC001, 6) + struct.pack(">H", 2) + "a\0".encode("utf-16-be")
    end = struct.pack(">HI", 0xC002, 0)
    return b"ASEF" + struct.pack(">HHI", 1, 0, len(blocks) + 2) + group + body + end


def test_adobe_swatches(tmp_path):
    content = swatches([(b"RGB ", (1, 0.5, 0)), (b"Gray", (0.2,)), (b"CMYK", (0, 1, 0.5, 0.5))])
    assert read(put(tmp_path / "a.ase", content)) == ("#ff8000", "#333333", "#800040")
    for cut in (13, 30, len(content) - 1):
        with pytest.raises(InputError, match="is cut short"):
            read(put(tmp_path / "a.ase", content[:cut]))


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("linear-gradient(navy, white)", {0: (0, 0, 128), 1: (255, 255, 255), 0.5: (128, 128, 192)}),
        ("linear-gradient(to right, #f00, #0f0 25%, #00f)", {0: (255, 0, 0), 0.25: (0, 255, 0), 0.625: (0, 128, 128)}),
        ("x: radial-gradient(circle at 3px 4px, rgb(0 0 0), rgba(100%, 0%, 0%, 0.5), hsl(240deg 100% 50%));",
         {0: (0, 0, 0), 0.5: (255, 0, 0), 1: (0, 0, 255)}),
        ("linear-gradient(9deg, #000 20%, #fff 20% 60%, #000)", {0.1: (0,) * 3, 0.3: (255,) * 3, 0.8: (128,) * 3}),
        ("linear-gradient(red 50%, lime 10%, blue)", {0.49: (255, 0, 0), 0.5: (0, 255, 0)}),
    ],
)  # fmt: skip
def test_css_gradients_by_hand(text, places, tmp_path):
    from_text, from_file = chosen(text), read(put(tmp_path / "a.css", f"body {{ background:\n {text} }}"))
    assert from_text.colours == from_file
    for place, colour in places.items():
        assert level(from_file, place) == pytest.approx(colour, abs=2)


@pytest.mark.parametrize(("size", "transposed"), [((512, 9), False), ((9, 512), True), ((100, 3), False)])
def test_a_picture_gives_its_middle(size, transposed, tmp_path):
    long = max(size)
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    ramp = (np.arange(long) // 2).astype(np.uint8)
    if transposed:
        pixels[:, size[0] // 2, 1] = ramp
    else:
        pixels[size[1] // 2, :, 1] = ramp
    Image.fromarray(pixels).save(tmp_path / "a.png")
    count = min(long, 256)
    expected = [f"#00{k // (1 if long > 256 else 2):02x}00" for k in range(count)]
    assert read(tmp_path / "a.png") == tuple(expected)


def test_what_comes_into_a_scene(tmp_path):
    scene = Scene("mandelbrot", View.parse("0", "0", "3", "8x8"), 100)
    path = put(tmp_path / "a.kfp", "Colors: 0,0,0,41,35,190,\r\nIterDiv: 0.5\r\nColorMethod: 0\r\n")
    cyclic = ColourOptions(palette=str(path), colouring="cyclic").applied(scene)
    assert (cyclic.palette, cyclic.colouring.cycle) == ("a.kfp", 512.0)
    assert ColourOptions(str(path), "cyclic", "7").applied(scene).colouring.cycle == 7
    assert ColourOptions(palette=str(path)).applied(scene).colouring.cycle == 16
    named = ColourOptions(palette="linear-gradient(navy,\n gold)").applied(scene)
    assert named.palette == "linear-gradient(navy, gold)" and len(named.colouring.colours) == 256
    assert Scene.from_toml(named.to_toml()) == named


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.kfp", "Re: 1\n", "has no line 'Colors'"),
        ("a.kfp", "Colors: 1,2,3,4\n", "these are not colours, each three numbers"),
        ("a.kfp", "Colors: " + "1,2,3," * 1025, "has 1,025 colours; 1024 are the most"),
        ("a.kfp", "Colors: " + "1,2,3," * 500_000, "is larger than 1 MiB"),
        ("a.kfp", "Colors: 1,2,3\nIterDiv: x\n", "IterDiv: 'x' is not a decimal number"),
        ("a.ggr", "GIMP Palette\n", "is not a GIMP gradient"),
        ("a.ggr", "GIMP Gradient\nName: x\n", "'' is not the number of segments"),
        ("a.ggr", SEGMENTS.format(0, 0).replace("2\n0.0", "3\n0.0"), "has 2 segments instead of 3"),
        ("a.ggr", SEGMENTS.format(7, 0), "segment 1: "),
        ("a.ggr", SEGMENTS.format("x", 0), "is not 13 numbers"),
        ("a.ggr", SEGMENTS.format(0, 0).replace("0.750000", "nan"), "is not three places in order"),
        ("a.ugr", "x { }", "has no gradient of Ultra Fractal"),
        ("a.ugr", UGR.replace("16711680", "99999999"), "color=99999999 is not a colour"),
        ("a.ase", b"ASE", "is not an Adobe swatch file"),
        ("a.ase", swatches([(b"LAB ", (1, 1, 1))]), "of the model 'LAB '"),
        ("a.ase", swatches([]), "has 0 colours"),
        ("a.css", "body {}", "has no gradient such as linear-gradient(navy, gold)"),
        ("a.css", "linear-gradient(navy, gold", "the gradient has no closing bracket"),
        ("a.css", "linear-gradient(navy)", "a gradient needs two colours or more"),
        ("a.css", "linear-gradient(navy, nocolour)", "'nocolour' is not a colour such as navy"),
        ("a.css", "linear-gradient(navy, 30%, gold)", "'30%' is not a colour with places in percent"),
        ("a.css", "linear-gradient(to right in oklab, navy, gold)", "asks for another blending than sRGB"),
        ("a.png", b"hello", "is not a PNG or JPEG picture"),
    ],
)
def test_broken_palettes_are_one_sentence(name, content, message, tmp_path):
    with pytest.raises(InputError) as caught:
        read(put(tmp_path / name, content))
    text = str(caught.value)
    assert text.startswith("--palette: ") and message in text and "\n" not in text


@pytest.mark.parametrize("count", [80, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.kfp", b"Colors: 0,0,0,41,35,190,\r\nIterDiv: 0.5\r\nColorMethod: 0\r\nColorOffset: 3\r\nSlopes: 1\r\n"),
        ("a.ggr", SEGMENTS.format(1, 1).encode()),
        ("a.ugr", UGR.encode()),
        ("a.ase", swatches([(b"RGB ", (1, 0.5, 0)), (b"Gray", (0.2,))])),
        ("a.css", b"linear-gradient(90deg, #000 20%, #fff 20% 60%, hsl(20 30% 40%))"),
        ("a.map", b"0 0 0\n255 128 0 orange\n255 255 255\n"),
        ("a.gpl", b"GIMP Palette\nName: Two\nColumns: 2\n# two\n0 0 0 black\n255 128 0 orange\n"),
        ("a.png", strip("PNG")),
        ("a.jpg", strip("JPEG")),
    ],
    ids=["kfp", "ggr", "ugr", "ase", "css", "map", "gpl", "png", "jpg"],
)
def test_damaged_palettes_are_read_or_refused(name, content, count, tmp_path):
    chance, read_ones = random.Random(31), 0
    for _ in range(count):
        try:
            found = read(put(tmp_path / name, damaged(content, chance)))
        except InputError as error:
            assert "\n" not in str(error)
        else:
            read_ones += 1
            assert found and all(len(colour) == 7 for colour in found)
    assert count < 2000 or 0 < read_ones < count
