"""Films that are stopped or killed, or find no room on the disk: what is there is whole, and they go on."""

from __future__ import annotations

import errno
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from zoom_films import FILM, PLACE, contents, last, zoom

LONG = [*PLACE, "--frames", "60", "--size", "160x96"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, own_cache):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def test_a_disk_that_fills_up_leaves_whole_frames(monkeypatch):
    assert zoom(*FILM, "--out", "a").exit_code == 0
    replace, count = os.replace, 0

    def full(*args):
        nonlocal count
        count += 1
        if count > 16:
            raise OSError(28, "No space left on device")
        replace(*args)

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", full)
        result = zoom(*FILM, "--out", "b")
    assert result.exit_code == 1
    message = r"Error: b.\S+: no space left on device; free some space and run the command again."
    assert re.fullmatch(message, last(result))
    whole = contents("a")
    assert all(whole[name] == data for name, data in contents("b").items())
    assert not list(Path("b").rglob("*.tmp*"))
    assert zoom(*FILM, "--out", "b", "--resume").exit_code == 0
    assert contents("b") == whole


def test_what_a_killed_video_left_is_removed_and_nothing_else():
    old, new, other = Path(".a.mp4.x1.tmp.mp4"), Path(".a.mp4.x2.tmp.mp4"), Path(".b.mp4.x3.tmp.mp4")
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 3600,) * 2)
    film = [*PLACE, "--size", "16x16", "--seconds", "0.2", "--fps", "10", "--out", "a.mp4"]
    assert zoom(*film).exit_code == 0
    assert sorted(p.name for p in Path().iterdir()) == [new.name, other.name, "a.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files there")
@pytest.mark.parametrize(
    ("out", "frames", "blocks", "named"), [("film", 9, 1, "film/data/key-"), ("film.mp4", 150, 24, "film.mp4: ")]
)
def test_files_that_cannot_grow_are_named_and_not_there(tmp_path, out, frames, blocks, named):
    """The system's limit on a file's size is below the size of a keyframe or of the video.

    It is also below that of compiled kernels. For the keyframes, their cache is empty: that they cannot be kept is no
    error.
    """
    film = [*FILM[: FILM.index("--frames")], "--frames", str(frames), "--size", "24x16", "--out", out, "--quiet"]
    cache = {} if out == "film.mp4" else {"DEEPZOOM_CACHE": str(tmp_path / "cache")}
    command = shlex.join([sys.executable, "-m", "deepzoom", "zoom", *film])
    limited = ["sh", "-c", f"ulimit -f {blocks}; {command}"]
    result = subprocess.run(limited, env=os.environ | cache, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1 and result.stderr.startswith(f"Error: {named}"), result.stderr
    assert result.stderr.endswith(": file too large.\n") and result.stderr.count("\n") == 1
    assert not list(Path().rglob("*.nbc")) and Path("cache/kernels").exists() == bool(cache)
    assert not Path("film.mp4").exists() and not list(Path().rglob("*.tmp*"))
    assert zoom(*film, "--resume").exit_code == 0
    assert out == "film.mp4" or len(contents(out)) == frames


def test_a_folder_that_cannot_be_written_is_refused_at_once(monkeypatch):
    def refused(dir):
        raise OSError(errno.EROFS, "Read-only file system", str(dir))

    Path("there").mkdir()
    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    for out in ("film", "film.mp4", "there"):
        result = zoom(*FILM, "--out", out)
        assert result.exit_code == 2 and f"--out: {out}" in last(result)
        assert "cannot be written (read-only file system)" in last(result) and result.stderr.count("\n") == 1
    assert [p.name for p in Path().iterdir()] == ["there"]


@pytest.mark.slow
def test_twenty_kills_at_random_moments(tmp_path):
    assert zoom(*LONG, "--out", "whole").exit_code == 0
    rng, killed = random.Random(5), 0
    while killed < 20:
        process = started(tmp_path, "--resume")
        while not Path("film").exists() and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.random())
        killed += process.poll() is None
        process.kill()
        process.communicate()
        if process.returncode == 0:
            assert contents("film") == contents("whole")
            shutil.rmtree("film")
    _, err = started(tmp_path, "--resume").communicate(timeout=120)
    assert contents("film") == contents("whole"), err


def started(folder, *more):
    args = [
        sys.executable,
        "-m",
        "deepzoom",
        "zoom",
        *PLACE,
        "--frames",
        "60",
        "--size",
        "160x96",
        "--out",
        "film",
        *more,
    ]
    return subprocess.Popen(args, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("wait_for", ["data/key-*.npz", "frame-*.png"])
def test_stopping_and_going_on(tmp_path, wait_for):
    """Ctrl-C, then kill -9, among keyframes or frames: the frames equal those of a film that was not stopped."""
    assert zoom(*LONG, "--out", "whole").exit_code == 0
    for number, code in ((signal.SIGINT, 3), (signal.SIGKILL, -9)):
        process = started(tmp_path, *(["--resume"] if number == signal.SIGKILL else []))
        deadline = time.time() + 120
        there = len(list((tmp_path / "film").glob(wait_for)))
        while len(list((tmp_path / "film").glob(wait_for))) <= there and process.poll() is None:
            assert time.time() < deadline
            time.sleep(0.005)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert process.returncode in (code, 0), err
        if process.returncode == 3:
            assert out == "" and "Continue with --resume." in err and "Traceback" not in err
    process = started(tmp_path, "--resume")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and out == "film\n", err
    assert contents("film") == contents("whole")
    assert not Path("film/data").exists()


@pytest.mark.slow
def test_a_cluster_one_of_whose_workers_dies(tmp_path):
    """Two workers, one of which is killed midway, make the same frames."""
    pytest.importorskip("distributed")
    assert zoom(*LONG, "--out", "whole").exit_code == 0
    environment = {**os.environ, "DEEPZOOM_CACHE": str(tmp_path / "cache")}
    address = "tcp://127.0.0.1:18786"

    def start(name, *args):
        command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *args]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    running = [start("scheduler", "--host", "127.0.0.1", "--port", "18786", "--no-dashboard")]
    worker = [address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path)]
    running += [start("worker", *worker) for _ in range(2)]
    try:
        film = started(tmp_path, "--scheduler", address)
        deadline = time.time() + 120
        while len(list((tmp_path / "film").glob("data/key-*.npz"))) < 3 and film.poll() is None:
            assert time.time() < deadline
            time.sleep(0.02)
        running[1].kill()
        _, err = film.communicate(timeout=200)
        assert film.returncode == 0, err
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert contents("film") == contents("whole")
