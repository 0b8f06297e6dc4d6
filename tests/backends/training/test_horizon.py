"""The horizon, against runs in NumPy and mpmath, in fields, and as a colouring."""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from small_network import KINDS, SmallNetwork
from typer.testing import CliRunner

from deepzoom.backends.training.horizon import NEGLIGIBLE
from deepzoom.cli import app
from deepzoom.colouring.colour import by_horizon, coloured
from deepzoom.rendering import horizon
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.rendering.render import render
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

STEPS = 150


def run(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


def in_numpy(small, x, y, steps, weights=None):
    """Losses of a float64 run by plain NumPy, from the network's weights or from given ones."""
    w = small.weights if weights is None else weights
    rates = [10.0 ** {"x": x, "y": y}[n] for n in small.network.rates]
    a, b = (np.sqrt(len(v)) for v in small.weights)
    losses = []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            h = np.tanh(np.sqrt(2) * (small.x @ w[0]) / a)
            e = h @ w[1] / b**2 - small.y
            losses.append(np.mean(e * e))
            back = 2 * e / e.size / b**2
            first = small.x.T @ ((back @ w[1].T) * (1 - h * h)) * np.sqrt(2) / a
            w = [w[0] - rates[0] * first, w[1] - rates[1] * (h.T @ back)]
    return losses


def parting(one, two):
    """The horizon as docs/trust.md defines it."""
    for t, (a, b) in enumerate(zip(one, two, strict=True)):
        a, b = (min(v / run[0], 1e6) if np.isfinite(v) else 1e6 for v, run in ((a, one), (b, two)))
        if abs(a - b) > 1e-3 * max(a, b) and max(a, b) > NEGLIGIBLE:
            return t
    return len(one)


@pytest.fixture
def chaos(tmp_path):
    small = SmallNetwork(29, widths=(3, 4, 1), rows=8)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    view = View.parse("2.1", "0.6", "0.3", "12x12")
    return small, Scene("tanh", view, STEPS, {"data": str(tmp_path / "own.npz")}, trust="off", horizon=True)


def test_against_numpy_and_mpmath(own_cache, chaos):
    """Two programs round differently, so horizons differ: nearly always by less than a fifth of the steps."""
    small, scene = chaos
    found = render(scene).field.horizon.ravel()
    assert found.dtype == np.int32 and found.min() > 20 and found.max() == STEPS
    xs, ys = scene.view.points(np.arange(144))
    plain = [in_numpy(small, x, y, STEPS) for x, y in zip(xs, ys, strict=True)]
    near = [np.nextafter(w, np.inf) for w in small.weights]
    other = np.array([parting(p, in_numpy(small, x, y, STEPS, near)) for p, x, y in zip(plain, xs, ys, strict=True)])
    assert np.mean((found < STEPS) == (other < STEPS)) > 0.95
    assert np.median(np.abs(found - other)) <= 2 and np.mean(np.abs(found - other) <= 0.2 * other) > 0.85
    with mpmath.workdps(120):
        for p in range(0, 144, 12):
            losses, _ = small.oracle(mpmath.mpf(xs[p]), mpmath.mpf(ys[p]), STEPS)
            true = parting(plain[p], [float(v) for v in losses])
            assert abs(int(found[p]) - true) <= 0.2 * true, p


def test_a_deep_view_loses_pixels_after_the_hand_off(own_cache, chaos):
    small, scene = chaos
    view = View.parse("2.0375", "0.6125", "1e-4", "6x5")
    scene = replace(scene, view=view, backend="cpu-perturbation")
    planned = rendering.plan(scene)
    job = planned.backend.job(planned.system, view, None, lambda s: None, lambda t: None)
    pixels = np.arange(30)
    handed_off = job.handed_off(pixels, False)[3]
    field = render(scene).field
    assert np.all(field.horizon.ravel() > handed_off) and handed_off.min() > 3
    with mpmath.workdps(120):
        for p in (0, 17, 29):
            x, y = (mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in view.at(p % 6, p // 6))
            losses, history = small.oracle(x, y, STEPS)
            first = int(handed_off[p])
            rounded = [np.array([[float(v) for v in row] for row in w]) for w in history[first]]
            rest = in_numpy(small, float(x), float(y), STEPS - first, rounded)
            losses = [float(v) for v in losses]
            true = parting(losses, losses[:first] + rest)
            assert true < STEPS and abs(int(field.horizon.ravel()[p]) - true) <= 0.2 * true, p


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_networks_stop_at_their_last_step(own_cache, tmp_path, kind):
    """Calm training loses no pixel, and both runs reach the last step."""
    small = SmallNetwork(5, **KINDS[kind])
    arrays = {f"theta{i}": w for i, w in enumerate(small.weights)}
    batch = {} if small.batches is None else {"minibatch_idx": small.batches}
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, **arrays, **batch)
    given = {"data": str(tmp_path / "own.npz"), "activation": small.activation, "rates": ",".join(small.network.rates)}
    if small.batches is not None:
        given["batch"] = "drawn"
    if small.offset:
        given |= {"offset": "x", "offset-when": "every-step" if small.every else "once"}
    scene = Scene("tanh", View.parse("-3", "-3", "0.5", "5x3"), 60, given, trust="off", horizon=True)
    field = render(scene).field
    assert np.all(field.horizon == 60)
    assert horizon.summary(field) == "float64 loses none of 15 pixels within 60 steps."


class Stops(Observer):
    """A watcher that stops the render after so many batches of horizons."""

    def __init__(self, after):
        self.after, self.taken = after, -1

    def part(self, name, done, total):
        self.taken += name == "horizon"

    def stopped(self):
        return self.taken >= self.after


def test_it_is_kept_and_goes_on(own_cache, chaos, tmp_path, monkeypatch):
    monkeypatch.setattr("deepzoom.backends.training.float64.batch_size_of", lambda *a: 40)
    _, scene = chaos
    whole = render(scene).field
    part = render(scene, jobs=1, observer=Stops(1))
    assert not part.complete and part.field.done.all()
    assert 0 < np.count_nonzero(part.field.horizon >= 0) < 144
    part.field.save(tmp_path / "kept.npz")
    kept = Field.load(tmp_path / "kept.npz")
    assert kept.scene == scene and "horizon = true" in scene.to_toml() and "horizon" in kept.channels
    again = render(scene, partial=kept)
    assert again.complete and np.array_equal(again.field.horizon, whole.horizon)
    assert np.array_equal(again.field.measure, whole.measure)
    rest = whole.horizon[whole.horizon < STEPS]
    said = horizon.summary(whole)
    assert said.endswith(f"of 144 pixels, half of these by step {int(np.median(rest))}.")


def test_colours():
    places = by_horizon(np.array([[10.0, 20.0, 30.0], [100.0, -1.0, np.nan]]), 100)
    assert np.allclose(places[0], [0.15, 0.45, 0.75]) and places[1, 0] == 1 and np.isnan(places[1, 1:]).all()


def test_on_the_command_line(own_cache, chaos, tmp_path):
    _, scene = chaos
    place = ("tanh", "--center", 2.1, 0.6, "--depth", 0.3, "--size", "9x7", "--steps", 60)
    place = (*place, "--set", f"data={scene.settings['data']}", "--quiet", "--trust", "off")
    out = ("--out", tmp_path / "a.png", "--data", tmp_path / "a.npz")
    result = run("render", *place, "--colouring", "horizon", *out)
    assert result.exit_code == 0, result.output
    field = Field.load(tmp_path / "a.npz")
    assert field.scene.colouring == Colouring("horizon") and not field.scene.horizon
    assert field.horizon.min() > 0
    shown = run("info", tmp_path / "a.npz").stdout
    assert horizon.summary(field) in shown and "horizon" in shown
    again = ("colour", tmp_path / "a.npz", "--colouring", "rank", "--force", "--out", tmp_path / "b.png")
    assert run(*again).exit_code == 0
    assert coloured(field).std() > 0.05
    plain = run("render", *place, "--out", tmp_path / "c.png", "--data", tmp_path / "c.npz")
    assert plain.exit_code == 0 and Field.load(tmp_path / "c.npz").horizon is None


def test_bad_input_is_one_sentence(own_cache, chaos, tmp_path):
    _, scene = chaos
    data = tmp_path / "d.npz"
    render(replace(scene, horizon=False, steps=5)).field.save(data)
    film = ("zoom", "--from", 9, "--to", 1, "--frames", 2, "--out", tmp_path / "film")
    for args, message in [
        (
            ("render", "mandelbrot", "--horizon"),
            "--horizon: mandelbrot is not a training system; leave the option out.",
        ),
        (
            ("render", "lyapunov", "--colouring", "horizon"),
            "--colouring: horizon works only for training systems; for lyap",
        ),
        (
            ("render", "--backend", "exact", "--horizon"),
            "--horizon: the exact backend never loses a pixel; leave this out",
        ),
        (("render", "--backend", "exact", "--colouring", "horizon"), "--colouring: horizon: the exact backend never"),
        ((*film, "--colouring", "horizon"), "--colouring: horizon does not work for films; give rank or cyclic."),
        (("colour", data, "--colouring", "horizon", "--out", tmp_path / "x.png"), "d.npz holds no horizons; render it"),
    ]:
        result = run(*args)
        assert result.exit_code == 2 and message in " ".join(result.output.split()), (args, result.output)
    assert not (tmp_path / "x.png").exists()
