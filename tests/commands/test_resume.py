"""Renders that are stopped or killed, and files that are there already."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.pictures.png import read_scene
from deepzoom.rendering.field import Field


def deepzoom(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


def files():
    return sorted(p.name for p in Path().iterdir())


def test_an_existing_file_is_not_replaced(place):
    Path("a.png").write_bytes(b"mine")
    result = deepzoom(*place, "--out", "a.png")
    assert result.exit_code == 2 and "--out: a.png exists" in result.stderr
    assert Path("a.png").read_bytes() == b"mine"
    assert deepzoom(*place, "--out", "a.png", "--force").exit_code == 0


def test_a_number_taken_in_the_meantime_is_left_alone(place, monkeypatch):
    from deepzoom.rendering import render as rendering

    render = rendering.render

    def slow(*args, **kwargs):
        Path("tanh-1e-20-001.png").write_bytes(b"another's")
        return render(*args, **kwargs)

    monkeypatch.setattr(rendering, "render", slow)
    assert deepzoom(*place).stdout == "tanh-1e-20-002.png\n"
    assert Path("tanh-1e-20-001.png").read_bytes() == b"another's"


def test_resume_where_a_render_was_killed_at_its_end(place):
    """Killed after its data file, after its picture, or with nothing left to do. Files of another scene stay."""
    files = "--out", "a.png", "--data", "a.npz"
    assert deepzoom(*place, *files).exit_code == 0
    picture, whole = Path("a.png").read_bytes(), Field.load(Path("a.npz"))
    written = Path("a.png").stat().st_mtime_ns
    done = deepzoom(*place, *files, "--resume")
    assert done.exit_code == 0 and "finished" in done.stderr and done.stdout == "a.png\na.npz\n"
    assert Path("a.png").stat().st_mtime_ns == written
    for gone in ("a.png", None):
        if gone:
            Path(gone).unlink()
        whole.save(Path("a.partial.npz"))
        assert deepzoom(*place, *files, "--resume").exit_code == 0
        assert Path("a.png").read_bytes() == picture and not Path("a.partial.npz").exists()
    for more in (["--steps", "33"], ["--palette", "grey"]):
        other = deepzoom(*place, *more, *files, "--resume")
        assert other.exit_code == 2 and "--out: a.png exists" in other.stderr
    Path("b.png").write_bytes(b"another's")
    assert deepzoom(*place, "--out", "b.png", "--resume").exit_code == 2
    assert Path("b.png").read_bytes() == b"another's" and Path("a.png").read_bytes() == picture


def test_resume_refuses_data_that_changed(place):
    """The scene names the data file. The checkpoint knows its contents."""
    place[place.index("--size") + 1] = "96x96"
    assert deepzoom(*place, "--out", "a.png", "--data", "a.npz").exit_code == 0
    kept = Field.load(Path("a.npz"))
    kept.done[50:] = False
    kept.save(Path("a.partial.npz"))
    data = place[place.index("--set") + 1].removeprefix("data=")
    assert deepzoom(*place, "--out", "b.png").exit_code == 0
    with np.load(data) as archive:
        changed = {**archive, "X": 2 * archive["X"]}
    np.savez(data, **changed)
    Path("a.png").unlink()
    result = deepzoom(*place, "--out", "a.png", "--resume")
    assert result.exit_code == 2 and "was made from other data" in result.stderr


def test_a_folder_that_fills_up_leaves_nothing_half_written(place, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    result = deepzoom(*place, "--out", "a.png")
    assert result.exit_code == 1 and "a.png: no space left on device; free some space" in result.stderr
    assert files() == []


SLOW = ["render", "tanh", "--center", "1.12384440100021348074", "2.30180775615836264880", "--depth", "1e-8"]


def started(folder, *more):
    """A long render of the published network, started in another process."""
    args = [sys.executable, "-m", "deepzoom", *SLOW, "--size", "64x64", "--jobs", "2", "--out", "a.png", *more]
    return subprocess.Popen(args, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def started_and_kept(folder):
    """The same, once it has saved some pixels."""
    process = started(folder)
    deadline = time.time() + 240
    while not (folder / "a.partial.npz").exists():
        assert time.time() < deadline and process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_keeps_what_is_done(tmp_path, number):
    process = started_and_kept(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert out == "" and "Continue with --resume." in err and "Traceback" not in err
    kept = Field.load(tmp_path / "a.partial.npz")
    assert 0 < kept.done.sum() < kept.done.size
    assert read_scene(tmp_path / "a.partial.png") == kept.scene
    if number == signal.SIGTERM:  # it goes on just as after the other signal
        return
    refused = started(tmp_path)
    _, err = refused.communicate(timeout=60)
    assert refused.returncode == 2 and "holds an unfinished render" in err
    done = int(kept.done.sum())
    resumed = started(tmp_path, "--resume", "--data", "a.npz", "--size", "64x64")
    out, err = resumed.communicate(timeout=300)
    assert resumed.returncode == 0 and f"Resuming: {done:,} pixels are done." in err
    whole = Field.load(tmp_path / "a.npz")
    assert whole.done.all() and np.array_equal(whole.measure[kept.done], kept.measure[kept.done])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "a.png"]


@pytest.mark.slow
def test_a_kill_leaves_a_state_that_resumes(tmp_path):
    process = started_and_kept(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "a.png").exists()
    kept = Field.load(tmp_path / "a.partial.npz")
    assert 0 < kept.done.sum() < kept.done.size
    resumed = started(tmp_path, "--resume")
    _, err = resumed.communicate(timeout=300)
    assert resumed.returncode == 0 and "Resuming:" in err
    leftovers = [p.name for p in tmp_path.iterdir() if p.name != "a.png" and not p.name.endswith(".tmp")]
    assert leftovers == []
