"""``deepzoom zoom --format exr``: an exponential map in files of an octave each, as zoomasm takes them."""

from __future__ import annotations

import json
import math

import mpmath
import numpy as np
import pytest
import raw_data
from typer.testing import CliRunner

from deepzoom.cli import app
from deepzoom.exchange import fraktaler3, kalles_fraktaler

OpenEXR = pytest.importorskip("OpenEXR", reason="the extra 'exr' is not installed")

CENTRE = "-0.743643887037151", "0.131825904205330"
ZOOM = [
    "zoom",
    "mandelbrot",
    "--center",
    *CENTRE,
    "--from",
    "4",
    "--size",
    "64x48",
    "--steps",
    "300",
    "--format",
    "exr",
]


def run(*arguments):
    return CliRunner().invoke(app, [*ZOOM, *map(str, arguments)])


def opened(path):
    file = OpenEXR.File(str(path), separate_channels=True)
    return file.header(), {name: channel.pixels for name, channel in file.channels().items()}


@pytest.mark.parametrize(
    ("flip", "backend"),
    [(False, "cpu-float64"), pytest.param(True, "cpu-perturbation", marks=pytest.mark.slow)],
)
def test_every_octave_by_definition(flip, backend, tmp_path):
    """Pixel (i, j) of H rows lies at the angle 2 pi i / W, clockwise, and at the radius R 2**(-j / H)."""
    options = ["--flip"] if flip else []
    result = run("--to", "1.1", "--quality", "4", "--out", tmp_path / "z", "--backend", backend, "--json", *options)
    assert result.exit_code == 0, result.output
    files = sorted((tmp_path / "z").iterdir())
    assert [f.name for f in files] == [f"deepzoom.{k:08}.exr" for k in range(2)]
    assert json.loads(result.stdout)["frames"] == 2
    rng = np.random.default_rng(7)
    for number, path in enumerate(files):
        header, found = opened(path)
        height, width = found["N"].shape
        assert width == round(math.pi * math.hypot(256, 192)) and height == round(width * math.log(2) / (2 * math.pi))
        outermost = 2.0 * 0.5 ** (1 - number)  # the first view's largest circle has the radius 4 / 2
        keys = kalles_fraktaler.keys_of(header["KallesFraktaler2+"])
        spans = 4 / float(keys["Zoom"])
        assert spans * math.hypot(width, height) / height / 2 == pytest.approx(outermost, rel=1e-12)
        assert keys["ExponentialMap"] == "1" and keys["BailoutRadiusCustom"] == "10000000000.0"
        tables = fraktaler3.toml(header["Fraktaler3"], "")
        assert tables["transform"]["exponential_map"] and float(tables["bailout"]["escape_radius"]) == 1e20
        size = np.hypot(found["DEX"], found["DEY"])
        far = np.flatnonzero((size > 12) & (found["N"] < 2**32 - 1))
        for row, column in (divmod(int(p), width) for p in rng.choice(far, 6)):
            radius = outermost * 2 ** (-row / height)
            pixel = 2 * radius / math.hypot(width, height)

            def point(right, down, at=(2 * math.pi * column / width, radius, pixel)):
                across = at[1] * math.cos(at[0]) + right * at[2]
                below = at[1] * math.sin(at[0]) + down * at[2]
                return mpmath.mpc(*CENTRE) + mpmath.mpc(across, below if flip else -below)

            with mpmath.workdps(40):
                wanted = raw_data.expected(point, 0, 0, 300)
            count = float(found["N"][row, column]) + float(found["NF"][row, column])
            assert count == pytest.approx(wanted["N"] + wanted["NF"], abs=0.15)  # of the nearest pixel
            apart = found["DEX"][row, column] - wanted["DEX"] + 1j * (found["DEY"][row, column] - wanted["DEY"])
            assert abs(apart) < 0.2 * math.hypot(wanted["DEX"], wanted["DEY"])


def test_again_resumed_and_from_keyframes(tmp_path):
    assert run("--to", "2.1", "--out", tmp_path / "z", "--keep-data").exit_code == 0
    first = (tmp_path / "z" / "deepzoom.00000000.exr").read_bytes()
    again = run("--to", "2.1", "--out", tmp_path / "z")
    assert again.exit_code == 2 and "holds a film, or part of one" in again.stderr
    assert run("--to", "2.1", "--out", tmp_path / "z", "--resume", "--keep-data").exit_code == 0
    other = ["zoom", "--from-data", str(tmp_path / "z" / "data"), "--format", "exr", "--out", str(tmp_path / "y")]
    result = CliRunner().invoke(app, other)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "y" / "deepzoom.00000000.exr").read_bytes() == first
    assert CliRunner().invoke(app, [*other, "--from", "3", "--force"]).exit_code == 2


TYPES = {"N": "uint32", "NF": "float32", "T": "float32", "DEX": "float32", "DEY": "float32",
         "R": "float16", "G": "float16", "B": "float16"}  # fmt: skip
"""Of Kalles Fraktaler and Fraktaler-3; the first channels are what both call raw iteration data."""


def test_a_sequence_is_what_the_manuals_say_that_zoomasm_takes(tmp_path):
    """Fraktaler-3's "Recommended parameters for zoomasm": NAME.########.exr from 0, each zoomed out by 2, exponential
    maps of 12288 x 1360 or alike, with raw data in each; the pixels of an octave are squares.
    """
    assert run("--to", "0.4", "--out", tmp_path / "z").exit_code == 0
    files, zooms = sorted((tmp_path / "z").glob("*.exr")), []
    assert [f.name for f in files] == [f"deepzoom.{k:08}.exr" for k in range(len(files))] and len(files) == 4
    for path in files:
        header, found = opened(path)
        assert {name: str(found[name].dtype) for name in TYPES} == TYPES
        assert found["N"].shape[1] / found["N"].shape[0] == pytest.approx(2 * math.pi / math.log(2), rel=0.02)
        assert pytest.approx(2 * math.pi / math.log(2), rel=0.005) == 12288 / 1360
        assert header["IterationsBias"] == 1024
        tables = fraktaler3.toml(header["Fraktaler3"], "")
        assert tables["transform"]["exponential_map"]
        zooms.append(float(tables["location"]["zoom"]))
    assert np.diff(np.log2(zooms)) == pytest.approx([-1, -1, -1], abs=1e-12)
