"""Reference runs: their stated digits are right, they are long enough, and the cache of them can be relied on."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import time
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from small_network import SmallNetwork

from deepzoom import cache
from deepzoom.errors import InputError, Stopped
from deepzoom.reference import training as reference
from deepzoom.scene.view import View
from deepzoom.systems import create

X, Y = "0.31415926535897932384626433832795028841971", "0.2718281828459045235360287471352662497757"


def small_system(seed=0, steps=200, **kind):
    system = create("tanh")
    system.steps = steps
    system.network = SmallNetwork(seed, steps=steps, **kind).network
    return system


def view(depth="1e-20", size="64x64", x=X, y=Y):
    return View.parse(x, y, depth, size)


WILD = {"x": "1.500000000000000000000000031415926535", "y": "0.5"}
"""A place where differences grow by 68 bits in 90 steps (with seed 6)."""


@pytest.mark.parametrize("depth", ["1e-6", "1e-20", "1e-60"])
def test_stated_digits_hold(own_cache, depth):
    """Each recorded weight and loss against mpmath with three times the digits."""
    small = SmallNetwork(3, steps=120)
    system = small_system()
    system.network = small.network
    got = reference.obtain(system, view(depth))
    with mpmath.workprec(3 * got.bits):
        losses, weights = small.oracle(mpmath.mpf(X), mpmath.mpf(Y), got.steps)
    assert got.digits >= 18
    for t in range(got.steps):
        assert abs(got.losses[t] / losses[t] - 1) <= 2.3e-16
    true = np.array([[float(v) for layer in w for row in layer for v in row] for w in weights])
    scale = np.abs(true).max(axis=1, keepdims=True)
    assert np.all(np.abs(got.weights - true) <= 2.3e-16 * scale)


def test_stated_digits_hold_at_published_size(own_cache):
    """The first steps of the default landmark's run against a run with twice the bits."""
    from deepzoom.systems.training_run import ExactRun

    system = create("tanh")
    place = view("1e-9", x="1.12384440100021348074", y="2.30180775615836264880")
    got = reference.obtain(system, place)
    more = ExactRun(system.network, place.x, place.y, 2 * got.bits)
    for t in range(40):
        assert abs(got.losses[t] / float(more.advance().loss.floats()) - 1) <= 2.3e-16


def test_bits_are_found_by_themselves_and_too_few_are_refused(own_cache):
    system = small_system()
    with pytest.raises(InputError, match=r"--bits: 64 is too few for depth 1e-20 at 64 rows; give at least 127"):
        reference.obtain(system, view(), bits=64)
    assert reference.obtain(system, view()).bits >= 128
    assert reference.obtain(system, view(), bits=400).bits >= 400


def test_a_run_that_loses_more_digits_gets_more_bits(own_cache, monkeypatch):
    monkeypatch.setattr(reference, "_MARGIN", -110)
    got = reference.obtain(small_system(1), view())
    assert got.agreement >= reference.VERIFIED
    monkeypatch.setattr(reference, "check_bits", lambda view, bits: None)
    cache.clear("references")
    with pytest.raises(InputError, match=r"only .* of the 60 bits needed are right"):
        reference.obtain(small_system(2), view(), bits=70)


def test_what_cannot_be_verified_is_an_error(own_cache, monkeypatch):
    monkeypatch.setattr(reference, "VERIFIED", 10_000)
    monkeypatch.setattr(reference, "BASE_BITS", -9_000)
    with pytest.raises(ArithmeticError, match="could not be verified"):
        monkeypatch.setattr(reference, "_made", fake_run(agreement=5.0))
        reference.obtain(small_system(), view())


def fake_run(agreement):
    names = (*reference._PER_STEP, "learning")

    def made(system, view, bits, kept, goal, progress):
        arrays = {n: np.zeros(1) for n in names} | {n: np.zeros(0) for n in reference._PER_SNAPSHOT}
        return arrays | {"bits": np.array(bits), "agreement": np.array([agreement]), "offset": np.array(0.0)}

    return made


def same(a, b):
    assert a.steps == b.steps and a.bits == b.bits
    for name in ("record", "weights", "losses", "ratios", "windows", "reach", "learning"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert [s.step for s in a.snapshots] == [s.step for s in b.snapshots]
    assert all(np.array_equal(s.weights, t.weights) for s, t in zip(a.snapshots, b.snapshots))


def test_only_as_many_steps_as_needed(own_cache):
    system = small_system(6)
    found = [reference.obtain(system, view(d, **WILD)) for d in ("1e-3", "1e-8", "1e-15")]
    assert found[0].steps < found[1].steps < found[2].steps < 200
    for depth, got in zip((3, 8, 15), found):
        # at its end near pixels have left it, one step before they had not (a longer run in the cache serves, too)
        needed = math.log2(reference.HAND_OFF * reference._NEAREST) + depth / math.log10(2)
        assert got.reach.max() >= needed > np.sort(got.reach)[-2]


def test_kept_references_are_used_and_gone_on_from(own_cache, monkeypatch):
    system = small_system(6)
    first = reference.obtain(system, view("1e-8", **WILD), bits=200)
    calls = []
    made = reference._made
    monkeypatch.setattr(reference, "_made", lambda *a: calls.append(a[3] is not None) or made(*a))
    same(reference.obtain(system, view("1e-8", **WILD), bits=200), first)
    assert calls == []
    longer = reference.obtain(system, view("1e-15", **WILD), bits=200)
    assert calls == [True] and longer.steps > first.steps
    cache_file = next(own_cache.glob("*.npz"))
    cache_file.unlink()
    same(reference.obtain(system, view("1e-15", **WILD), bits=200), longer)
    assert calls == [True, False]


def test_other_data_other_reference(own_cache):
    a, b = small_system(6, steps=40), small_system(6, steps=40)
    b.network = replace(b.network, y=b.network.y + 1e-15)
    reference.obtain(a, view("1e-5"))
    reference.obtain(b, view("1e-5"))
    assert len(list(own_cache.glob("*.npz"))) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "not a zip"])
def test_a_corrupt_file_is_made_again(own_cache, damage):
    system = small_system(7, steps=40)
    first = reference.obtain(system, view("1e-8"))
    path = next(own_cache.glob("*.npz"))
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 0xFF
    path.write_bytes({"cut": content[: len(content) // 3], "empty": b"", "not a zip": b"x" * 500}.get(damage, content))
    same(reference.obtain(system, view("1e-8")), first)
    same(reference.obtain(system, view("1e-8")), first)


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cache, "_references", lambda: tmp_path / "file" / "references")
    assert reference.obtain(small_system(8, steps=40), view("1e-5")).steps > 0


def obtain_in(folder, seed, results):
    cache._references = lambda: folder
    results.put(reference.obtain(small_system(seed, steps=150), view("1e-20")).weights)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_concurrent_use(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=obtain_in, args=(tmp_path, 9, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join()
    assert all(np.array_equal(f, found[0]) for f in found)
    assert [p.suffix for p in tmp_path.iterdir()] == [".npz"]


def test_a_kill_leaves_nothing_that_misleads(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    worker = context.Process(target=obtain_in, args=(tmp_path, 10, results))
    worker.start()
    time.sleep(2.5)  # it may be importing, running or writing
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    obtain_in(tmp_path, 10, queue := context.Queue())
    queue.get(timeout=60)


def test_stopping_keeps_the_steps_made(own_cache):
    system = small_system(11, steps=300)
    whole = reference.obtain(system, view("1e-20"))
    next(own_cache.glob("*.npz")).unlink()
    count = 0

    def stop_later(share):
        nonlocal count
        count += 1
        assert 0 <= share <= 1
        if count == 7:
            raise Stopped

    with pytest.raises(Stopped):
        reference.obtain(system, view("1e-20"), progress=stop_later)
    kept = cache.load(next(own_cache.glob("*.npz")).stem)
    assert kept is not None and len(kept["losses"]) == 7
    same(reference.obtain(system, view("1e-20")), whole)


def test_a_run_in_the_middle_of_its_exact_weights(own_cache):
    """The centre's digits beyond float64 matter: two centres that are neighbouring float64 numbers have two runs."""
    system = small_system(6)
    a = reference.obtain(system, view("1e-20", **WILD))
    b = reference.obtain(system, view("1e-20", **WILD | {"x": "1.500000000000001"}))
    c = reference.obtain(system, view("1e-20", **WILD | {"x": "1.5"}))
    last = min(a.steps, b.steps, c.steps)
    assert 1.500000000000000000000000031415926535 == 1.5
    assert 0 < np.abs(a.weights[last] - c.weights[last]).max() < np.abs(a.weights[last] - b.weights[last]).max()


def test_a_view_takes_no_more_of_a_longer_reference_than_it_needs(own_cache):
    """So a picture does not depend on what was rendered before it."""
    small = SmallNetwork(21)
    system = create("tanh")
    system.steps, system.network = small.steps, small.network
    shallow, deep = (View.parse("1.5141", "1.9718", depth, "16x16") for depth in ("1e-2", "1e-12"))
    alone = reference.obtain(system, shallow)
    longer = reference.obtain(system, deep)
    again = reference.obtain(system, shallow)
    assert longer.steps > alone.steps == again.steps
    assert np.allclose(again.weights, alone.weights, rtol=1e-15, atol=1e-20) and len(again.snapshots) == len(
        alone.snapshots
    )
