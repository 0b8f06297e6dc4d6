"""Views whose pixels both kinds of backend run in higher precision, and how far the results may differ.

This is no oracle: both sides are the package's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_network import SmallNetwork

from deepzoom import landmarks
from deepzoom.backends.base import ReadOut
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def window(name: str) -> View:
    """The published window of a training system, at 16 x 12 pixels."""
    place = landmarks.get(f"{name}-published")
    return View.parse(place.x, place.y, place.depth, "16x12")


def same(gpu: ReadOut, cpu: ReadOut, within: float) -> None:
    """Check that trust and fate are equal, and the measures of settled pixels to this share of them."""
    assert np.array_equal(gpu.trust, cpu.trust) and np.array_equal(gpu.fate, cpu.fate)
    settled = cpu.trust > 0
    assert settled.any()
    np.testing.assert_allclose(gpu.measure[settled], cpu.measure[settled], rtol=within)


@pytest.fixture
def chaos(tmp_path: Path) -> Scene:
    """A view in which float64 gets a fifth of the pixels wrong."""
    small = SmallNetwork(29, widths=(3, 4, 1), rows=8)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    view = View.parse("2", "1", "1", "12x12")
    return Scene("tanh", view, 150, {"data": str(tmp_path / "own.npz")}, backend="gpu-float64", trust="settle")
