"""Places of other programs on the command line: rendered the right way up, shown, written, refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.pictures.png import read_place
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene

SHIP = "Re: -1.755\r\nIm: -0.02\r\nZoom: 40\r\nIterations: 300\r\nFractalType: 1\r\nPower: 2\r\n"


def run(*args):
    result = CliRunner().invoke(app, [str(a) for a in args])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def count(c, limit=300):
    """The number of the first iterate beyond 2 of the Burning Ship, in plain complex numbers; 0 if there is none."""
    z, n = 0j, 0
    while abs(z) <= 2 and n < limit:
        z, n = complex(abs(z.real), abs(z.imag)) ** 2 + c, n + 1
    return n if abs(z) > 2 else 0


@pytest.mark.parametrize("up", ["0", "1"])
def test_a_burning_ship_is_rendered_the_way_up_that_its_program_shows(up, tmp_path, monkeypatch):
    """Its upper row has the smaller imaginary parts; with ImagPointsUp, the larger ones."""
    monkeypatch.chdir(tmp_path)
    Path("ship.kfr").write_text(SHIP + f"ImagPointsUp: {up}\r\nSlopes: 1\r\nColors: 1,2,3,\r\n")
    done = run("render", "--scene", "ship.kfr", "--size", "6x4", "--data", "ship.npz", "--out", "a.png", "--no-show")
    assert done.exit_code == 0, done.output
    assert "A place of Kalles Fraktaler. Not taken over: the strength of slopes." in done.stderr
    counts = Field.load(Path("ship.npz")).iterations
    sign = 1 if up == "1" else -1
    expected = np.array([
        [count(complex(-1.755 + (j + 0.5 - 3) / 40, -0.02 + sign * (2 - i - 0.5) / 40)) for j in range(6)]
        for i in range(4)
    ])  # fmt: skip
    assert (counts == expected).all() and not (expected == expected[::-1]).all()


def test_info_and_convert(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("ship.kfr").write_text(SHIP + "Rotate: 3\r\nColors: 0,0,0,255,128,64,9,99,199,\r\n")
    shown = run("info", "ship.kfr").stdout
    whole = read_place(Path("ship.kfr"), "FILE").scene.colouring
    assert Scene.from_toml(shown).colouring == whole and len(whole.colours) > shown.count("\n")
    assert "# A place of Kalles Fraktaler. Not taken over: Rotate and Ratio" in shown
    scene = Scene.from_toml(shown)
    for out in ("a.kfr", "a.f3.toml", "a.toml"):
        assert run("convert", "ship.kfr", out).stdout == f"{out}\n"
        again = Scene.from_toml(run("info", out).stdout)
        assert (again.view, again.system, again.steps) == (scene.view, scene.system, scene.steps)
        assert run("convert", "ship.kfr", out).exit_code == 2  # it exists
    assert run("convert", "ship.kfr", "a.xpf").exit_code == 2


COMMANDS = ("render", "--scene"), ("zoom", "--to", "1e-3", "--out", "x", "--scene"), ("info",)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("text", [SHIP.replace("40", "1e999999"), SHIP[:20], SHIP.replace("Type: 1", "Type: 99")])
def test_bad_files_end_with_one_sentence(command, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.kfr").write_text(text)
    done = run(*command, "a.kfr")
    assert done.exit_code == 2 and done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
