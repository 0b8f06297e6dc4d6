"""Misiurewicz points from the command line, against known ones and iterations in mpmath."""

from __future__ import annotations

import json
import shlex

import mpmath
import pytest
from typer.testing import CliRunner

from deepzoom.cli import app


def run(*words):
    return CliRunner().invoke(app, ["misiurewicz", *words])


def mpc(facts):
    return mpmath.mpc(facts["x"], facts["y"])


@pytest.mark.parametrize(
    ("center", "expected"),
    [
        (("0.01", "0.99"), (2, 2, 1j, 4 + 4j)),
        (("-1.99", "0.02"), (2, 1, -2, 4)),
        (("-0.1", "0.95"), (4, 1, None, None)),
        (("-1.29", "0.44"), (4, 1, None, None)),
    ],
)
def test_points_and_what_looks_alike(own_cache, center, expected):
    """The critical orbit enters the cycle, and not earlier; the slope along the cycle says how the set repeats."""
    found = json.loads(run("mandelbrot", "--center", *center, "--depth", "0.08", "--json").stdout)
    k, p = found["preperiod"], found["period"]
    preperiod, period, point, alike = expected
    assert preperiod in (k, None) and period in (p, None)
    with mpmath.workdps(60):
        c, z, orbit = mpc(found), mpmath.mpc(0), []
        for _ in range(k + p + 1):
            orbit.append(z)
            z = z * z + c
        assert abs(orbit[k + p] - orbit[k]) < 1e-15 < 1e-3 < abs(orbit[k + p - 1] - orbit[k - 1])
        slope = mpmath.fprod(2 * z for z in orbit[k:-1])
        assert found["scale"] == pytest.approx(float(abs(slope)), abs=1e-6)
        assert found["turn"] == pytest.approx(float(mpmath.degrees(mpmath.arg(slope))), abs=1e-4)
        assert point is None or abs(c - point) < 1e-18
        assert alike is None or abs(slope - alike) < 1e-15


@pytest.mark.slow
def test_the_set_looks_the_same_again(own_cache, tmp_path, monkeypatch):
    """The picture about a point, and the one magnified and turned by what the command prints, differ in few pixels."""
    from deepzoom.rendering.field import Field

    monkeypatch.chdir(tmp_path)
    facts = json.loads(run("mandelbrot", "--center", "0.01", "0.99", "--depth", "0.08", "--json").stdout)
    *words, _, _ = shlex.split(facts["command"])[1:]
    pictures = []
    for n, depth in enumerate((1e-6, 1e-6 / facts["scale"])):
        more = "--depth", str(depth), "--rotate", str(-n * facts["turn"]), "--size", "48x48", "--distance"
        CliRunner().invoke(app, [*words, *more, "--data", f"{n}.npz", "--out", f"{n}.png"])
        pictures.append(Field.load(tmp_path / f"{n}.npz").distance)
    assert (abs(pictures[0] - pictures[1]) < 0.02).mean() > 0.95


def test_the_command_and_its_messages(own_cache):
    lines = run("mandelbrot", "--center", "0.01", "0.99", "--depth", "0.08").stdout.splitlines()
    assert lines[:3] == ["system    mandelbrot", "preperiod 2", "period    2"]
    assert lines[-1] == "command   deepzoom render mandelbrot --center 0 1 --depth 8.00e-02"
    none = run("mandelbrot", "--center", "1", "1", "--depth", "0.1")
    assert none.exit_code == 1 and "no Misiurewicz point with a period up to 24" in none.stderr
    folds = json.loads(run("burning-ship", "--center", "-1.99", "0.01", "--depth", "0.1", "--json").stdout)
    assert folds["scale"] is None and folds["turn"] is None
    for given, message in (
        (["tanh"], "SYSTEM: tanh has no Misiurewicz points; give an escape-time system such as mandelbrot"),
        (["newton"], "SYSTEM: the pixels of newton are starts z_0"),
        (["mandelbrot", "--center", "0", "0"], "--depth: a view with --center needs a depth"),
    ):
        result = run(*given)
        assert result.exit_code == 2 and message in result.stderr and result.stderr.count("\n") == 1
