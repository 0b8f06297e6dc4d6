"""The command that a page shows makes exactly the page's scene."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from explored import HOME
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.commands.requests.scene import Request
from deepzoom.explorer.command import command
from deepzoom.rendering import render as rendering
from deepzoom.scene.colours import Colouring
from deepzoom.scene.shape import Shape

SHAPES = (
    Shape.stretched(3.0, 20.0), Shape.stretched(0.25, 100.0), Shape.stretched(1.0, 0.0).turned(30.0),
    Shape.stretched(1234.5, 77.5).turned(-12.5), Shape.stretched(97.234_141_23, 33.342_342_3),
)  # fmt: skip


def shaped(shape):
    return replace(HOME, view=replace(HOME.view, shape=shape))


SCENES = [
    HOME,
    replace(HOME, palette="magma", steps=300, view=replace(HOME.view, flip=True, samples=4)),
    replace(HOME, colouring=Colouring("cyclic", 7.5, 45.0, "#204060", mark_unsettled=True), distance=True, trust="off"),
    replace(HOME, system="formula", settings={"formula": "z**3 + c"}),
    replace(shaped(SHAPES[3]), system="tanh", steps=500, horizon=True),
    replace(Request(system="newton", size="16x8").to_scene(), colouring=Colouring("rank")),
    *map(shaped, SHAPES),
]


@pytest.mark.parametrize("scene", SCENES, ids=range(len(SCENES)))
def test_the_command_makes_the_same_scene(scene, monkeypatch):
    seen = []

    def plan(asked):
        seen.append(asked)
        raise KeyboardInterrupt

    monkeypatch.setattr(rendering, "plan", plan)
    words = shlex.split(command(scene))
    assert words[0] == "deepzoom"
    CliRunner().invoke(app, words[1:])
    assert seen == [scene]


def test_what_no_command_makes():
    """A shape that stretches along two directions, one with more digits than an angle, and colours of a file."""
    two = Shape.parse(("3", "0", "0", "2"))
    steep = Shape.stretched(1e8, 20.0)
    for scene in (shaped(two), shaped(steep), replace(HOME, colouring=Colouring(colours=("#000000", "#ffffff")))):
        assert command(scene) is None
