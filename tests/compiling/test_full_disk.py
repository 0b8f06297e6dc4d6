"""A cache that cannot be written or read stops nothing: what it would hold is made again."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from deepzoom import cache
from deepzoom.compiling import generated_module, jit

TEXT = """
from deepzoom.compiling.jit import kernel

@kernel()
def double(numbers):
    for k in range(numbers.size):
        numbers[k] *= 2
"""


def full(*given, **more):
    raise OSError(errno.ENOSPC, "No space left on device")


def doubled(module):
    numbers = np.arange(3.0)
    module.double(numbers)
    return numbers.tolist()


@pytest.fixture
def there(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("DEEPZOOM_CACHE", str(tmp_path))
    return tmp_path


def test_a_module_without_a_file(there, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(generated_module, "whole_file", full)
        module = generated_module.imported("test", TEXT)
    assert module is generated_module.imported("test", TEXT)
    assert doubled(module) == [0, 2, 4] and not [p for p in there.rglob("*") if p.is_file()]


@pytest.mark.parametrize("fails", ["os.replace", "os.makedirs"])
def test_compiled_code_that_cannot_be_kept(there, monkeypatch, fails):
    """The disk is full when the code is to be written, or before there is a folder for it."""
    with monkeypatch.context() as patch:
        if fails == "os.makedirs":
            patch.setattr(fails, full)
        module = generated_module.imported("test", f"{TEXT}# {fails}")
        patch.setattr(fails, full)
        assert doubled(module) == [0, 2, 4]
    assert not list(there.rglob("*.nb?"))


def test_compiled_code_that_cannot_be_read(there, monkeypatch):
    assert doubled(generated_module.imported("test", f"{TEXT}# read")) == [0, 2, 4]
    (index,) = there.rglob("*.nbi")
    index.unlink()
    index.mkdir()  # opening it is an error, whoever opens it
    monkeypatch.delitem(generated_module.sys.modules, generated_module.name_of("test", f"{TEXT}# read"))
    assert doubled(generated_module.imported("test", f"{TEXT}# read")) == [0, 2, 4]


def test_marks_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEEPZOOM_CACHE", str(tmp_path / "file"))
    jit.mark_ready("this")
    assert not jit.ready("this")


def test_references_of_another_user_serve(own_cache, monkeypatch):
    """They can be read, but their times cannot be changed."""
    cache.save("a", {"x": np.arange(3)})
    monkeypatch.setattr(os, "utime", full)
    assert cache.load("a")["x"].tolist() == [0, 1, 2] and (own_cache / "a.npz").exists()
