"""Films with several centres: where each frame lies, and that it shows what a render of its view shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gmpy2 import mpq
from zoom_films import contents, zoom

from deepzoom.commands.requests.film import FilmRequest
from deepzoom.commands.requests.scene import Request
from deepzoom.film.film import Target, make
from deepzoom.film.frames import Frames
from deepzoom.film.keyframes import Keyframes
from deepzoom.film.palette_ranks import Colours
from deepzoom.film.reproject import frame
from deepzoom.rendering.render import render

WAY = """
[[waypoint]]
depth = "0.1"
[[waypoint]]
depth = "0.8"
seconds = 3
[[waypoint]]
depth = "0.8"
center = ["-0.25", "0.75"]
seconds = 4
ease = "both"
[[waypoint]]
depth = "0.05"
seconds = 4
[[waypoint]]
depth = "0.05"
center = ["-0.2499", "0.75"]
seconds = 1
"""
"""Out of -0.75 + 0.1i, to -1/4 + 3i/4, in there, and a short move at the end."""
MAP = ["mandelbrot", "--center", "-0.75", "0.1", "--size", "48x32", "--steps", "200"]
REQUEST = Request("mandelbrot", center=("-0.75", "0.1"), size="48x32", steps=200)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("way.toml").write_text(WAY)


def film_of(text=WAY, request=REQUEST, **more):
    Path("way.toml").write_text(text)
    return FilmRequest(request, path=Path("way.toml"), frames=13, **more).to_film()


def test_where_frames_lie_by_hand():
    film = film_of()  # one frame a second
    views = [film.view(n) for n in range(13)]
    assert [part for part, _ in film.shots] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    assert [v.x for v in (views[0], views[3], views[7], views[11])] == [mpq(-3, 4), mpq(-3, 4), mpq(-1, 4), mpq(-1, 4)]
    assert (views[12].x, views[12].depth) == (mpq("-0.2499"), mpq(1, 20))
    assert [float(v.depth) for v in views] == pytest.approx(
        [0.1, 0.2, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8, 0.4, 0.2, 0.1, 0.05, 0.05]
    )
    shares = [3 * t**2 - 2 * t**3 for t in (0.25, 0.5, 0.75)]
    assert [float(v.x) for v in views[4:7]] == pytest.approx([-0.75 + 0.5 * s for s in shares], abs=1e-8)
    assert [float(v.y) for v in views[4:7]] == pytest.approx([0.1 + 0.65 * s for s in shares], abs=1e-8)
    wide = film.parts[1].scene.view
    assert (wide.width, wide.height) == (48 + 20 + 4, 32 + 26 + 4)  # 0.5 and 0.65 of 0.8, and the border
    assert (wide.x, wide.y) == (mpq(-1, 2), mpq("0.425"))


def assert_nearest(view, wide, samples):
    """Each value is that of the pixel of the move's picture in which the point lies, by the points' coordinates."""
    own, sign = wide.scene.view, -1 if view.flip else 1
    for row in range(0, view.height, 7):
        for column in range(0, view.width, 5):
            x, y = view.at(column, row)
            right = float((x - own.x) / own.depth) * own.height + own.width / 2
            down = own.height / 2 - sign * float((y - own.y) / own.depth) * own.height
            if 1e-4 < right % 1 < 1 - 1e-4 and 1e-4 < down % 1 < 1 - 1e-4:
                assert samples.measure[row, column] == wide.measure[int(down), int(right)]


@pytest.mark.parametrize("flip", [pytest.param(False, marks=pytest.mark.slow), True])
def test_frames_show_what_a_render_of_their_views_shows(flip, tmp_path):
    film = film_of(request=replace(REQUEST, flip=flip), quality=2.0)
    assert make(film, Target(tmp_path / "f", tmp_path / "d", keep=True)).complete
    parts = [Keyframes(tmp_path / "d" / f"part-{k:02}", part) for k, part in enumerate(film.parts)]
    for number in range(13):
        shot, scene = film.shot(number), film.scene(number)
        field = render(scene).field
        view = replace(film, samples=1).seen(shot)
        shift = shot.right * view.height, shot.up * view.height
        samples = frame(view, parts[shot.part], shift)
        assert not np.isnan(samples.measure).any()
        # the nearest of four pixels is a third of a pixel away: beside the border it can have another fate
        assert (samples.fate == field.fate).mean() > 0.97
        if shot.reached is not None:
            assert_nearest(scene.view, parts[shot.part].get(0), samples)
        if shot.reached in (0.0, 1.0):  # the colours are those of the zoom before, or after
            colours = Colours(parts[shot.part + (1 if shot.reached else -1)])
            wanted = colours.rgb(samples, colours.descent.position(view.depth))
            own = Frames(replace(film, samples=1), parts).rgb(number)
            assert np.allclose(own, wanted, atol=1e-12)


def test_moves_are_exact_far_down():
    """Two centres that differ in their 60th digit."""
    at = "-0.7746806106269039", "-0.1374168856037867867"
    deep = [f"{a}{'0' * 40}{k}" for a, k in zip(at, (1, 2), strict=True)]
    other = [f"{a}{'0' * 40}{k}" for a, k in zip(at, (3, 1), strict=True)]
    text = "\n".join(
        f'[[waypoint]]\ndepth = "{depth}"\ncenter = {list(center)}{after}'.replace("'", '"')
        for depth, center, after in (
            ("1e-60", deep, ""), ("1e-55", deep, "\nseconds = 6"), ("1e-55", other, "\nseconds = 6"),
        )
    )  # fmt: skip
    film = film_of(text, request=replace(REQUEST, center=None))
    first, middle, last = (film.view(n) for n in (6, 9, 12))
    assert (first.x, last.y) == (mpq(deep[0]), mpq(other[1]))
    assert abs(middle.x - (mpq(deep[0]) + mpq(other[0])) / 2) < mpq(1, 10**63)
    shots = [film.shot(n) for n in (6, 12)]
    across = float((mpq(other[0]) - mpq(deep[0])) / mpq("1e-55"))
    assert shots[1].right - shots[0].right == pytest.approx(across, rel=1e-12)
    assert (shots[0].part, shots[1].part) == (1, 1)


def test_the_command(tmp_path):
    ordered = ("--path", "way.toml", "--frames", "13")
    result = zoom(*MAP, *ordered, "--out", "f", "--keep-data", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["frames"], facts["from"], facts["to"]) == (13, "0.8", "0.05") and facts["pixels"] > 0
    frames = contents("f")
    assert len(frames) == 13 and len({*frames.values()}) == 13
    coloured = zoom(*MAP, *ordered, "--out", "f", "--keep-data", "--resume", "--palette", "gray", "--json")
    assert coloured.exit_code == 0, coloured.output
    assert json.loads(coloured.stdout)["pixels"] == 0 and contents("f") != frames
    dry = zoom(*MAP, *ordered, "--out", "g", "--dry-run", "--json")
    assert json.loads(dry.stdout)["keyframes"] == facts["keyframes"]
    film = zoom(*MAP, *ordered, "--size", "24x16", "--out", "g.mp4", "--quiet")
    assert film.exit_code == 0 and Path("g.mp4").stat().st_size > 0 and not Path("g.data").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--stretch", "3@20"], "--stretch: a film with several centres has square views"),
        (["--rotate", "20"], "--rotate: a film with several centres has square views"),
        (["--expmap", "a.png"], "--expmap: a film with several centres has no exponential map"),
        (["--from-data", "d"], "--from-data: this does not work with several centres"),
    ],
)
def test_what_does_not_go_with_several_centres(more, said):
    result = zoom(*MAP, "--path", "way.toml", "--out", "f", *more)
    assert result.exit_code == 2 and said in result.stderr


def test_centres_too_far_apart():
    Path("way.toml").write_text(WAY.replace('"0.05"', '"1e-9"').replace('"0.8"', '"1e-8"'))
    result = zoom(*MAP, "--path", "way.toml", "--out", "f")
    assert result.exit_code == 2 and "--path: move 1 would need a picture of" in result.stderr
    assert "zoom out further" in result.stderr
