"""The colouring by the period of a pixel's cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepzoom import systems
from deepzoom.backends import select
from deepzoom.colouring.colour import coloured
from deepzoom.errors import InputError
from deepzoom.rendering import periods
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import render
from deepzoom.rendering.verify import verify
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

HOME = Scene("mandelbrot", View.parse("-0.6", "0", "2.6", "36x24"), 5000, colouring=Colouring("period"))


def inside_main_parts(view):
    """Which pixels are inside the set's cardioid, and which inside its disc of period 2, by their formulas."""
    v, u = np.mgrid[: view.height, : view.width]
    c = (u + 0.5 - view.width / 2 + 1j * (view.height / 2 - 0.5 - v)) * (2.6 / view.height) - 0.6
    return np.abs(1 - np.sqrt(1 - 4 * c)) < 0.98, np.abs(4 * (c + 1)) < 0.98


def test_each_period_has_a_colour_of_its_own(tmp_path):
    rendered = render(replace(HOME, view=replace(HOME.view, samples=4))).field
    rendered.save(tmp_path / "home.npz")
    field = Field.load(tmp_path / "home.npz")
    one, two = inside_main_parts(HOME.view)
    assert (field.period[one] == 1).all() and (field.period[two] == 2).all()
    assert (field.fate[field.period > 0] == -1).all() and (field.period[field.fate > 0] == 0).all()
    assert (field.samples.period >= 0).all() and (field.samples.period > 0).any()
    rgb = coloured(replace(field, sampled=None, samples=None))
    shown = {tuple(rgb[where][0]) for where in (one, two)}
    assert len(shown) == 2 and all(len(np.unique(rgb[where], axis=0)) == 1 for where in (one, two))
    assert not shown & {tuple(c) for c in rgb[field.fate > 0]}
    assert np.array_equal(coloured(field)[one & (np.roll(one, 1, 0) & np.roll(one, -1, 0))][0], rgb[one][0])
    other = coloured(replace(field, scene=replace(field.scene, colouring=Colouring()), sampled=None, samples=None))
    assert (other[field.period > 0] == 0).all()


def test_a_proof_is_no_contradiction():
    """An exact run up to the limit cannot know that an orbit stays bounded."""
    verdict = verify(render(replace(HOME, view=replace(HOME.view, width=12, height=8))).field, 96)
    assert verdict.complete and not verdict.differs[verdict.sure].any()


@pytest.mark.parametrize(
    ("scene", "phrase"),
    [
        (replace(HOME, backend="exact"), "the exact backend gives only counts"),
        (replace(HOME, system="formula", settings={"formula": "z**2 + c; z**3 + c"}), "works for maps of one formula"),
        (replace(HOME, system="tanh"), "works for maps of one formula"),
    ],
)
def test_what_has_no_periods_is_refused(scene, phrase):
    system = systems.create(scene.system, scene.settings, scene.steps)
    backend, _ = select.select(scene.backend, scene.view, system, 100)
    with pytest.raises(InputError, match=phrase):
        periods.check(scene, system, backend)
