"""Reading .npz files."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from deepzoom.npz import BROKEN, read_arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_all_kinds_of_arrays(tmp_path, save):
    rng = np.random.default_rng(1)
    arrays = {
        "x": rng.normal(size=(7, 5)), "b": rng.random(9) < 0.5, "text": np.array("deepzoom"),
        "n": np.arange(6, dtype=">i2"), "f": np.asfortranarray(rng.normal(size=(3, 4))), "none": np.zeros((0, 3)),
        "one": np.float32(2.5),
    }  # fmt: skip
    save(tmp_path / "a.npz", **arrays)
    found = read_arrays(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as expected:
        assert sorted(found) == sorted(expected.files) == sorted(arrays)
    for name, value in found.items():
        given = np.asarray(arrays[name])
        assert value.dtype == given.dtype and np.array_equal(value, given)


def test_damaged_files_and_none(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(1000.0))
    whole = (tmp_path / "a.npz").read_bytes()
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object))
    (tmp_path / "cut.npz").write_bytes(whole[:2000])
    (tmp_path / "text.npz").write_bytes(b"hello")
    (tmp_path / "changed.npz").write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    (tmp_path / "folder.npz").mkdir()
    for name in ("objects", "cut", "text", "changed", "folder", "missing"):
        with pytest.raises(BROKEN):
            read_arrays(tmp_path / f"{name}.npz")


def test_headers_are_parsed_one_at_a_time(tmp_path, monkeypatch):
    """Python before 3.11.8 fails if two threads parse headers at the same time."""
    np.savez(tmp_path / "a.npz", **{f"x{i}": np.arange(i) for i in range(20)})
    real, inside, most, count = np.lib.format.read_array, [], [], threading.Lock()

    def watched(*args, **options):
        with count:
            inside.append(1)
            most.append(len(inside))
        time.sleep(0.001)
        found = real(*args, **options)
        with count:
            inside.pop()
        return found

    monkeypatch.setattr(np.lib.format, "read_array", watched)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(read_arrays, [tmp_path / "a.npz"] * 4):
            assert len(found) == 20 and found["x3"].tolist() == [0, 1, 2]
    assert len(most) == 80 and max(most) == 1
