"""Colourings of a page: at once where their values are known, else by what these pixels still lack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from explored import HOME, Client, rendered, served

from deepzoom.explorer.alike import shown_at_once
from deepzoom.explorer.canvas import Canvas
from deepzoom.rendering import render as rendering
from deepzoom.scene.colours import COLOURINGS, OF_ORBITS, OF_TRAINING, Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SHORT = Scene("tanh", View.parse("1.5", "2.25", "1", "8x6"), 12)
NEW, ALL, NOT = "finds more", "runs all pixels", "is there"


@pytest.mark.parametrize(("first", "steps"), [
    (HOME, [("stripe", NEW), ("rank", NOT), ("triangle", NOT), ("distance", ALL), ("phase", NOT), ("trap-line", NEW)]),
    (replace(HOME, view=replace(HOME.view, samples=4)), [("triangle", NEW), ("phase", ALL)]),
    pytest.param(
        SHORT, [("loss", NEW), ("horizon", NEW), ("best-step", NOT), ("lyapunov", NEW), ("loss", NOT), ("rank", NOT)],
        marks=pytest.mark.slow,
    ),
])  # fmt: skip
def test_colourings_that_need_more_values(first, steps, monkeypatch):
    """Pixels do not run again for them, unless their distances are lacking; all pictures are those of ``render``."""
    ran, put = [], rendering.put

    def counted(field, pixels, out):
        ran.append(len(pixels))
        put(field, pixels, out)

    with served(first) as one:
        page = Client(one, (first.view.width, first.view.height))
        page.hello()
        page.finish()
        for by, kind in steps:
            assert (by in page.scene["at_once"]) == (kind == NOT)
            runs, ran[:] = page.scene["runs"], []
            with monkeypatch.context() as patched:
                patched.setattr(rendering, "put", counted)
                page.send("change", set={"colouring": by})
                page.until("scene", number=page.number)
                page.until("pixels", finished=True)
                page.finish()
            assert page.scene["runs"] == runs + (kind != NOT) and bool(ran) == (kind == ALL)
            assert np.array_equal(page.picture[..., :3], rendered(page.shown))
        page.close()


def test_a_view_without_these_values_yet_is_shown_by_rank():
    """Not grey: a page that changes colours meanwhile sees what is known."""
    scene = replace(HOME, view=replace(HOME.view, width=4, height=4), colouring=Colouring("stripe"))
    shown = []
    for by in ("stripe", "rank"):
        canvas = Canvas(replace(scene, colouring=Colouring(by)))
        canvas.field.measure[:] = np.arange(16.0).reshape(4, 4)
        canvas.field.done[:] = canvas.field.fate[:] = 1
        shown.append(canvas.whole())
    assert np.array_equal(*shown) and len(np.unique(shown[0].reshape(-1, 4), axis=0)) > 8


def test_what_a_view_shows_at_once():
    plain = [by for by in COLOURINGS if by not in (*OF_ORBITS, *OF_TRAINING, "distance", "period")]
    assert shown_at_once(HOME, frozenset()) == plain
    assert shown_at_once(HOME, frozenset({"stripe", "distance", "period"})) == [
        by for by in COLOURINGS if by not in OF_TRAINING
    ]
    assert "lyapunov" not in shown_at_once(SHORT, frozenset({"loss"}))


def test_a_view_too_deep_for_whole_orbits():
    with served(replace(HOME, view=View.parse("-2", "0", "1e-300", "8x6"))) as one:
        page = Client(one, (8, 6))
        page.hello()
        page.send("change", set={"colouring": "stripe"})
        assert "1e-270" in page.until("refused")["text"]
        page.close()


def test_the_list_of_colourings(page):
    page.send("hello", size=list(page.size))
    systems = {s["name"]: s["colourings"] for s in page.until("catalogue")["systems"]}
    assert set(OF_ORBITS) < set(systems["mandelbrot"]) and not set(OF_ORBITS) & {*systems["newton"], *systems["tanh"]}
