"""``deepzoom zoom`` as a person uses it: frames, videos, --resume, keyframes used again."""

from __future__ import annotations

import json
import os
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from zoom_films import FILM, PLACE, contents, zoom

import deepzoom as package
from deepzoom.errors import InputError
from deepzoom.film.video import encoder, write_video
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.field import Field


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def test_frames_carry_their_scenes():
    result = zoom(*FILM, "--out", "film")
    assert result.exit_code == 0, result.output
    assert result.stdout == "film\n"
    assert sorted(contents("film")) == [f"frame-{n:06}.png" for n in range(9)]
    assert sorted(p.name for p in Path("film").iterdir()) == sorted(contents("film"))
    scenes = [read_scene(Path(f"film/frame-{n:06}.png")) for n in range(9)]
    depths = [float(s.view.depth) for s in scenes]
    assert depths[0] == 3 and depths[-1] == 0.05 and np.allclose(np.diff(np.log(depths)), np.log(0.05 / 3) / 8)
    assert {(s.system, s.steps, s.view.width, s.view.height) for s in scenes} == {("mandelbrot", 500, 24, 16)}
    with Image.open("film/frame-000004.png") as image:
        assert image.size == (24, 16) and len(image.convert("RGB").getcolors()) > 20


def test_the_same_frames_whatever_runs_them_and_from_kept_keyframes():
    assert zoom(*FILM, "--out", "a", "--jobs", "1", "--keep-data").exit_code == 0
    assert zoom(*FILM, "--out", "b", "--jobs", "3").exit_code == 0
    again = zoom("--from-data", "a/data", "--frames", "9", "--out", "c", "--json")
    assert again.exit_code == 0, again.output
    facts = json.loads(again.stdout)
    assert (facts["pixels"], facts["frames"], facts["data"]) == (0, 9, "a/data")
    assert contents("a") == contents("b") == contents("c")
    slower = zoom("--from-data", "a/data", "--frames", "17", "--out", "d", "--palette", "magma", "--size", "12x8")
    assert slower.exit_code == 0 and len(contents("d")) == 17
    assert read_scene(Path("d/frame-000016.png")).palette == "magma"
    part = zoom("--from-data", "a/data", "--frames", "5", "--from", "1", "--to", "0.1", "--out", "e")
    assert part.exit_code == 0 and float(read_scene(Path("e/frame-000000.png")).view.depth) == 1
    assert Path("a/data").exists() and not Path("b/data").exists()


def test_going_on_makes_what_is_missing_or_wrong():
    assert zoom(*FILM, "--out", "a", "--keep-data").exit_code == 0
    whole = contents("a")
    refused = zoom(*FILM, "--out", "a")
    assert (
        refused.exit_code == 2 and "--out: a holds a film, or part of one; continue it with --resume" in refused.stderr
    )
    frames = [Path(f"a/frame-{n:06}.png") for n in range(9)]
    frames[1].unlink()
    frames[2].write_bytes(frames[2].read_bytes()[:-40])
    frames[3].write_bytes(frames[4].read_bytes())
    frames[5].write_bytes(b"")
    key = Path("a/data/key-00003.npz")
    key.write_bytes(key.read_bytes()[:-100])
    Path("a/data/key-00004.npz").write_bytes(Path("a/data/key-00005.npz").read_bytes())
    killed, running = Path("a/.frame-000003.png.abc.tmp"), Path("a/data/.key-00001.npz.def.tmp")
    for path in (killed, running):
        path.write_bytes(b"half")
    os.utime(killed, (time.time() - 3600,) * 2)
    result = zoom(*FILM, "--out", "a", "--resume", "--keep-data", "--json")
    assert result.exit_code == 0
    assert running.exists() and not killed.exists()
    assert "Resuming: 5 of 9 frames are done." in result.stderr
    assert "3 frames are cut short or belong to another film; they will be rendered again." in result.stderr
    assert (
        "2 keyframes are cut short, belong to another film or were checked less; they will be computed again."
        in result.stderr
    )
    assert json.loads(result.stdout)["redone"] == 3
    assert contents("a") == whole
    other = zoom(*FILM, "--out", "a", "--resume", "--palette", "magma", "--json")
    assert json.loads(other.stdout)["redone"] == 9 and json.loads(other.stdout)["pixels"] == 0
    assert contents("a") != whole
    assert zoom(*FILM, "--out", "a", "--force").exit_code == 0
    assert contents("a") == whole
    assert "Resuming: 9 of 9 frames are done." in zoom(*FILM, "--out", "a", "--resume").stderr


def test_keyframes_checked_less_are_made_again():
    tanh = ["tanh", "--steps", "30", "--from", "3", "--to", "1", "--frames", "3", "--size", "8x8", "--keep-data"]
    assert zoom(*tanh, "--out", "a", "--trust", "off").exit_code == 0
    assert (Field.load(Path("a/data/key-00000.npz")).trust == 0).all()
    settled = zoom(*tanh, "--out", "a", "--trust", "settle", "--resume")
    assert (
        settled.exit_code == 0
        and "keyframes are cut short, belong to another film or were checked less" in settled.stderr
    )
    field = Field.load(Path("a/data/key-00000.npz"))
    assert (field.trust[field.done] != 0).all()
    assert "made again" not in zoom(*tanh, "--out", "a", "--trust", "settle", "--resume").stderr


def test_what_else_lies_in_its_folders_stays():
    Path("a/data").mkdir(parents=True)
    for name in ("a/notes.txt", "a/data/measured.npz"):
        Path(name).write_bytes(b"mine")
    for more in ([], ["--force"]):
        assert zoom(*FILM, "--out", "a", *more).exit_code == 0
        assert Path("a/notes.txt").read_bytes() == b"mine" == Path("a/data/measured.npz").read_bytes()
        assert list(Path("a/data").iterdir()) == [Path("a/data/measured.npz")]


def test_a_shorter_film_leaves_no_deeper_keyframes():
    assert zoom(*FILM, "--out", "a", "--keep-data").exit_code == 0
    short = [*FILM[: FILM.index("--to")], "--to", "1", "--frames", "3", "--size", "24x16"]
    assert zoom(*short, "--out", "a", "--resume", "--keep-data").exit_code == 0
    assert zoom("--from-data", "a/data", "--frames", "3", "--out", "b").exit_code == 0


@pytest.mark.parametrize(
    ("codec", "name"), [("h264", "a.mp4"), ("hevc", "a.mp4"), ("av1", "a.mp4"), ("h264", "a.MKV"), ("av1", "a.webm")]
)
def test_a_video(codec, name):
    import av

    try:
        encoder(codec)
    except InputError:
        pytest.skip("no such encoder here")
    result = zoom(*PLACE, "--size", "64x48", "--seconds", "0.5", "--fps", "24", "--codec", codec, "--out", name)
    assert result.exit_code == 0, result.output
    assert [p.name for p in Path().iterdir()] == [name]
    with av.open(name) as video:
        stream = video.streams.video[0]
        frames = [f.to_ndarray(format="rgb24") for f in video.decode(stream)]
        assert (stream.width, stream.height, stream.average_rate, len(frames)) == (64, 48, 24, 12)
        assert 'name = "mandelbrot"' in {k.lower(): v for k, v in video.metadata.items()}["comment"]
        assert stream.codec_context.name.startswith({"h264": "h264", "hevc": "hevc", "av1": ""}[codec])
    assert zoom(*PLACE, "--size", "64x48", "--frames", "12", "--out", "a").exit_code == 0
    for number in (0, 11):
        with Image.open(f"a/frame-{number:06}.png") as image:
            assert np.abs(np.asarray(image.convert("RGB"), float) - frames[number]).mean() < 25


@pytest.mark.parametrize("colour", [(1.0, 0.0, 0.0), (0.2, 0.3, 0.9)])
def test_videos_say_what_their_colours_are(tmp_path, colour):
    import av
    from av.video.reformatter import Colorspace

    write_video(tmp_path / "a.mp4", [np.tile(colour, (64, 64, 1))] * 3, (64, 64), Fraction(30), "h264", "")
    with av.open(str(tmp_path / "a.mp4")) as video:
        frame = next(video.decode(video.streams.video[0]))
        assert frame.colorspace == Colorspace.ITU709
        assert np.abs(frame.to_ndarray(format="rgb24") / 255 - colour).max() < 0.02


def test_what_it_would_take():
    result = zoom(*FILM, "--out", "a", "--dry-run", "--json")
    facts = json.loads(result.stdout)
    assert (facts["frames"], facts["keyframes"], facts["size"]) == (9, 13, "24x16")
    assert facts["seconds"] is None and 24 * 16 < facts["pixels"] < 13 * 24 * 16 and facts["bytes"] > 0
    text = zoom("tanh", "--from", "9", "--to", "1e-3", "--frames", "9", "--size", "8x8", "--out", "a", "--dry-run")
    assert "seconds    at most about" in text.stdout and "bytes      about" in text.stdout
    assert list(Path().iterdir()) == []


def test_the_exponential_map_is_a_picture_with_a_scene():
    assert zoom(*FILM, "--out", "a", "--expmap", "map.png", "--quiet").exit_code == 0
    with Image.open("map.png") as image:
        assert image.size[0] == round(np.pi * np.hypot(24, 16))
    assert read_scene(Path("map.png")).view.depth == read_scene(Path("a/frame-000008.png")).view.depth


def test_higher_quality_averages_samples():
    assert zoom(*FILM, "--out", "a", "--quality", "2", "--keep-data").exit_code == 0
    keyframe = Field.load(Path("a/data/key-00000.npz"))
    assert keyframe.measure.shape == (32, 48)
    assert len(contents("a")) == 9


def test_from_python(tmp_path):
    view = package.View.parse("-0.75", "0.1", "0.1", "16x16")
    result = package.zoom(package.Scene("mandelbrot", view, 200), "2", tmp_path / "film", frames=4)
    assert result.complete and result.facts["frames"] == 4 == len(contents(tmp_path / "film"))


def test_a_film_unfolds_on_its_way():
    from deepzoom.rendering.stretch import ratios, unfolding
    from deepzoom.scene.shape import IDENTITY

    ship = ["burning-ship", "--at", "burning-ship-deep", "--steps", "400", "--from", "1", "--to", "1e-9"]
    frames = ["--frames", "7", "--size", "12x12"]
    assert zoom(*ship, *frames, "--stretch", "auto", "--out", "a", "--keep-data").exit_code == 0
    scenes = [read_scene(Path(f"a/frame-{n:06}.png")) for n in range(7)]
    last = scenes[-1]
    assert last.view.shape == unfolding(last) != IDENTITY
    sizes = [float(np.linalg.norm(s.view.shape.matrix, 2)) for s in scenes]
    assert np.all(np.diff(sizes) >= 0) and sizes[0] < sizes[-1]
    wanted = ratios(last, [s.view.depth for s in scenes])
    assert sizes[-1] == pytest.approx(wanted[-1]) and all(s <= max(wanted) for s in sizes)
    assert zoom("--from-data", "a/data", "--frames", "7", "--out", "b").exit_code == 0
    assert contents("a") == contents("b")
