"""``deepzoom doctor``, and what shells offer for the values of options."""

from __future__ import annotations

import importlib.metadata
import platform

import numba
import pytest
from typer.testing import CliRunner

from deepzoom import __version__
from deepzoom.cli import app


def test_doctor_says_what_a_bug_report_needs(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPZOOM_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["numba>=0.61", 'none-such>=1; extra == "exr"'])
    monkeypatch.setattr(numba.config, "CPU_NAME", "haswell")
    monkeypatch.setattr(numba.config, "CPU_FEATURES", "+avx2,+avx,+fma")
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0, result.output
    rows = dict(line.split(None, 1) for line in result.stdout.splitlines() if line.strip())
    assert rows["deepzoom"].strip() == __version__ and platform.python_version() in rows["Python"]
    assert rows["kernels"].strip() == "for haswell, AVX2: 4 float64 values at once"
    assert str(tmp_path / "kept") in rows["cache"] and "threads" in rows["processor"]
    assert rows["numba"].strip() == numba.__version__ and "none-such" not in rows


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("render mandelb", {"mandelbrot"}),
        ("render --at mandelbrot-e10", {"mandelbrot-e1000"}),
        ("zoom --backend cpu-", {"cpu-float64", "cpu-perturbation"}),
        ("colour a.npz --palette viri", {"viridis", "viridis_r"}),
        ("render --colouring trap", {"trap-point", "trap-line", "trap-circle"}),
        ("doc", {"doctor"}),
    ],
)
def test_what_bash_offers(typed, offered):
    words = f"deepzoom {typed}"
    asked = {"_DEEPZOOM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    result = CliRunner().invoke(app, [], env=asked, prog_name="deepzoom")
    assert set(result.stdout.split()) == offered
