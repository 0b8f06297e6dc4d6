"""Repairs that are killed at random moments, in any round, continue to the same field, bit for bit."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
from small_network import SmallNetwork

from deepzoom.rendering.field import Field

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal here")

ROUNDS = ("checking", "double-double", "quad-double")
CHILD = """
import os, signal, sys, threading, time
from deepzoom.backends.training import float64, higher_precision
from deepzoom.cli import app
from deepzoom.commands.terminal import progress
from deepzoom.rendering import batches

# small batches, and a checkpoint after each
batches.FIRST_CHECKPOINT_SECONDS = batches.CHECKPOINT_SECONDS = 0.0
float64.batch_size_of = lambda *given: 32
higher_precision.BATCHES.update({"double-double": 8, "quad-double": 4})
name, seconds, *arguments = sys.argv[1:]
part = progress.Watcher.part


def killing(watcher, now, done, total):
    if now == name:
        threading.Timer(float(seconds), os.kill, (os.getpid(), signal.SIGKILL)).start()
        progress.Watcher.part = part
    part(watcher, now, done, total)


progress.Watcher.part = killing
app(arguments)
"""


def child(arguments, name="none", seconds=0.0):
    """The exit status of a render that is killed so many seconds after the round of this name has begun."""
    run = [sys.executable, "-c", CHILD, name, str(seconds), *map(str, arguments)]
    return subprocess.run(run, capture_output=True, timeout=300, check=False).returncode


def arguments_of(folder, name):
    small = SmallNetwork(45, widths=(3, 4, 1), rows=8)
    np.savez(folder / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    return [
        "render", "tanh", "--center", 1.763, -0.347, "--depth", 0.01, "--size", "12x8", "--steps", 255,
        "--set", f"data={folder / 'own.npz'}", "--trust", "settle", "--jobs", 2,
        "--out", folder / f"{name}.png", "--data", folder / f"{name}.npz",
    ]  # fmt: skip


def same(a, b):
    a, b = Field.load(a), Field.load(b)
    assert a.rung.max() >= 2  # double-double did not settle all pixels
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("measure", "fate", "trust", "done", "rung"))


@pytest.mark.slow
def test_a_killed_repair_goes_on_to_the_same_field(tmp_path):
    """20 kills, at most two of each render: in one round, and after a restart in a later one."""
    assert child(arguments_of(tmp_path, "whole")) == 0
    rng = np.random.default_rng(9)
    killed = runs = 0
    while killed < 20:
        arguments = [*arguments_of(tmp_path, f"killed-{runs}"), "--resume"]
        for k in sorted(rng.choice(len(ROUNDS), 2, replace=False).tolist()):
            status = child(arguments, ROUNDS[k], rng.uniform(0, 0.3))
            assert status in (0, -signal.SIGKILL)
            if status == 0:  # the render ended before the kill
                break
            killed += 1
        if status != 0:
            assert child(arguments) == 0
        assert same(tmp_path / f"killed-{runs}.npz", tmp_path / "whole.npz")
        runs += 1
    print(f"{killed} kills in {runs} renders")
