"""Maps in the user's own files: they render like built-in ones, no scene carries their code, bad ones are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.field import Field
from deepzoom.systems import own_file

MAPS = '''
"""Maps."""
from fractions import Fraction

from deepzoom.formula import Complex, absolute, im, re
from deepzoom.systems.base import Setting
from deepzoom.systems.escape_time import C, EscapeTimeMap, Iteration, Z

I = Complex.constant(0, 1)


def ship(z, c):
    """The Burning Ship,

    written once more."""
    return (abs(re(z)) + 1j * absolute(im(z))) ** 2 + c


julia = Iteration(Z**2 + C, c=(Fraction(-8, 10), Fraction(156, 1000)))


def build(settings):
    return Iteration(Z ** int(settings["power"]) + C, degree=float(settings["power"]))


multibrot = EscapeTimeMap("multibrot", "z**power + c", build, {"power": Setting("3", "the power")}, 500)
three = 3
empty = lambda z, c: None
fails = lambda z, c: z.missing
wild = Iteration(Z**2 + C, c=("a", 1))
spread = Iteration(Z**2 + C, radius=-1.0)
text = Iteration("z**2 + c")
lost = Iteration(Z**2 + C, loop=1)
'''


@pytest.fixture
def maps(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_file, "_loaded", {})
    Path("maps.py").write_text(MAPS)


def deepzoom(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.mark.parametrize(
    ("name", "built_in", "given"),
    [("ship", "burning-ship", ["--set", "radius=2"]), ("julia", "julia", []), ("multibrot", "mandelbrot", [])],
)
def test_the_same_as_a_built_in_map(maps, name, built_in, given):
    place = ["--center", "-0.4", "0.6", "--depth", "1.9", "--size", "24x16", "--backend", "cpu-perturbation"]
    place += ["--steps", "500"]
    mine = deepzoom("render", f"maps.py:{name}", *place, *given, "--out", "a.png", "--data", "a.npz")
    assert mine.exit_code == 0, mine.output
    power = ["--set", "power=3"] if name == "multibrot" else []
    assert deepzoom("render", built_in, *place, *power, "--out", "b.png", "--data", "b.npz").exit_code == 0
    a, b = Field.load(Path("a.npz")), Field.load(Path("b.npz"))
    assert np.array_equal(a.iterations, b.iterations) and np.allclose(a.measure, b.measure, rtol=0, atol=1e-9)
    assert len(np.unique(a.iterations)) > 3


def test_a_scene_holds_names_and_a_hash_and_needs_the_file(maps, monkeypatch):
    place = ["--center", "-1.7", "0", "--depth", "0.2", "--size", "8x8", "--steps", "100"]
    made = deepzoom("render", "./maps.py:ship", *place)
    assert made.stdout == "ship-0.2-001.png\n", made.output
    scene = read_scene(Path("ship-0.2-001.png"))
    assert scene.system == "maps.py:ship" and len(scene.digest) == 64 and "def " not in scene.to_toml()
    assert read_scene(Path("ship-0.2-001.png")).to_toml() == deepzoom("info", "ship-0.2-001.png").stdout
    monkeypatch.setattr(own_file, "_loaded", {})  # as a new process finds it
    alone = deepzoom("render", "--scene", "ship-0.2-001.png", "--out", "b.png")
    assert alone.exit_code == 2 and alone.stderr.count("\n") == 1
    assert "SYSTEM: maps.py:ship is in a Python file, which a scene does not contain; name the file" in alone.stderr
    again = deepzoom("render", "maps.py:ship", "--scene", "ship-0.2-001.png", "--out", "b.png")
    assert again.exit_code == 0, again.output
    assert Path("b.png").read_bytes() == Path("ship-0.2-001.png").read_bytes()
    deeper = deepzoom(
        "render",
        "maps.py:ship",
        "--scene",
        "b.png",
        "--pixel",
        "3",
        "3",
        "--zoom",
        "9",
        "--data",
        "c.npz",
        "--out",
        "c.png",
    )
    assert deeper.exit_code == 0 and deepzoom("colour", "c.npz", "--out", "d.png").exit_code == 0
    Path("maps.py").write_text(MAPS + "\n")
    changed = deepzoom("render", "maps.py:ship", "--scene", "b.png", "--out", "e.png")
    assert changed.exit_code == 2 and "SYSTEM: maps.py has changed since the scene was made" in changed.stderr
    assert deepzoom("render", "mandelbrot", "--scene", "b.png", "--out", "e.png").exit_code == 0
    assert read_scene(Path("e.png")).digest is None


BAD = [
    ("none.py:f", "SYSTEM: none.py cannot be read (there is no such file)"),
    ("maps.py", "SYSTEM: maps.py names nothing in the file; give FILE.py:NAME, such as maps.py:step"),
    ("maps.py:", "SYSTEM: maps.py: names nothing in the file"),
    ("maps.py:a-b", "SYSTEM: maps.py:a-b names nothing in the file"),
    ("maps.py:boat", "SYSTEM: maps.py has no 'boat'; give the name of a Training or a function step(z, c)"),
    ("maps.py:three", "SYSTEM: maps.py: three is '3'; give a Training, a function step(z, c), or an Iteration"),
    ("maps.py:empty", "SYSTEM: maps.py: empty(z, c) gave 'None', which is not an expression of z and c"),
    ("maps.py:fails", "SYSTEM: maps.py: fails raised AttributeError in line 29: 'Complex' object has no attribute"),
    ("maps.py:wild", "SYSTEM: maps.py: wild has a c that is not a pair of numbers, \"('a', 1)\""),
    ("maps.py:spread", "SYSTEM: maps.py: spread has a radius that is not a number above zero, '-1.0'"),
    ("maps.py:text", "SYSTEM: maps.py: text has a formula that is not an expression of z and c, 'z**2 + c'"),
    ("maps.py:lost", "SYSTEM: maps.py: lost has a loop that is not the index of a step, '1'"),
    ("raises.py:f", "SYSTEM: raises.py: it raised ZeroDivisionError in line 2: division by zero"),
    ("leaves.py:f", "SYSTEM: leaves.py: it raised SystemExit in line 1: 3"),
    ("broken.py:f", "SYSTEM: broken.py: it raised SyntaxError in line 1"),
    ("bytes.py:f", "SYSTEM: bytes.py: it raised SyntaxError"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[b[0] for b in BAD])
def test_bad_files_are_one_sentence(maps, given, message):
    Path("raises.py").write_text("f = 1\nf / 0\n")
    Path("leaves.py").write_text("raise SystemExit(3)\n")
    Path("broken.py").write_text("def f(z, c: return z\n")
    Path("bytes.py").write_bytes(b"\xff\xfe\x00")
    result = deepzoom("render", given, "--center", "0", "0", "--depth", "1")
    assert result.exit_code == 2 and message in result.stderr, result.output
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1


def test_a_map_of_a_file_has_no_landmark_and_its_own_settings(maps):
    assert "--center: maps.py:ship has no landmark" in deepzoom("render", "maps.py:ship").stderr
    result = deepzoom("render", "maps.py:julia", "--set", "cx=1", "--center", "0", "0", "--depth", "1")
    assert result.exit_code == 2 and "--set: maps.py:julia has no setting 'cx'; it has none" in result.stderr
    assert systems.is_escape_time("maps.py:julia") and not systems.is_escape_time("tanh")
