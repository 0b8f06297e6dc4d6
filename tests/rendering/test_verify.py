"""``deepzoom verify`` and ``--trust`` on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_network import SmallNetwork
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.colouring.colour import UNSETTLED, coloured
from deepzoom.errors import InputError
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import render
from deepzoom.rendering.verify import verify
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def run(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@pytest.fixture
def network(tmp_path):
    small = SmallNetwork(29, widths=(3, 4, 1), rows=8)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    return f"data={tmp_path / 'own.npz'}"


@pytest.fixture
def rendered(own_cache, network, tmp_path):
    data = tmp_path / "d.npz"
    view = ("--center", -0.4, -0.2, "--depth", 0.1, "--size", "12x8", "--steps", 40, "--set", network)
    out = ("--out", tmp_path / "d.png", "--data", data, "--json", "--quiet")
    result = run("render", *view, "--trust", "settle", *out)
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["trust"], facts["settled"], facts["unchecked"]) == ("settle", 96, 0)
    return data


def test_a_settled_field_is_found_right(rendered):
    result = run("verify", rendered, "--pixels", 12, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert (facts["pixels"], facts["settled"], facts["settled_differ"], facts["undecided"]) == (12, 12, 0, 0)
    assert facts["settled_low"] == 0.0 and 0.2 < facts["settled_high"] < 0.3 and facts["differing"] == []


@pytest.mark.parametrize(("trust", "code", "kind"), [(1, 4, "settled"), (0, 0, "unchecked"), (-1, 0, "unsettled")])
def test_a_wrong_pixel_is_found_and_counts_where_it_was_called_settled(rendered, trust, code, kind):
    field = Field.load(rendered)
    field.trust[:] = trust
    field.measure[4, 7] *= 1.002
    field.fate[5, 8] *= -1
    field.measure[6, 9] *= 1.0009
    field.save(rendered)
    result = run("verify", rendered, "--pixels", 96, "--json", "--quiet")
    assert result.exit_code == code, result.output
    facts = json.loads(result.stdout)
    assert facts[f"{kind}_differ"] == 2 and facts["differing"] == [[7, 4], [8, 5]]


def test_which_pixels_goes_by_the_seed(rendered):
    field = Field.load(rendered)
    one, two, again = (verify(field, 6, seed) for seed in (1, 2, 1))
    assert np.array_equal(one.pixels, again.pixels) and not np.array_equal(one.pixels, two.pixels)


@pytest.mark.parametrize("system", ["mandelbrot", "lyapunov", "magnet1"])
def test_every_kind_of_system(own_cache, system):
    view = View.parse("3.4", "3.4", "0.4", "9x8") if system == "lyapunov" else View.parse("-0.7", "0.3", "0.4", "9x8")
    field = render(Scene(system, view, 200)).field
    verdict = verify(field, 30)
    assert verdict.complete and verdict.sure.all() and not verdict.differs.any()
    if field.iterations is None:
        field.measure[:] += 1e-2
    else:
        field.iterations[:] += 1
    assert verify(field, 5).differs.all()


def test_bad_input_is_one_sentence(rendered, tmp_path):
    for args, message in [
        (("verify", rendered, "--pixels", 0), "--pixels: 0 is too small; give at least 1."),
        (("verify", rendered, "--seed", -1), "--seed: -1 is negative; give 0 or more."),
        (("verify", rendered, "tanh"), "SYSTEM: 'tanh' is not FILE.py:NAME"),
        (("verify", tmp_path / "none.npz"), "there is no file"),
        (("render", "--trust", "maybe"), "--trust: 'maybe' is not one of off, sample, settle."),
        (("render", "--budget", "1m"), "--budget: this needs --trust settle."),
        (("render", "--trust", "settle", "--budget", "1"), "--budget: '1' is not a time such as 90s, 10m or 1.5h."),
    ]:
        result = run(*args)
        assert result.exit_code == 2 and message in " ".join(result.output.split()), (args, result.output)
    field = Field.empty(Scene("tanh", View.parse("0", "0", "1", "2x2"), 5))
    with pytest.raises(InputError, match="no pixel of this data file is done"):
        verify(field)


def test_unsettled_pixels_are_marked(rendered, tmp_path):
    field = Field.load(rendered)
    field.trust[3, 2:5] = -1
    field.save(rendered)
    plain = coloured(field)
    assert not np.any(np.all(plain == UNSETTLED, axis=2))
    result = run("colour", rendered, "--mark-unsettled", "--out", tmp_path / "m.png")
    assert result.exit_code == 0, result.output
    from deepzoom.pictures.png import read_scene

    field.scene = read_scene(tmp_path / "m.png")
    assert field.scene.colouring.mark_unsettled and "mark-unsettled = true" in field.scene.to_toml()
    marked = coloured(field)
    where = np.argwhere(np.all(marked == UNSETTLED, axis=2)).tolist()
    assert where == [[3, 2], [3, 3], [3, 4]]
    assert np.array_equal(marked[field.trust > 0], plain[field.trust > 0])
    assert run("colour", tmp_path / "d.npz", "--no-mark-unsettled", "--out", tmp_path / "n.png").exit_code == 0
