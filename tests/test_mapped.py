"""Arrays in files: they have the values that were given, and files leave no trace."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from deepzoom import cache, mapped, npz


@pytest.fixture(params=["in files", "in memory"])
def folder(request, tmp_path, monkeypatch):
    """A folder for arrays of 100 bytes and more; or one that cannot be made."""
    monkeypatch.setattr(mapped, "LARGE", 100)
    monkeypatch.setattr(npz, "LARGE", 100)
    (tmp_path / "file").write_text("")
    return tmp_path / "arrays" if request.param == "in files" else tmp_path / "file" / "arrays"


def in_file(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(getattr(array, "obj", None), mmap.mmap)


@pytest.mark.parametrize("shape", [(), (3,), (0,)])
@pytest.mark.parametrize("kind", [np.float64, np.int64, bool])
def test_a_growing_array_has_all_items(folder, shape, kind):
    parts = [
        np.random.default_rng(n).integers(0, 2 if kind is bool else 1000, (n, *shape)).astype(kind)
        for n in (2, 300, 0, 50)
    ]
    growing = mapped.Growing(folder)
    for part in parts:
        growing.extend(part)
    found, expected = growing.array(), np.concatenate(parts)
    assert found.dtype == kind and np.array_equal(found, expected)
    assert in_file(found) == (folder.name == "arrays" and folder.is_dir() and 0 not in shape)
    assert type(found) is np.ndarray and found.flags.writeable and found.flags.aligned and found.flags.c_contiguous
    mapped.release(found, found[20:])
    assert np.array_equal(found, expected)
    assert not folder.is_dir() or list(folder.iterdir()) == []


def test_large_arrays_of_a_file(folder, tmp_path):
    """NumPy reads what is written, and what NumPy writes is read, large entries in parts."""
    a = np.arange(3000.0)
    arrays = {
        "large": a.reshape(-1, 3),
        "few": np.arange(3),
        "one": np.array(2.5),
        "turned": a.reshape(3, -1).T,
        "none": np.zeros((50, 0)),
    }
    with open(tmp_path / "a.npz", "wb") as file:
        npz.write_arrays(file, arrays)
    np.savez(tmp_path / "b.npz", **arrays)
    with np.load(tmp_path / "a.npz") as found:
        assert all(np.array_equal(found[name], value) for name, value in arrays.items())
    for name in "ab":
        found = npz.read_arrays(tmp_path / f"{name}.npz", folder=folder)
        for key, value in arrays.items():
            assert found[key].dtype == value.dtype and np.array_equal(found[key], value)
        assert in_file(found["large"]) == folder.is_dir()
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[5000] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(npz.BROKEN):
        npz.read_arrays(tmp_path / "a.npz", folder=folder)


def test_a_long_orbit_is_the_same_in_files(own_cache, monkeypatch):
    """Made, from the cache, and the pixels along it: with a view that begins at the cusp, and with two orbits."""
    from escape_jobs import job_at

    places = ("mandelbrot", {}, "0.2500000001", "0", "1e-20"), ("julia", {}, "0.1", "0.2", "1e-20")
    pixels = np.arange(64)
    outs = [job_at(*place, 8, 3000).run(pixels) for place in places]
    cache.clear("references")
    monkeypatch.setattr(mapped, "LARGE", 1000)
    monkeypatch.setattr(npz, "LARGE", 1000)
    for _ in ("made", "from the cache"):
        for place, expected in zip(places, outs, strict=True):
            job = job_at(*place, 8, 3000)
            assert in_file(job._all.x) and in_file(job._all.excess[1])
            found = job.run(pixels)
            assert np.array_equal(found.measure, expected.measure) and np.array_equal(found.trust, expected.trust)
    cache.clear("references")
