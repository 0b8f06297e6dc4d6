"""Views whose pixels are run in higher precision on both kinds of backend, and how far these may differ."""

from __future__ import annotations

import numpy as np
import pytest
from small_network import SmallNetwork

from deepzoom import landmarks
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View


def window(name):
    place = landmarks.get(f"{name}-published")
    return View.parse(place.x, place.y, place.depth, "16x12")


def same(gpu, cpu, within):
    assert np.array_equal(gpu.trust, cpu.trust) and np.array_equal(gpu.fate, cpu.fate)
    settled = cpu.trust > 0
    assert settled.any()
    np.testing.assert_allclose(gpu.measure[settled], cpu.measure[settled], rtol=within)


@pytest.fixture
def chaos(tmp_path):
    """A view of which float64 gets a fifth of the pixels wrong."""
    small = SmallNetwork(29, widths=(3, 4, 1), rows=8)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    view = View.parse("2", "1", "1", "12x12")
    return Scene("tanh", view, 150, {"data": str(tmp_path / "own.npz")}, backend="gpu-float64", trust="settle")
