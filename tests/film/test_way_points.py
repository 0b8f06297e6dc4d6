"""``deepzoom zoom --path``: way-points, by hand, and what is wrong with a file of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from damage import damaged
from gmpy2 import mpq
from zoom_films import contents, zoom

from deepzoom.errors import InputError
from deepzoom.film.way_points import WayPoint, WayPoints, read

WAY = """
[[waypoint]]
depth = "4"
[[waypoint]]
depth = 0.25
seconds = 4
ease = "in"
[[waypoint]]
depth = "0.25"
seconds = 2
[[waypoint]]
depth = "1"
speed = 0.5
[[waypoint]]
depth = "0.0625"
seconds = 4
ease = "both"
"""
"""4 (6 octaves above the deepest), 0.25 (2 above), pause, 1 (4 above), 0.0625."""
MAP = ["mandelbrot", "--center", "-0.75", "0.1", "--size", "24x16", "--steps", "60"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("way.toml").write_text(WAY)


def test_shares_by_hand():
    way = read(Path("way.toml"))
    assert (way.begin, way.end, way.seconds) == (4, mpq(1, 16), 14)
    parts, found = zip(*way.shots(15), strict=True)  # one frame a second
    assert set(parts) == {0}
    wanted = [0, 4 / 16, 4 * 4 / 16, 4 * 9 / 16, 4, 4, 4, 3.5, 3, 2.5, 2]  # octaves below 4
    wanted += [2 + 4 * (3 * t**2 - 2 * t**3) for t in (0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx([w / 6 for w in wanted], abs=1e-12)
    assert (found[0], found[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(("ease", "starts", "ends"), [("none", 1, 1), ("in", 0, 2), ("out", 2, 0), ("both", 0, 0)])
def test_speeds_at_the_ends(ease, starts, ends):
    """As multiples of the mean speed."""
    way = WayPoints((WayPoint(mpq(8)), WayPoint(mpq(1), 5.0, ease)))
    at = [share for _, share in way.shots(1001)]
    assert (at[1] - at[0]) * 1000 == pytest.approx(starts, abs=0.01)
    assert (at[-1] - at[-2]) * 1000 == pytest.approx(ends, abs=0.01)


def test_a_film_along_way_points():
    result = zoom(*MAP, "--path", "way.toml", "--fps", "1", "--out", "f", "--keep-data", "--json")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["frames"], facts["from"], facts["to"]) == (14, "4", "0.0625")
    even = zoom(*MAP, "--from", "4", "--to", "0.0625", "--frames", "14", "--out", "e")
    assert even.exit_code == 0, even.output
    along, steady = contents("f"), contents("e")
    assert along.keys() == steady.keys() and along["frame-000005.png"] != steady["frame-000005.png"]
    again = zoom("--from-data", "f/data", "--path", "way.toml", "--frames", "14", "--out", "g", "--json")
    assert again.exit_code == 0 and json.loads(again.stdout)["pixels"] == 0
    assert contents("g") == along


FIRST = "[[waypoint]]\ndepth = 4\n[[waypoint]]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "none.toml cannot be read"),
        ("[[waypoint", "is not TOML"),
        ("depth = 4", "must hold tables [[waypoint]]"),
        ("waypoint = 3", "must hold tables [[waypoint]]"),
        ("[[waypoint]]\ndepth = 4", "needs two way-points of different depths or centres"),
        (FIRST + "depth = 4\nseconds = 1", "needs two way-points of different depths or centres"),
        ("[[waypoint]]\ndepth = 4\nseconds = 2", "way-point 1 has seconds"),
        (FIRST + "depth = 1", "way-point 2 needs either seconds or speed"),
        (FIRST + "depth = 1\nspeed = -1", "speed -1 is not a number above zero"),
        (FIRST + "depth = 4\nspeed = 1", "stays at its depth, so it needs seconds"),
        (FIRST + "depth = 1\nseconds = 1\nease = 'slow'", "ease 'slow' is not one of none"),
        (FIRST + "depth = 1\nseconds = 1\ncenter = ['0', '1']", "has another centre, so it needs the depth of"),
        (FIRST + "depth = 4\nseconds = 1\ncenter = ['0', 1]", "center needs two texts, such as center"),
        (FIRST + "depth = 4\nseconds = 1\ncenter = ['0', 'x']", "center"),
        (FIRST + "depth = 4\nspeed = 1\ncenter = ['0', '1']", "stays at its depth, so it needs seconds"),
        (FIRST + "depth = 1\nx = 1", "way-point 2 has 'x'; it can have depth"),
        ("[[waypoint]]\ndepth = -4", "depth -4 is not above zero"),
        ("[[waypoint]]\ndepth = 'deep'", "depth"),
        ("[[waypoint]]\ndepth = true", "way-point 1 needs a depth"),
        (FIRST + "depth = 1\nseconds = 9e5\n[[waypoint]]\ndepth = 2\nseconds = 9e5", "takes"),
    ],
)  # fmt: skip
def test_broken_files_get_one_sentence(text, said):
    if text is not None:
        Path("none.toml").write_text(text)
    with pytest.raises(InputError, match=r"--path: none\.toml") as error:
        read(Path("none.toml"))
    assert said in str(error.value)
    assert zoom(*MAP, "--path", "none.toml", "--out", "f").exit_code == 2


@pytest.mark.parametrize("count", [50, pytest.param(2000, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused(count):
    chance, read_ones = random.Random(24), 0
    for _ in range(count):
        Path("none.toml").write_bytes(damaged(WAY.encode(), chance))
        try:
            way = read(Path("none.toml"))
        except InputError as error:
            assert "\n" not in str(error)
        else:
            read_ones += 1
            assert all(0 <= s <= 1 for _, s in way.shots(20))
    assert count < 2000 or 0 < read_ones < count


@pytest.mark.parametrize("more", [["--from", "4"], ["--to", "1"], ["--seconds", "3"], ["--format", "exr"]])
def test_options_that_way_points_replace(more):
    result = zoom(*MAP, "--path", "way.toml", "--out", "f", *more)
    assert result.exit_code == 2 and "leave the option out" in result.stderr
