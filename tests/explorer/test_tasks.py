"""Films, dives and loss curves that a page starts."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest
from explored import Client, served

from deepzoom.explorer.address import unpacked
from deepzoom.measuring.probe import float64_losses
from deepzoom.rendering.render import plan
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

HOME = Scene("mandelbrot", View.parse("-0.75", "0.1", "0.01", "32x24"), 200)
TRAINING = Scene("tanh", View.parse("1.5", "2.25", "1", "8x6"), 20, trust="off")


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path / "data"))
    with served(HOME) as one:
        client = Client(one)
        client.hello()
        client.one = one
        yield client
        client.close()


def test_a_film(page, tmp_path):
    import urllib.request

    page.send("film", **{"from": "0.04", "seconds": "0.2"})
    done = page.until("task", kind="film", state="done")
    [video] = tmp_path.glob("mandelbrot-*.mp4")
    with urllib.request.urlopen(page.one.address + done["link"], timeout=20) as answer:
        assert answer.read() == video.read_bytes()
    with av.open(str(video)) as film:
        assert sum(1 for _ in film.decode(video=0)) == 6
    assert page.shown == replace(HOME, view=replace(HOME.view, width=32, height=24))


@pytest.mark.parametrize(("begin", "seconds", "text"), [
    ("1e-5", "1", "not above"), ("4", "1e9", "--seconds"), ("4", "0", "--seconds"), ("x", "1", "--from"),
])  # fmt: skip
def test_films_that_are_refused(page, tmp_path, begin, seconds, text):
    page.send("film", **{"from": begin, "seconds": seconds})
    assert text in page.until("refused", kind="film")["text"] and not list(tmp_path.glob("*.mp4"))


def test_a_film_that_is_stopped(page, tmp_path):
    page.send("film", **{"from": "4", "seconds": "600"})
    page.until("task", kind="film", state="running")
    page.send("film", **{"from": "4", "seconds": "1"})
    assert "one is running" in page.until("refused")["text"]
    page.send("stop", task="film")
    page.until("task", kind="film", state="stopped")
    assert not list(tmp_path.glob("*.mp4"))


def test_a_dive(page):
    page.send("dive", to="1e-3", seed=1)
    levels, task = [], {"state": "running"}
    while task["state"] == "running":
        task = page.until("task", kind="dive")
        levels += [task["address"]] if "image" in task else []
    assert task["state"] == "done" and unpacked(task["address"]).view.depth <= 1e-3 and levels
    assert (unpacked(task["address"]).view.width, unpacked(levels[0]).view.width) == (32, 72)
    page.send("dive", to="1", seed=1)
    assert "not deeper" in page.until("refused")["text"]


def test_a_loss_curve():
    with served(TRAINING) as one:
        page = Client(one, (8, 6))
        page.hello()
        page.send("probe", column=3, row=2)
        curve = page.until("task", kind="curve", state="done")
        x, y = page.shown.view.at(3, 2)
        losses = np.log10(float64_losses(plan(page.shown).system, float(x), float(y)))
        assert curve["steps"] == list(range(20)) and curve["parted"] is None
        assert np.allclose(curve["plain"], losses, atol=1e-3) and np.allclose(curve["exact"], losses, atol=1e-3)
        page.close()
