"""Bad input of ``deepzoom zoom``: one sentence that names the option."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deepzoom.cli import app

PLACE = ["mandelbrot", "--at", "mandelbrot-e50", "--steps", "500", "--from", "3", "--to", "0.05"]


FILM = [*PLACE, "--frames", "9", "--size", "24x16"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def zoom(*args):
    return CliRunner().invoke(app, ["zoom", *map(str, args)])


SOME = ["--from", "1", "--to", "0.1", "--frames", "9"]


BAD = [
    (["--frames", "9"], "--from: a film needs two depths, --from D0 and --to D1"),
    (["--from", "1", "--frames", "9"], "--to: a film needs two depths, --from D0 and --to D1"),
    (["--from", "1", "--to", "2", "--frames", "9"], "--to: 2 is not deeper than --from 1; give a smaller depth"),
    (["--from", "1", "--to", "1", "--frames", "9"], "--to: 1 is not deeper than --from 1"),
    (["--from", "0", "--to", "1", "--frames", "9"], "--from: 0 is not above zero"),
    (["--from", "x", "--to", "1", "--frames", "9"], "--from: 'x' is not a decimal number"),
    (["--from", "1", "--to", "-1", "--frames", "9"], "--to: -1 is not above zero"),
    (["--from", "1", "--to", "0.1"], "--frames: give the number of frames, or the length with --seconds"),
    (["--from", "1", "--to", "0.1", "--frames", "0"], "--frames: 0 is too few; a film needs at least 2"),
    ([*SOME, "--seconds", "3"], "give either --frames or --seconds"),
    (["--from", "1", "--to", "0.1", "--seconds", "-3"], "--seconds: -3 is not a number above zero"),
    (["--from", "1", "--to", "0.1", "--seconds", "3", "--fps", "0"], "--fps: 0 is not a number above zero"),
    (["--from", "1", "--to", "0.1", "--seconds", "0.01"], "--seconds: 0.01 at 30 frames per second makes 0 frames"),
    (["--from", "1", "--to", "0.1", "--frames", "1000000000"], "--yes: 1,000,000,000 frames and"),
    (
        ["--from", "1", "--to", "0.1", "--frames", "9", "--quality", "99"],
        "--quality: 99 is not a number from",
    ),
    ([*SOME, "--stretch", "3"], "--stretch: '3' is not auto, off or"),
    ([*SOME, "--jobs", "0"], "--jobs: 0 is too small; give at least 1"),
    (
        ["--from", "1", "--to", "0.1", "--frames", "9", "--out", "a.gif"],
        "--out: a.gif is neither a folder nor ends in .mp4, .mkv, .webm.",
    ),
    (
        ["--from", "1", "--to", "0.1", "--frames", "9", "--out", "a.webm"],
        "--codec: a .webm video can hold av1, not h264.",
    ),
    (
        ["--from", "1", "--to", "0.1", "--frames", "9", "--codec", "gif", "--out", "a.mp4"],
        "--codec: 'gif' is not one of h264",
    ),
    (
        ["--from", "1", "--to", "0.1", "--frames", "9", "--size", "15x16", "--out", "a.mp4"],
        "--size: a video needs an even",
    ),
    ([*SOME, "--out", "no/such"], "--out: there is no folder no"),
    ([*SOME, "--out", "/proc/a"], "--out: /proc/a cannot be written"),
    ([*SOME, "--expmap", "a.jpg"], "--expmap: a.jpg does not end in .png"),
    ([*SOME, "--palette", "none"], "--palette: 'none' is not a colour map"),
    (
        [*SOME, "--scheduler", "tcp://127.0.0.1:9"],
        "--scheduler: no cluster answers at tcp://127.0.0.1:9"
        if importlib.util.find_spec("distributed")
        else "--scheduler: Dask is not installed; pip install 'deepzoom[cluster]'.",
    ),
    (["--from-data", "none", "--frames", "9"], "--from-data: none holds no keyframes"),
    (
        ["--from-data", ".", "--frames", "9", "--stretch", "auto"],
        "--stretch: this cannot change the keyframes in .; leave the option out",
    ),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[" ".join(g)[-30:] for g, _ in BAD])
def test_bad_input_is_one_sentence(given, message):
    system = [] if "--from-data" in given else ["mandelbrot", "--center", "-0.75", "0.1"]
    result = zoom(*system, *given, *([] if "--out" in given else ["--out", "film"]))
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.stderr.split()) and result.stdout == ""
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_keyframes_that_do_not_belong_together_are_refused():
    assert zoom(*FILM, "--out", "a", "--keep-data").exit_code == 0
    key = Path("a/data/key-00003.npz")
    whole = key.read_bytes()
    key.write_bytes(whole[:200])
    result = zoom("--from-data", "a/data", "--frames", "4", "--out", "b")
    assert result.exit_code == 2 and "--from-data: a/data/key-00003.npz is cut short" in result.stderr
    key.unlink()
    result = zoom("--from-data", "a/data", "--frames", "4", "--out", "b")
    assert result.exit_code == 2 and "--from-data: keyframes are missing in a/data" in result.stderr
    key.write_bytes(whole)
    for given, message in [
        (["--from", "9"], "--to: the keyframes in a/data go from 3 to 0.05"),
        (["--size", "48x16"], "--size: 48x16 has a wider shape than the keyframes (24x16)"),
        (["tanh"], "SYSTEM: the keyframes in a/data name their system"),
    ]:
        result = zoom("--from-data", "a/data", "--frames", "4", "--out", "b", *given)
        assert result.exit_code == 2 and message in result.stderr
