"""The film scripts, each at a tiny size."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.coordinates import parse_decimal
from deepzoom.rendering.field import Field

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)


def run(monkeypatch, name, *args):
    monkeypatch.setattr(sys, "argv", [name, *args])
    runpy.run_path(str(next(SCRIPTS.rglob(f"{name}.py"))), run_name="__main__")


def film(*more):
    place = ["mandelbrot", "--at", "mandelbrot-e50", "--steps", "300", "--from", "3", "--to", "0.5", "--size", "12x8"]
    result = CliRunner().invoke(app, ["zoom", *place, "--frames", "7", "--out", "film", "--quiet", *more])
    assert result.exit_code == 0, result.output


def test_a_contact_sheet(monkeypatch):
    film()
    run(monkeypatch, "contact_sheet", "film", "--frames", "4", "--columns", "3", "--out", "sheet.png")
    with Image.open("sheet.png") as sheet, Image.open("film/frame-000002.png") as second:
        assert sheet.size == (3 * 16, 2 * 12)
        assert np.array_equal(np.asarray(sheet)[2:10, 18:30], np.asarray(second))


def test_a_range_of_frames(monkeypatch):
    film("--keep-data")
    whole = {p.name: p.read_bytes() for p in Path("film").glob("frame-*.png")}
    run(monkeypatch, "frame_range", "film/data", "--frames", "7", "--first", "2", "--last", "4", "--out", "part")
    made = {p.name: p.read_bytes() for p in Path("part").iterdir()}
    assert sorted(made) == [f"frame-{n:06}.png" for n in (2, 3, 4)]
    assert all(whole[name] == picture for name, picture in made.items())


@pytest.mark.parametrize("system", ["tanh", "burning-ship"])
def test_films_of_systems(monkeypatch, capsys, system):
    small = ["--size", "8x8", "--seconds", "1", "--fps", "4", "--to", "0.1", "--steps", "40"]
    run(monkeypatch, "make_films", "--only", system, *small)
    assert [p.name for p in Path("films").iterdir()] == [f"{system}.mp4"]
    assert f"films/{system}.mp4" in capsys.readouterr().out


def test_every_system_has_a_place_for_a_film_to_1e_20():
    script = runpy.run_path(str(SCRIPTS / "films" / "make_films.py"))
    places, end_of = script["places"](), script["end_of"]
    assert set(places) == set(systems.names())
    for place in places.values():
        assert parse_decimal(place.reaches, "") <= parse_decimal(end_of(place), "") <= parse_decimal("1e-20", "")
    assert end_of(places["tanh"]) == "1e-20"
    assert end_of(places["minibatch"]) == "1.2e-38"  # that place is dust at 1e-20


def test_a_plain_and_an_unfolded_view(monkeypatch):
    small = ["--at", "tanh-deep", "--depth", "1e-6", "--size", "8x8", "--steps", "40"]
    run(monkeypatch, "stretch_figure", *small, "--out", "figure.png")
    with Image.open("figure.png") as figure:
        assert figure.size == (34, 38)


def test_pictures_of_trust(monkeypatch, capsys):
    run(monkeypatch, "unsettled_figure", "--size", "8", "--steps", "40", "--out", "unsettled.png")
    assert "% of 64 pixels are not settled" in capsys.readouterr().out
    run(monkeypatch, "horizon_figure", "--size", "8", "--steps", "40", "--out", "horizon.png")
    with Image.open("unsettled.png") as unsettled, Image.open("horizon.png") as horizon:
        assert (unsettled.size, horizon.size) == ((22, 8), (22, 22))


@pytest.mark.slow
def test_the_course_of_training(monkeypatch):
    run(monkeypatch, "course_figure", "--size", "8", "--steps", "40", "--out", "course.png")
    with Image.open("course.png") as figure:
        assert figure.size == (5 * 8 + 4 * 6, 8) and len(figure.getcolors()) > 20


def test_films_keep_what_they_are_made_of():
    film("--keep-data")
    assert Field.load(Path("film/data/key-00002.npz")).made["pixels"] > 0
