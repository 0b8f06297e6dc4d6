"""Where a page goes: pasted places, shapes, the mini-map; and that the package holds the page."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from explored import HOME

import deepzoom
from deepzoom import landmarks
from deepzoom.scene.shape import IDENTITY, Shape
from deepzoom.scene.view import View


@pytest.mark.parametrize("flip", [False, True])
def test_a_picture_pulled_into_another_shape(page, flip):
    """What was (right, down) from the middle is at the matrix times that afterwards."""
    page.send("change", set={"flip": flip, "stretch": "3@20"})
    page.until("scene")
    view, (a, b, c, d) = page.shown.view, (1.5, -0.25, 0.5, 1.25)
    page.send("change", set={"reshape": [a, b, c, d]})
    page.until("scene")
    new, middle = page.shown.view, ((view.width - 1) / 2, (view.height - 1) / 2)
    for right, down in ((3, 0), (0, 2), (-4, 5)):
        before = view.at(middle[0] + right, middle[1] + down)
        after = new.at(middle[0] + a * right + b * down, middle[1] + c * right + d * down)
        assert max(abs(p - q) for p, q in zip(before, after, strict=True)) < view.depth * 1e-9
    assert (new.x, new.y, new.depth) == (view.x, view.y, view.depth)


def test_where_a_view_lies_in_the_whole(page):
    """A quarter of the home picture's width to the right of its middle, and a fifth of its height above it."""
    home = landmarks.get("mandelbrot-home").view(None, (84, 56))
    x, y = home.x + home.depth * 84 / 56 / 4, home.y + home.depth / 5
    page.send("place", text=f"{float(x)!r} {float(y)!r} 1e-9")
    page.until("scene")
    assert page.scene["home"]["name"] == "mandelbrot-home"
    assert np.allclose(page.scene["home"]["at"], [0.75, 0.3], atol=1e-9)
    page.send("place", text="77 0 1e-9")
    assert page.until("scene")["home"]["at"] is None


def test_pasted_places(page):
    for text in (
        "-1.25 0.02 1e-3", "-1.25, 0.02, 1e-3", "deepzoom render mandelbrot --center -1.25 0.02 --depth 1e-3",
        "deepzoom render mandelbrot --center -1.25 0.02 --depth 1e-3 --stretch 3@20 --rotate 10",
        replace(HOME, view=View.parse("-1.25", "0.02", "1e-3", "8x8")).to_toml(),
    ):  # fmt: skip
        page.send("place", text=text)
        page.until("scene")
        view = page.shown.view
        assert (float(view.x), float(view.y), float(view.depth)) == (-1.25, 0.02, 0.001)
        assert (view.width, view.height) == page.size
        assert view.shape == (Shape.stretched(3.0, 20.0).turned(10.0) if "--rotate" in text else IDENTITY)


def test_a_pasted_place_of_another_program(page):
    """Kalles Fraktaler's imaginary axis points down, and its height is 4/Zoom."""
    page.send("place", text="Re: -1.25\nIm: 0.02\nZoom: 4000\nIterations: 300\nRotate: 7\n")
    page.until("scene")
    view = page.shown.view
    assert (float(view.x), float(view.y), float(view.depth), view.flip) == (-1.25, 0.02, 0.001, True)
    assert (view.width, view.height) == page.size and page.shown.steps == 300
    assert "Not taken over: the lines Rotate." in page.until("note")["text"]


def test_the_package_holds_the_page():
    """Each file that the page names is there, and the package's data are all files of the page."""
    folder = files("deepzoom.explorer") / "page"
    there = {file.name for file in folder.iterdir()}
    text = "".join((folder / name).read_text("utf-8") for name in there if not name.endswith(".svg"))
    named = set(re.findall(r"/page/([\w.]+)", text)) | set(re.findall(r'from "\./([\w.]+)"', text))
    assert named | {"index.html"} == there
    project = Path(deepzoom.__file__).parent.parent / "pyproject.toml"
    if project.exists():  # an installed package holds the files already
        data = tomllib.loads(project.read_text("utf-8"))["tool"]["setuptools"]["package-data"]
        assert data["deepzoom.explorer"] == ["page/*"]
