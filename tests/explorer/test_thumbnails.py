"""Thumbnails of landmarks: rendered only while no view runs, and kept."""

from __future__ import annotations

import io

import numpy as np
from explored import rendered
from PIL import Image

from deepzoom import cache
from deepzoom.commands.requests.scene import Request
from deepzoom.explorer import thumbnails
from deepzoom.rendering import render as rendering


def test_a_thumbnail_gives_way_to_views(monkeypatch):
    kept = {}
    monkeypatch.setattr(cache, "load", kept.get)
    monkeypatch.setattr(cache, "save", kept.__setitem__)
    monkeypatch.setattr(thumbnails, "SIZE", (24, 16))
    monkeypatch.setattr(thumbnails.time, "sleep", lambda seconds: None)
    asked, plain, results = [], rendering.render, []

    def busy():
        """Whenever it is asked, five times in a row something runs and then, for three questions, nothing does."""
        asked.append(len(asked) % 8 < 5)
        return asked[-1] and len(asked) < 80

    def render(*args, **options):
        results.append(plain(*args, **options))
        return results[-1]

    monkeypatch.setattr(rendering, "render", render)
    data = thumbnails.thumbnail("mandelbrot-home", busy)
    assert len(results) > 1 and [r.complete for r in results] == [False] * (len(results) - 1) + [True]
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert thumbnails.thumbnail("mandelbrot-home", busy) == data and results[-1].complete and len(kept) == 1
    monkeypatch.undo()
    assert np.array_equal(shown, rendered(Request(at="mandelbrot-home", size="24x16").to_scene()))
