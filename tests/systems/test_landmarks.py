"""The landmarks: each can be rendered, and each system has one at 1e-20."""

from __future__ import annotations

from decimal import Decimal

import pytest

from deepzoom import systems
from deepzoom.commands.requests.dive import to_dive
from deepzoom.commands.requests.scene import Request
from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.landmarks import all_landmarks, choose, fitting, get
from deepzoom.rendering import render as rendering
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


@pytest.mark.parametrize("place", all_landmarks(), ids=lambda p: p.name)
def test_a_landmark_can_be_rendered_and_has_the_digits_it_needs(place):
    view = View.parse(place.x, place.y, place.reaches, "256x256")
    rendering.plan(Scene(place.system, view, place.steps, dict(place.settings)))
    assert place.serves(parse_decimal(place.depth, "depth"))
    assert 10 < len(place.note) < 100 and not place.note.endswith(".")
    for text in (place.x, place.y):  # given to a tenth of the deepest view, unless the number is round
        assert Decimal(10) ** Decimal(text).as_tuple().exponent <= Decimal(place.reaches) / 10 or len(text) < 5


def test_each_experiment_has_one_default_and_one_at_1e_20():
    names = [m.name for m in all_landmarks()]
    assert len(names) == len(set(names))
    for system in systems.names():
        own = [m for m in all_landmarks() if m.system == system]
        assert [m.default for m in own].count(True) == 1
        # nobody knows what a user's own formula shows at a place
        assert system == "formula" or any(m.serves(parse_decimal("1e-20", "depth")) for m in own)


def test_where_a_depth_goes_by_itself():
    def named(system, depth):
        return choose(system, None if depth is None else parse_decimal(depth, "depth")).name

    assert named("tanh", None) == "tanh-deep"
    assert named("tanh", "9") == named("tanh", "1e-20") == named("tanh", "1e-35") == "tanh-deep"
    assert named("tanh", "1e-36") == named("tanh", "1e-40") == "tanh-1e-40"
    with pytest.raises(InputError, match=r"--depth: no landmark of tanh reaches that deep; the deepest, tanh-1e-60"):
        named("tanh", "1e-90")
    assert get("tanh-1e-60").steps > get("tanh-1e-40").steps > 500
    with pytest.raises(InputError, match="there is no landmark"):
        get("tanh-1e-41")


def test_training_with_other_settings_has_places_of_its_own():
    deep = parse_decimal("1e-20", "depth")
    for optimizer in ("momentum", "adam"):
        given = {"optimizer": optimizer}
        assert choose("tanh", None, given, exactly=True).name == f"{optimizer}-overview"
        assert choose("tanh", deep, given, exactly=True).name == f"{optimizer}-1e-20"
        first, _ = to_dive(Request("tanh", settings=given), None, "1e-6")
        assert first.view.depth == 9 and first.settings == given
    assert not any(place.settings for place in fitting("tanh", {}))  # training never takes settings from a place
    assert [place.name for place in fitting("julia", {}) if place.settings] == ["julia-e100"]


def test_places_of_another_map_are_passed_over():
    """A place found for some settings is not offered when --formula or --set asks for others."""
    deep = parse_decimal("1e-20", "depth")
    assert choose("formula", deep).name == choose("formula", deep, {"formula": "fold(z)**3 + c"}).name == "formula-deep"
    with pytest.raises(InputError, match="no landmark of formula reaches that deep; the deepest, formula-home"):
        choose("formula", deep, {"formula": "z**3 + c"})
    assert choose("julia", parse_decimal("1e-100", "depth")).name == "julia-e100"
    with pytest.raises(InputError, match="no landmark of julia reaches that deep"):
        choose("julia", parse_decimal("1e-100", "depth"), {"cx": "0.3"})
