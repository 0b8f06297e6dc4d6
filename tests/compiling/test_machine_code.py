"""Kernels whose machine code is kept give what Numba's dispatcher gives, bit for bit. A start imports little."""

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from small_network import quiet

from deepzoom import systems
from deepzoom.backends import select
from deepzoom.backends.kernels.escape_time import bilinear_skips, generated, power_series, series_skips
from deepzoom.compiling import jit, machine_code
from deepzoom.formula.critical import critical_points, is_critical
from deepzoom.landmarks import get
from deepzoom.scene.view import View


def read_outs(name, place, depth, size):
    """All arrays of a small view's results, by kernels that start as in a new process."""
    generated._formula.cache_clear()
    generated.kernels.cache_clear()
    place = get(place)
    system = systems.create(name, {}, 600)
    view = View.parse(place.x, place.y, depth, size)
    backend, _ = select.select("auto", view, system)
    out = backend.job(system, view, None, quiet, quiet).run(np.arange(view.pixels))
    return [v for v in vars(out).values() if v is not None]


def no_numba(self):
    raise AssertionError("this was to be called without Numba")


@pytest.mark.parametrize(
    ("name", "place", "depth", "size"),
    [
        ("mandelbrot", "mandelbrot-home", "2.6", (80, 60)),
        ("mandelbrot", "mandelbrot-deep", "1e-20", (8, 8)),  # with skips, and the kernel in double-double
        ("mandelbrot", "mandelbrot-e1000", "1e-330", (4, 4)),  # in floatexp
        ("burning-ship", "burning-ship-e100", "1e-20", (8, 8)),
    ],
)
def test_kept_code_gives_the_same(monkeypatch, own_cache, name, place, depth, size):
    with monkeypatch.context() as patch:
        patch.setattr(machine_code, "_loaded", lambda path: None)
        by_numba = read_outs(name, place, depth, size)
    monkeypatch.setattr(generated.Formula, "_loaded", no_numba)
    again = read_outs(name, place, depth, size)
    assert len(again) == len(by_numba) and all(map(np.array_equal, again, by_numba))


def test_broken_code_is_made_again(monkeypatch, tmp_path):
    """Code that is cut short or has other bytes never runs, and is replaced."""
    shared = machine_code.Kernel._path  # where another worker may make it again first
    monkeypatch.setattr(machine_code.Kernel, "_path", lambda *given: tmp_path / shared(*given).name)
    read_outs("mandelbrot", "mandelbrot-home", "2.6", (80, 60))
    kernel = generated.kernels(systems.create("mandelbrot").iteration).run_float64
    (types,) = kernel._entries
    path = kernel._path(types)
    whole = path.read_bytes()
    for broken in (b"", b"5\n", b"{}\n", whole[:40], whole[:-100], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(broken)
        assert machine_code._loaded(path) is None and not path.exists()
    read_outs("mandelbrot", "mandelbrot-home", "2.6", (80, 60))
    assert path.read_bytes() == whole and machine_code._loaded(path) is not None


def test_code_that_calls_what_is_not_there(tmp_path):
    path = tmp_path / "a.o"
    head = '{"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "calls": ["no_such_name"]}'
    path.write_bytes(f"{head}\n".encode())
    assert machine_code._loaded(path) is None and path.exists()


def test_what_arguments_are_served():
    """Each argument has the type that Numba gives it, and eight bytes for each number."""
    plain, room = np.zeros((2, 3)), np.zeros(0, dtype=np.int64)
    fixed = np.zeros(2)
    fixed.flags.writeable = False
    assert machine_code.layout((plain, 1, np.int64(2), 2.5, True, (room, (0.5,)))) == (
        "<f82 q q d ? (<i81 (d))", "PPqqPqqqqqqd?PPqqPqqd"
    )  # fmt: skip
    assert machine_code.layout((fixed,)) == ("<f81r", "PPqqPqq")
    pair = namedtuple("pair", "a b")(1, 2)
    others = plain.T, plain[:, 0], plain.astype(">f8"), [1.0], None, "a", 1 << 63, 1j, pair, np.float32(1), (None,)
    for other in others:
        assert machine_code.layout((other,)) is None


def test_sizes_of_skips():
    series, bilinear = (series_skips.ROW, power_series.TOP), (bilinear_skips.ROW, bilinear_skips.TOP)
    for sizes, name in ((series, "mandelbrot"), (bilinear, "burning-ship")):
        formula = generated.kernels(systems.create(name).iteration)
        assert sizes == (formula.ROW, formula.TOP)
    assert not hasattr(formula, "run_nothing")


def test_critical_starts():
    """The test that isolates no roots gives the roots' answer."""
    for system in (systems.create(name) for name in systems.names() if systems.is_escape_time(name)):
        i = system.iteration
        start = complex(float(i.start[0]), float(i.start[1]))
        known = critical_points(i.formula) or []
        assert is_critical(i.formula, *i.start) == any(abs(p - start) < 1e-12 for p in known), system.name


@pytest.mark.parametrize("where", [(), ("--at", "mandelbrot-deep"), ("--center", "-2", "0", "--depth", "1")])
def test_a_warm_render_is_light(tmp_path, where):
    """The first render compiles what is missing. Later ones of a map import neither Numba nor matplotlib."""
    given = ["render", "mandelbrot", *where, "--size", "80x60", "--quiet", "--force", "--out", str(tmp_path / "a.png")]
    code = (
        f"import sys; sys.argv = ['deepzoom', *{given!r}]\n"
        "from deepzoom.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'numba', 'scipy', 'matplotlib', 'flint', 'av'} & set(sys.modules)\n"
        "print('heavy: ' + ' '.join(sorted(heavy)))\n"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        heavy = done.stdout.splitlines()[-1]
        if heavy == "heavy: ":
            return
    raise AssertionError(heavy)


def test_a_file_that_moved_is_missed():
    """A pattern without a file would leave what the file makes in the cache when the file changes."""
    with pytest.raises(ValueError, match="moved"):
        jit.source_digest("arithmetic/*.py", "reference/moved.py")
