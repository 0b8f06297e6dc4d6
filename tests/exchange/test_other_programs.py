"""Places of Fraktaler-3, rust-fractal, Imagina and posted texts: centre, height, turn and formula worked out by hand.

Facts: param.cc and matrix.h of Fraktaler-3 and its manual; src/renderer.rs and src/util/mod.rs of rust-fractal-core;
File.cpp of Imagina.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from deepzoom.errors import InputError
from deepzoom.exchange.reading import of_text, read_place

F3 = """program = "fraktaler-3"
version = "2.2"
location.real = "-1.25"
location.imag = \"\"\"
0.0312\\
  5\\
  \"\"\"
location.zoom = "8.0"
bailout.iterations = 5000
"""
RUST = 'real = "-1.25"\nimag = "0.03125"\nzoom = "8E0"\niterations = 5000\nrotate = 0\n'


def read(text, name="a.toml"):
    return of_text(text, f"--scene: {name}", Path(name))


def test_fraktaler_3_by_hand():
    found = read(F3)
    view = found.scene.view
    assert (view.x, view.y, view.depth) == (Fraction(-5, 4), Fraction(1, 32), Fraction(1, 2))  # 4/8
    assert (view.width, view.height, view.flip) == (1024, 576, False)  # its default; the axis points up
    assert (found.scene.system, found.scene.steps, found.left_out) == ("mandelbrot", 5000, ())
    assert read('program = "fraktaler-3"').scene.view.depth == 4


@pytest.mark.parametrize("reflect", [False, True])
@pytest.mark.parametrize(("turn", "along", "cents"), [(0, 0, 0), (30, 0, 0), (0, 20, 150), (-75.5, 20, -25)])
def test_the_picture_of_fraktaler_3_lies_where_it_shows_it(reflect, turn, along, cents):
    """Its point is R(+-r) T S T' G (right, up) / zoom; the matrices as its source writes them, row by row."""

    def matrix(t):
        return np.array([[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]])

    sign, factor = -1 if reflect else 1, 2 ** (cents / 100)
    r, t = matrix(sign * math.radians(turn)), matrix(math.radians(along))
    whole = r @ t @ np.diag([factor, 1 / factor]) @ t.T @ np.diag([1, sign])
    text = F3 + (
        f"image.width = 8\nimage.height = 6\ntransform.reflect = {str(reflect).lower()}\ntransform.rotate = {turn}\n"
        f"transform.stretch_angle = {along}.0\ntransform.stretch_amount = {cents}\n"
    )
    for column, row in ((0, 0), (7, 0), (2, 4)):
        right, up = (column + 0.5 - 4) / 6 * 4 / 8, (3 - row - 0.5) / 6 * 4 / 8
        x, y = whole @ (right, up)
        got = tuple(map(float, read(text).scene.view.at(column, row)))
        assert got == pytest.approx((-1.25 + x, 0.03125 + y), abs=1e-11)


@pytest.mark.parametrize(
    ("formula", "system", "settings"),
    [
        ("power = 3", "mandelbrot", {"power": "3"}),
        ("abs_x = true\nabs_y = true", "burning-ship", {}),
        ("neg_y = true", "tricorn", {}),
        ("abs_y = true", "perpendicular-burning-ship", {}),
        ("neg_x = true\npower = 3", "formula", {"formula": "(-conj(z))**3 + c"}),
        ('opcodes = "sqr absx absy add"', "buffalo", {}),
        ('opcodes = "sqr absx add"', "celtic", {}),
        ('opcodes = "store sqr mul add"', "mandelbrot", {"power": "3"}),
        ('opcodes = "store sqr mul sqr add"', "mandelbrot", {"power": "6"}),
        ('opcodes = "sqr sqr add"', "mandelbrot", {"power": "4"}),
        ('opcodes = "negy store sqr mul absx add"', "formula",
         {"formula": "(abs(re(conj(z)**3)) + i*im(conj(z)**3)) + c"}),
        ('opcodes = "store absx absy mul add"', "formula", {"formula": "(fold(z))*(z) + c"}),
    ],
)  # fmt: skip
def test_formulas_of_fraktaler_3(formula, system, settings):
    scene = read(f"{F3}[[formula]]\n{formula}\n").scene
    assert (scene.system, scene.settings) == (system, settings)


def test_what_fraktaler_3_has_more_is_listed():
    text = F3 + "bailout.escape_radius = 2\ntransform.exponential_map = true\nimage.subframes = 8\nnovel = 1\n"
    text += 'reference.real = "0"\n[colour]\nshader = "x"\n'
    assert set(read(text).left_out) == {
        "bailout.escape_radius", "transform.exponential_map", "image.subframes", "novel", "reference", "colour",
    }  # fmt: skip


def test_rust_fractal_by_hand():
    view = read(RUST).scene.view
    assert (view.x, view.y, view.depth, view.flip) == (Fraction(-5, 4), Fraction(1, 32), Fraction(1, 2), True)
    turned = read(RUST.replace("rotate = 0", "rotate = 90.0\nimage_width = 2\nimage_height = 2")).scene.view
    # turned from right to down: what is right above lies right below, where the imaginary part is larger
    assert tuple(map(float, turned.at(1, 0))) == pytest.approx((-1.25 + 0.125, 0.03125 + 0.125), abs=1e-12)
    endless = read(RUST.replace("5000", "10000000000"))  # as locations/seahorse.toml of rust-fractal-core has it
    assert (endless.scene.steps, endless.left_out) == (10**9, ("iterations beyond 1,000,000,000",))
    assert read(RUST + "glitch_percentage = 0.001\n").left_out == ("glitch_percentage",)


def test_a_public_place_is_the_same_in_two_programs():
    """benchmarks/1e14.kfr of smurfix/kf2 and benchmarks/1e14.toml of rust-fractal-core give one place: facts alone."""
    x, y = (
        "-1.759817130804847813610825010561798238243999999999999999999800",
        "-0.012593310799749865383746631843264858450340000000000000000000",
    )
    ours = read(f"Re: {x}\nIm: {y}\nZoom: 1.00e014\nIterations: 4036\nRotate: 0.000000\nRatio: 360.000000\n", "a.kfr")
    theirs = read(f'real = "{x}"\nimag = "{y}"\nzoom = "1.00E14"\niterations = 4036\n')
    assert ours.scene == theirs.scene and ours.left_out == theirs.left_out == ()
    assert ours.scene.view.depth == Fraction(4, 10**14)


IMT = "Formula: Burning ship\nLocation:\n\tRe: -1.c\n\tIm: 0.08\n\tSize: 4@-1\n\tIterations: 5000\n"


def test_imagina_texts_are_hexadecimal():
    found = read(IMT, "a.imt")
    view = found.scene.view
    assert (view.x, view.y) == (Fraction(-7, 4), Fraction(1, 32))  # -1.c is -(1 + 12/16), 0.08 is 8/256
    assert (view.depth, view.flip) == (Fraction(1, 2), False)  # twice 4/16
    assert (found.scene.system, found.scene.steps) == ("burning-ship", 5000)


def imagina_bytes(x, y, half, exponent, limit):
    """A .im file, written by the description of its source: 64-bit limbs, a 32-bit exponent, magnitudes big-endian."""

    def number(value, bits=128):
        whole = int(abs(value) * 2**bits)
        content = whole.to_bytes((whole.bit_length() + 7) // 8, "big")
        limbs = -(-whole.bit_length() // 64)
        size = len(content) if value >= 0 else -len(content)
        return struct.pack("<i", limbs - bits // 64) + struct.pack(">i", size) + content

    return (
        struct.pack("<4Q", 0x000A0D56504D49FF, 0, 32, 0)
        + struct.pack("<dqQ", half, exponent, limit)
        + number(x)
        + number(y)
    )


def test_imagina_bytes(tmp_path):
    path = tmp_path / "a.im"
    content = imagina_bytes(Fraction(-7, 4) - Fraction(1, 2**100), Fraction(3, 2**70), 1.5, -40, 12345)
    path.write_bytes(content)
    scene = read_place(path, "--scene: a.im").scene
    assert (scene.view.x, scene.view.y) == (Fraction(-7, 4) - Fraction(1, 2**100), Fraction(3, 2**70))
    assert (scene.view.depth * 2**40, scene.steps) == (pytest.approx(3, rel=1e-15), 12345)
    for cut in (10, 40, 60, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(InputError, match="is cut short"):
            read_place(path, "--scene: a.im")


@pytest.mark.parametrize(
    ("text", "y", "depth", "flip", "steps"),
    [
        ("Re: -1.25\nIm: 0.03125\nZoom: 8\nIterations: 5000", Fraction(1, 32), Fraction(1, 2), True, 5000),
        ("My place!\n\nRe = -1.25\nIm = 0.031\n25\nZoom = 2^3\nIterations: 5,000", Fraction(1, 32), Fraction(1, 2),
         True, 5000),
        ("Real: -1.25\nImaginary: \u22120.03125\nZoom: 1.6*5^1", Fraction(-1, 32), Fraction(1, 2), False, 20000),
        ("x: -1.25\ny: .03125\nheight: 5e-1\nmax iterations: 1e3", Fraction(1, 32), Fraction(1, 2), False, 1000),
    ],
)  # fmt: skip
def test_posted_texts(text, y, depth, flip, steps):
    scene = read(text, "a.txt").scene
    assert (scene.view.x, scene.view.y, scene.view.depth) == (Fraction(-5, 4), y, depth)
    assert (scene.view.flip, scene.steps, scene.system) == (flip, steps, "mandelbrot")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", F3.replace('"-1.25"', '"-1.25x"'), "location.real: '-1.25x' is not a decimal number"),
        (
            "a.toml",
            F3 + "[[formula]]\n[[formula]]\npower = 3\n" * 20,
            "formula: the formulas' counts add up to more than 32",
        ),
        ("a.toml", F3 + '[[formula]]\nopcodes = "sqr rot 5 add"\n', "formula.opcodes has 'rot', which deepzoom does"),
        (
            "a.toml",
            F3 + f'[[formula]]\nopcodes = "{"absx " * 60}sqr add"\n',
            "the formula is longer than 2000 characters",
        ),
        ("a.kfr", f"Re: {'1' * 300_000}x\nIm: 0\nZoom: 1\n", "111...111111111x' is not a decimal number"),
        ("a.imt", IMT.replace("-1.c", "c" * 300_000 + "g"), "ccc...cccccccccg' is not a hexadecimal number"),
        ("a.toml", F3 + "[[formula]]\npower = 1\n", "formula.power = 1 is of a formula that deepzoom does not have"),
        ("a.toml", F3 + "image.width = 0\n", "image.width = 0 is not a whole number from 1 to 16384"),
        ("a.toml", F3 + "transform = 3\n", "transform should be a table of Fraktaler-3"),
        ("a.toml", F3 + "=", "is not valid TOML"),
        ("a.toml", "location = 3\nprogram = 'fraktaler-3'", "location should be a table of Fraktaler-3"),
        ("a.toml", RUST.replace("8E0", "-8E0"), "zoom: '-8E0' is not a number above zero"),
        ("a.imt", IMT.replace("-1.c", "-1.g"), "Re: '-1.g' is not a hexadecimal number"),
        ("a.imt", IMT.replace("Burning ship", "z^2 + 1/c"), "Formula 'z^2 + 1/c' of Imagina is one that deepzoom"),
        ("a.imt", IMT.replace("\tSize: 4@-1\n", ""), "has no line 'Size'"),
        ("a.txt", "Re: -1\nZoom: 3\n", "it has no Im"),
        ("a.txt", "hello", "is neither a scene (TOML text), a picture, a data file, nor a text with lines"),
        ("a.txt", "Re: 1\nIm: 2\nZoom: 10^9999999", "the power of '10^9999999' is beyond 700,000"),
    ],
)
def test_broken_files_are_one_sentence(name, text, message):
    with pytest.raises(InputError) as caught:
        read(text, name)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_too_large_a_file(tmp_path):
    path = tmp_path / "a.kfr"
    with path.open("wb") as file:
        file.truncate(100 << 20)
    with pytest.raises(InputError, match="is larger than 8 MiB, too large for a scene or a place"):
        read_place(path, "--scene: a.kfr")
