"""Bad input of ``deepzoom render``: one sentence that names the option and what would be right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom.cli import app


def deepzoom(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


def files():
    return sorted(p.name for p in Path().iterdir())


BAD = [
    (["tan"], "tan"),
    (["manelbrot"], "SYSTEM: there is no 'manelbrot' (similar: mandelbrot); give one of tanh, linear,"),
    (["--at", "nowhere"], "--at: there is no landmark 'nowhere'"),
    (["--at", "mandelbrotdeep"], "--at: there is no landmark 'mandelbrotdeep' (similar: mandelbrot-deep"),
    (
        ["--backend", "cuda"],
        "--backend: 'cuda' is none of auto, cpu-float64, gpu-float64, cpu-perturbation, gpu-",
    ),
    (["--palette", "rainbows"], "--palette: 'rainbows' is not a colour map of matplotlib"),
    (["--palette", "viridi.txt"], "not a colour map of matplotlib (similar: viridis"),
    (["--palette", "none.map"], "--palette: there is no file none.map"),
    (["--palette", "/dev/null/a.gpl"], "--palette: there is no file /dev/null/a.gpl"),
    (["--colouring", "bands"], "--colouring: 'bands' is not one of rank, cyclic, histogram, distance"),
    (["--colouring", "histogram"], "--colouring: histogram needs iteration counts, which tanh does not have"),
    (["--colouring", "distance"], "--colouring: distance needs iteration counts, which tanh does not have"),
    (["--cycle", "8"], "--cycle: this needs --colouring cyclic"),
    (["--colouring", "cyclic", "--cycle", "0"], "--cycle: 0 is not a number above zero, such as 16"),
    (["--colouring", "cyclic", "--cycle", "nan"], "--cycle: nan is not a number above zero"),
    (["--colouring", "cyclic", "--cycle", "inf"], "--cycle: inf is not a number above zero"),
    (["--colouring", "cyclic", "--cycle", "abc"], "--cycle: 'abc' is not a number above zero, such as 16"),
    (["--slope", "north"], "--slope: 'north' is not an angle in degrees, or none"),
    (["--slope", "nan"], "--slope: nan is not an angle in degrees, such as 45"),
    (["--interior", "navy"], "--interior: tanh has no points that never escape"),
    (["mandelbrot", "--interior", "nvy"], "--interior: 'nvy' is not a colour; give a name such as navy, or #rrggbb"),
    (["mandelbrot", "--interior", "#12"], "--interior: '#12' is not a colour"),
    (["mandelbrot", "--interior", "none"], "--interior: 'none' is not a colour"),
    (["mandelbrot", "--interior", "#11223344"], "--interior: '#11223344' is not a colour"),
    (["--set", "colour=red"], "--set: tanh has no setting 'colour'; it has data, activation"),
    (["--set", "activation"], "--set: 'activation' is not KEY=VALUE, such as activation=relu"),
    (["--set", "activation=sinus"], "--set activation: 'sinus' is not one of identity, relu, tanh, sigmoid,"),
    (["--set", "data=none.npz"], "--set data: none.npz does not exist"),
    (["--depth", "0"], "--depth: 0 is not above zero"),
    (["--depth", "-1e-5"], "--depth: -1e-5 is not above zero"),
    (["--depth", "nan"], "--depth: 'nan' is not a decimal number"),
    (["--depth", "abc"], "--depth: 'abc' is not a decimal number"),
    (["--depth", "1e-99999999999"], "--depth: the exponent of '1e-99999999999' is beyond 1,000,000 decimals"),
    (["--depth", "1e-" + "9" * 5000], "is beyond 1,000,000 decimals"),
    (["--depth", "1e-900"], "--depth: no landmark of tanh reaches that deep"),
    (["--center", "1,5", "2", "--depth", "1"], "--center: '1,5 2' has a comma"),
    (["--center", "1.5", "--depth", "1"], "--center: this needs two numbers X Y, but '1.5' is followed by --depth"),
    (["tanh", "--center", "1.5", "--depth", "1"], "--center: this needs two numbers X Y, but '1.5' is followed by --"),
    (["tanh", "--center", "1.5,2", "--depth", "1"], "--center: '1.5,2' has a comma; give two numbers with a space"),
    (["tanh", "--depth", "1", "--center", "1.5,2"], "--center: '1.5,2' has a comma; give two numbers with a space"),
    (["--center", "1.5", "up", "--depth", "1"], "--center y: 'up' is not a decimal number"),
    (["--center", "1", "1"], "--depth: a view with --center needs a depth"),
    (["--center", "999", "1", "--depth", "1"], "--center x: coordinates are log10 of a learning rate"),
    (["--at", "tanh-deep", "--center", "1", "1"], "--center: give either --at or --center"),
    (["linear", "--at", "tanh-deep"], "--at: tanh-deep is a landmark of tanh, not of linear"),
    (["--size", "0x0"], "--size: '0x0' is not WIDTHxHEIGHT"),
    (["--size", "5"], "--size: '5' is not WIDTHxHEIGHT"),
    (["--size", "e5x5"], "--size: 'e5x5' is not WIDTHxHEIGHT"),
    (["--size", "1e400x1"], "--size: '1e400x1' is not WIDTHxHEIGHT"),
    (["--steps", "1" + 20 * "0"], "is not from 1 to 10,000,000"),
    (["--bits", "1" + 20 * "0"], "is not a number of bits from 1 to 10,000,000, such as 256"),
    (["--backend", "exact", "--bits", "8"], "--bits: 8 is too few for depth 1e-20"),
    (["--out", "a.png", "--data", "a.partial.npz"], "--data: a.partial.npz is where an unfinished render is saved"),
    (["mandelbrot", "--formula", "z**2 + c"], "--formula: a formula is a system of its own; leave out mandelbrot"),
    (["--formula", "z.real + c"], "--formula: 'z.real + c' has the attribute 'real'"),
    (["--formula", "c/(z-z)"], "--formula: 'c/(z-z)' divides by zero everywhere"),
    (["newton", "--set", "polynomial=5"], "--set polynomial: '5' is of degree 0"),
    (["newton", "--set", "polynomial=1,-2,1"], "--set polynomial: the polynomial has a repeated root"),
    (["--size", "1e9x1e9"], "--size: '1e9x1e9' would need 111 EiB of memory"),
    (["--steps", "0"], "--steps: 0 is not from 1 to"),
    (["--bits", "64"], "--bits: 64 is too few for depth 1e-20 at 256 rows; give at least"),
    (["--bits", "0"], "--bits: 0 is not a number of bits"),
    (["--jobs", "0"], "--jobs: 0 is too small; give at least 1"),
    (["--png-bits", "12"], "--png-bits: 12 is neither 8 nor 16"),
    (["--out", "no/such/a.png"], "--out: there is no folder no/such"),
    (["--out", "a.jpg"], "--out: a.jpg does not end in .png or .exr"),
    (["--out", "/proc/a.png"], "--out: /proc/a.png cannot be written"),
    (["--data", "a.csv"], "--data: a.csv does not end in .npz"),
    (["--pixel", "1", "1"], "--pixel: give --pixel J I and --zoom K together, and with --scene FILE"),
    (["--scene", "none.toml"], "--scene: there is no file none.toml"),
    (["--scene", ".."], "--scene: .. is a folder; give a file"),
    (["--formula", "z^2 + c"], "--formula: 'z^2 + c' has ^; write powers with **, as in z**2 + c"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[" ".join(g)[:30] for g, _ in BAD])
def test_bad_input_is_one_sentence(place, given, message):
    result = deepzoom("render", *given)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr and result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert files() == []


def test_bad_scenes_and_data_files(place):
    assert deepzoom(*place, "--out", "a.png", "--data", "a.npz").exit_code == 0
    text = deepzoom("info", "a.png").stdout
    Path("unknown.toml").write_text(text + "\n[lens]\nradius = 3\n")
    Path("broken.toml").write_text(text.replace("[view]", "[view"))
    Path("cut.npz").write_bytes(Path("a.npz").read_bytes()[:500])
    Path("cut.png").write_bytes(Path("a.png").read_bytes()[:100])
    np.savez("other.npz", x=np.zeros(4))
    before = files()
    for name, message in [
        ("unknown.toml", "has an unknown key 'lens.radius'"),
        ("broken.toml", "is not valid TOML"),
        ("cut.npz", "is not a data file of deepzoom, or it is cut short"),
        ("other.npz", "is not a data file of deepzoom: it lacks"),
        ("cut.png", "is not a PNG picture, or it is cut short"),
    ]:
        result = deepzoom("render", "--scene", name)
        assert result.exit_code == 2 and f"--scene: {name}" in result.stderr and message in result.stderr
        result = deepzoom("info", name)
        assert result.exit_code == 2 and f"FILE: {name}" in result.stderr and message in result.stderr
    with np.load("a.npz") as archive:
        whole = dict(archive)
    np.savez("made.npz", **{**whole, "made": np.array("[1, 2]")})
    np.savez("digits.npz", **{**whole, "scene": np.array(text.replace("steps = 60", "steps = " + "1" * 5000))})
    np.savez("palette.npz", **{**whole, "scene": np.array(text.replace("Spectral", "Spectrum"))})
    np.savez_compressed("packed.npz", **whole)
    packed = bytearray(Path("packed.npz").read_bytes())
    packed[200:260] = bytes(60)
    Path("damaged.npz").write_bytes(packed)
    with Path("array.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    before = files()
    for name in ("made", "digits", "palette", "damaged", "array"):
        result = deepzoom("colour", f"{name}.npz", "--out", "b.png")
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, (name, result.output)
    assert deepzoom("render", "--scene", "a.png", "--at", "mandelbrot-home").exit_code == 2
    result = deepzoom("render", "a.png")
    assert result.exit_code == 2 and "a.png is a file; to begin with its scene, give --scene a.png." in result.stderr
    result = deepzoom("colour", "cut.npz", "--out", "b.png")
    assert result.exit_code == 2 and "FILE: cut.npz is not a data file" in result.stderr
    result = deepzoom("verify", "a.png")
    assert result.exit_code == 2 and "'deepzoom render --data FILE.npz' writes one" in result.stderr
    Path("folder.npz").mkdir()
    result = deepzoom("colour", "folder.npz", "--out", "b.png")
    assert result.exit_code == 2 and "FILE: folder.npz is a folder" in result.stderr
    Path("folder.npz").rmdir()
    assert deepzoom("colour", "a.npz", "--out", "b.png", "--palette", "none").exit_code == 2
    assert deepzoom("render", "--scene", "a.png", "--pixel", "99", "1", "--zoom", "2").exit_code == 2
    assert deepzoom("render", "--scene", "a.png", "--pixel", "9", "1", "--zoom", "0").exit_code == 2
    assert files() == before
