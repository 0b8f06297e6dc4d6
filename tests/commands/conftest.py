from __future__ import annotations

import numpy as np
import pytest
from small_network import SmallNetwork

X, Y = "-0.41415926535897932384626433832795028841971", "-0.1718281828459045235360287471352662497757"


@pytest.fixture
def place(tmp_path, monkeypatch, own_cache):
    """An empty folder with a small network's data. Returns options that render that network at once."""
    small = SmallNetwork(31, widths=(2, 3, 1), rows=4)
    data = tmp_path / "own.npz"
    np.savez(data, X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    view = ["--center", X, Y, "--depth", "1e-20", "--size", "24x16", "--steps", "60"]
    return ["render", "--set", f"data={data}", *view, "--stretch", "off"]
