"""A probe of one point, against mpmath: losses to all digits, exponents, sharpness; and the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import mpmath
import numpy as np
import pytest
from descent_oracle import loss_of, network_outputs, numbers
from oracle import measure, train
from PIL import Image
from small_network import KINDS, SmallNetwork, system_of
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.coordinates import parse_decimal
from deepzoom.errors import Stopped
from deepzoom.measuring.exact_curve import exact_curve, first_bits
from deepzoom.measuring.probe import float64_losses, parted, probe
from deepzoom.measuring.sharpness import loss_surface
from deepzoom.pictures.png import read_scene
from deepzoom.reference.exact_tangents import joined
from deepzoom.rendering.batches import Observer
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

mp = mpmath.mp


def flat(layers):
    return [v for layer in layers for row in layer for v in row]


def singular_values(columns):
    """Of a matrix of two columns, from its exact Gram matrix."""
    a, b, c = (mpmath.fdot(p, q) for p, q in ((columns[0],) * 2, columns, (columns[1],) * 2))
    root = mpmath.sqrt((a - c) ** 2 + 4 * b**2)
    larger = (a + c + root) / 2
    return mpmath.sqrt(larger), mpmath.sqrt((a * c - b * b) / larger)


def oracle_growth(small, x, y, steps):
    """Logarithms of the singular values of the Jacobian before each step from the second on, by differences."""
    h = mpmath.mpf(10) ** (-mp.dps // 3)
    _, middle = small.oracle(x, y, steps)
    beside = [small.oracle(x + dx, y + dy, steps)[1] for dx, dy in ((h, 0), (0, h))]
    found = []
    for t in range(1, steps + 1):
        columns = [[(b - a) / h for a, b in zip(flat(middle[t]), flat(one[t]))] for one in beside]
        found.append([float(mpmath.log(v)) for v in singular_values(columns)])
    return np.array(found)


@pytest.mark.parametrize("kind", ["tanh", "relu", "minibatch", "offset every step"])
def test_losses_have_all_digits_and_growth_is_that_of_differences(kind):
    small = SmallNetwork(3, **KINDS[kind])
    small.steps = 25
    x, y = parse_decimal("0.31415926535897932384626433832795", "x"), parse_decimal("1.2", "y")
    found = exact_curve(system_of(small), x, y)
    with mp.workdps(90):
        at = [mpmath.mpf(int(v.numerator)) / int(v.denominator) for v in (x, y)]
        losses, history = small.oracle(*at)
        kept = [float(v) for v in losses if v < 1e308]  # linear units may leave float64
        assert found.losses.tolist() == kept
        assert found.weights[-2].tolist() == [float(v) for v in flat(history[len(kept) - 1])]
        growth = oracle_growth(small, *at, len(kept))
    np.testing.assert_allclose(found.growth[1:], growth, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.exponents[-1], found.growth[-1] / len(kept))


def test_the_weak_direction_keeps_its_digits_where_the_strong_one_is_far_larger():
    """With 19 digits between the two singular values, float64 alone would see only rounding along the weak one."""
    small = SmallNetwork(5, widths=(2, 3, 1), rows=3, steps=60)
    x, y = parse_decimal("2.3", "x"), parse_decimal("-7.3", "y")
    found = exact_curve(system_of(small), x, y)
    with mp.workdps(140):
        growth = oracle_growth(small, mpmath.mpf(23) / 10, mpmath.mpf(-73) / 10, small.steps)
    assert growth[-1, 0] - growth[-1, 1] > 19 * np.log(10)
    np.testing.assert_allclose(found.growth[1:], growth, rtol=0, atol=1e-6)


@pytest.mark.parametrize("given", [{"biases": "yes", "optimizer": "momentum"}, {"optimizer": "adam"}])
def test_growth_of_a_traced_training_is_that_of_differences_of_exact_runs(given):
    axes = {"x": "log10:rate", "y": "init-scale"}
    system = systems.create("tanh", {"width": "2", "rows": "0.05", "seed": "4", **axes, **given}, 12)
    at, h, bits = (parse_decimal("0.75", "x"), parse_decimal("1.25", "y")), parse_decimal("1e-40", "x"), 600
    found = exact_curve(system, *at)
    ends = []
    for dx, dy in ((0, 0), (h, 0), (0, h)):
        run = system.exact_run(at[0] + dx, at[1] + dy, bits)
        for _ in range(12):
            run.advance()
        ends.append(joined(run.weights))
    with mp.workdps(100):
        columns = [[mpmath.mpf(int(v)) for v in (end - ends[0]).integers()] for end in ends[1:]]
        unit = mpmath.mpf(2) ** ends[0].bits * mpmath.mpf(10) ** -40
        expected = [float(mpmath.log(v / unit)) for v in singular_values(columns)]
    np.testing.assert_allclose(found.growth[-1], expected, rtol=0, atol=1e-6)


def test_precision_grows_until_two_runs_agree():
    system = system_of(SmallNetwork(5, widths=(2, 3, 1), rows=3, steps=60))
    x, y = parse_decimal("2.3", "x"), parse_decimal("-7.3", "y")
    tried = []
    found = exact_curve(system, x, y, progress=lambda bits, step, steps: tried.append(bits))
    assert tried[0] == first_bits(system, x, y) < found.bits == tried[-1]
    assert found.losses.tolist() == exact_curve(system, x, y, bits=900).losses.tolist()


def test_no_precision_is_enough_where_two_runs_never_agree(monkeypatch):
    monkeypatch.setattr("deepzoom.measuring.exact_curve._same", lambda one, two: False)
    with pytest.raises(ArithmeticError, match=r"still differ with 4,?096 bits"):
        exact_curve(system_of(SmallNetwork(3, steps=2)), *(parse_decimal("0.5", "x"),) * 2, bits=64)


def dense(loss, weights):
    """The Hessian of an mpmath loss by all numbers of its weights, by second differences."""
    h = mpmath.mpf(10) ** (-mp.dps // 4)
    places = [(name, p) for name, array in weights.items() for p in np.ndindex(array.shape)]

    def at(*moves):
        changed = {name: array.copy() for name, array in weights.items()}
        for (name, p), step in moves:
            changed[name][p] += step
        return loss(changed)

    hessian = mpmath.matrix(len(places))
    for i, one in enumerate(places):
        for j, two in enumerate(places[: i + 1]):
            moved = [s * t * at((one, s * h), (two, t * h)) for s in (1, -1) for t in (1, -1)]
            hessian[i, j] = hessian[j, i] = sum(moved) / (4 * h * h)
    return hessian


def largest(hessian, rates):
    roots = [mpmath.sqrt(r) for r in rates]
    n = hessian.rows
    scaled = mpmath.matrix(n)
    for i in range(n):
        for j in range(n):
            scaled[i, j] = roots[i] * hessian[i, j] * roots[j]
    return max(mpmath.eigsy(scaled, eigvals_only=True))


@pytest.mark.parametrize("kind", ["tanh", "relu", "minibatch", "offset every step"])
def test_sharpness_is_that_of_a_dense_hessian(kind):
    small = SmallNetwork(3, **{**KINDS[kind], "widths": (2, 3, 1)})
    small.steps = 8
    system = system_of(small)
    x, y = parse_decimal("-0.75", "x"), parse_decimal("0.5", "y")
    state = exact_curve(system, x, y).weights[7]
    found = loss_surface(system, x, y).sharpness(7, state)
    with mp.workdps(60):
        w = {f"layer{k}.w": numbers(state[part].reshape(a.shape))
             for k, (part, a) in enumerate(zip(small.network.layers, small.weights))}  # fmt: skip
        offset = mpmath.mpf(10) ** mpmath.mpf("-0.75") if small.offset else 0
        w["layer0.w"] = w["layer0.w"] + offset
        inputs, targets = numbers(small.x), numbers(small.y)
        hessian = dense(
            lambda v: loss_of("mean-square", network_outputs(*scaled(v, small.activation, inputs)), targets), w
        )
        exponents = {"x": mpmath.mpf("-0.75"), "y": mpmath.mpf("0.5")}
        learning = [mpmath.mpf(10) ** exponents[n] for n in small.network.rates]
        rates = [r for r, a in zip(learning, small.weights) for _ in range(a.size)]
        eigenvalue = largest(hessian, [mpmath.mpf(1)] * hessian.rows)
        edge = 2 * eigenvalue / largest(hessian, rates)
    np.testing.assert_allclose([found.eigenvalue, found.edge], [float(eigenvalue), float(edge)], rtol=1e-9)
    if small.offset:
        assert found.edge == pytest.approx(2 / 10**0.5, rel=1e-12)


def scaled(weights, activation, x):
    return weights, x, activation, False


SETTINGS = {"width": "2", "rows": "0.05", "seed": "4"}


@pytest.mark.parametrize("given", [
    {"biases": "yes", "activation": "gelu"},
    {"loss": "cross-entropy", "outputs": "3", "activation": "sin"},
    {"layer-norm": "yes", "loss": "logistic"},
    {"optimizer": "adam"},
])  # fmt: skip
def test_sharpness_of_a_traced_training(given):
    given = {**SETTINGS, **given, "x": "log10:rate", "y": "init-scale"}
    system = systems.create("tanh", given, 5)
    x, y = parse_decimal("-0.5", "x"), parse_decimal("1.25", "y")
    state = exact_curve(system, x, y).weights[4]
    surface = loss_surface(system, x, y)
    found = surface.sharpness(4, state)
    product = np.array([surface.product(4, state, row) for row in np.eye(surface.size)])
    np.testing.assert_allclose(product, product.T, atol=1e-12 * abs(product).max())
    h, slopes = 1e-5, []
    for k in range(surface.size):
        moved = state.copy()
        moved[k] += h
        forth = np.concatenate([g.ravel() for g in surface.gradient(4, moved)])
        moved[k] -= 2 * h
        slopes.append((forth - np.concatenate([g.ravel() for g in surface.gradient(4, moved)])) / (2 * h))
    np.testing.assert_allclose(product, slopes, atol=1e-7 * abs(product).max())
    assert found.eigenvalue == pytest.approx(np.linalg.eigvalsh(product)[-1], rel=1e-9)
    edge = np.nan if "optimizer" in given else 2 / 10**-0.5
    assert found.edge == pytest.approx(edge, rel=1e-5, nan_ok=True)


def test_sharpness_of_one_weight_is_the_second_derivative():
    """Of w**2 + eps (1 + cos(2 pi w)), at rate x and eps y."""
    system = systems.create("cosine", {}, 4)
    x, y = parse_decimal("0.9", "x"), parse_decimal("0.15", "y")
    state = exact_curve(system, x, y).weights[2]
    found = loss_surface(system, x, y).sharpness(2, state)
    expected = 2 - 0.15 * (2 * np.pi) ** 2 * np.cos(2 * np.pi * state[0])
    np.testing.assert_allclose([found.eigenvalue, found.edge], [expected, 2 / 0.9], rtol=1e-12)


def test_a_loss_that_is_flat_or_not_finite_has_no_edge():
    small = SmallNetwork(3, activation="relu")
    surface = loss_surface(system_of(small), parse_decimal("0.5", "x"), parse_decimal("1", "y"))
    size = sum(w.size for w in small.weights)
    assert surface.sharpness(0, np.zeros(size)).eigenvalue == 0
    assert np.isnan(surface.sharpness(0, np.full(size, np.nan)).eigenvalue)


def test_where_float64_parts():
    exact = np.array([2.0, 1.0, 0.5, 1e-20, 1e-21])
    assert parted(exact, exact) == 5
    assert parted(exact, exact * [1, 1, 1.002, 1, 1]) == 2
    assert parted(exact, exact * [1, 1, 1.0005, 1, 7]) == 5  # both nothing beside the first loss
    assert parted(exact[:3], np.array([2.0, 1.0, 0.5, np.inf, np.nan])) == 5  # both as large as can be
    assert parted(exact, np.array([2.0, 1.0, 0.5, 1e-20, np.nan])) == 4
    assert parted(exact[:0], np.full(3, np.nan)) == 3


def test_float64_runs_are_those_of_the_exact_run_while_it_is_calm():
    for given in ({}, {"biases": "yes"}):
        system = systems.create("tanh", {**SETTINGS, **given}, 20)
        x, y = parse_decimal("0.25", "x"), parse_decimal("0.5", "y")
        np.testing.assert_allclose(float64_losses(system, 0.25, 0.5), exact_curve(system, x, y).losses, rtol=1e-12)


def dust(folder):
    """A pixel's place in dust at depth 1e-20, which ``benchmarks/dust.py`` found: the network's data file, x, y."""
    rng, data = np.random.default_rng(7), folder / "dust.npz"
    shapes = {"X": (16, 8), "Y": (16, 1), "theta0": (8, 8), "theta1": (8, 1)}
    np.savez(data, **{name: rng.normal(size=shape) for name, shape in shapes.items()})
    return data, "3.110803850574260778620935993290521", "1.356515231618850846986730569676623"


def test_a_dust_pixel_at_1e_20_has_the_losses_of_a_900_bit_run(tmp_path):
    data, x, y = dust(tmp_path)
    system = systems.create("tanh", {"data": str(data)}, 200)
    at = parse_decimal(x, "x"), parse_decimal(y, "y")
    found, run = exact_curve(system, *at), system.exact_run(*at, 900)
    assert found.bits < 400
    assert found.losses.tolist() == [float(run.advance().loss.floats()) for _ in range(200)]
    assert parted(found.losses, float64_losses(system, *map(float, at))) < 60


@pytest.mark.slow
def test_a_dust_pixel_at_1e_20_has_the_losses_of_mpmath(tmp_path):
    data, x, y = dust(tmp_path)
    system = systems.create("tanh", {"data": str(data)}, 500)
    found = exact_curve(system, parse_decimal(x, "x"), parse_decimal(y, "y"))
    with mp.workprec(900), np.load(data) as arrays:
        rates = [mpmath.mpf(10) ** mpmath.mpf(x), mpmath.mpf(10) ** mpmath.mpf(y)]
        losses, _ = train(arrays["X"], arrays["Y"], (arrays["theta0"], arrays["theta1"]), "tanh", rates, 500)
        assert found.losses.tolist() == [float(v) for v in losses]
        assert found.measure == pytest.approx(float(measure(losses)), rel=1e-14)


@pytest.fixture
def place(tmp_path, monkeypatch, own_cache):
    """An empty folder, and the options that name a point of a small network."""
    small = SmallNetwork(31, widths=(2, 3, 1), rows=4)
    np.savez(tmp_path / "own.npz", X=small.x, Y=small.y, theta0=small.weights[0], theta1=small.weights[1])
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    return ["--set", f"data={tmp_path / 'own.npz'}", "--steps", "30"]


def deepzoom(*args):
    return CliRunner().invoke(app, ["probe", *map(str, args)])


CENTER = "--center", "0.41415926535897932384626433832795", "1.1718281828459045235360287471352662497757"


def test_the_command_prints_and_writes_what_it_found(place):
    result = deepzoom(*place, *CENTER, "--json", "--quiet", "--out", "a.npz", "--figure", "a.png")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [found["x"], found["y"], found["out"], found["figure"]] == [*CENTER[1:], "a.npz", "a.png"]
    assert len(found["losses"]) == len(found["losses_float64"]) == found["steps"] == 30
    assert found["growth"][0][0] is None and len(found["growth"][1]) == 31
    assert found["fate"] == np.sign(found["measure"]) and found["horizon"] <= 30
    with np.load("a.npz") as arrays:
        assert arrays["losses"].tolist() == found["losses"] and str(arrays["x"]) == CENTER[1]
        assert arrays["sharpness"].tolist() == found["sharpness"]
        assert Scene.from_toml(str(arrays["scene"])).steps == 30
    with Image.open("a.png") as image:
        assert image.size[0] > 800
    assert read_scene(Path("a.png"), "FILE").system == "tanh"
    assert deepzoom(*place, *CENTER, "--quiet", "--out", "a.csv").exit_code == 0
    rows = list(csv.DictReader(Path("a.csv").read_text().splitlines()))
    assert [float(r["loss"]) for r in rows[:30]] == found["losses"] and rows[30]["loss"] == ""
    assert float(rows[29]["edge"]) == found["edge"][-1]


def test_the_command_answers_in_words(place):
    result = deepzoom(*place, *CENTER, "--quiet")
    assert result.exit_code == 0, result.output
    for word in ("point", "fate", "loss", "digits", "float64", "exponents", "sharpness"):
        assert f"\n{word}" in f"\n{result.stdout}"
    assert "in 30 steps" in result.stdout


def test_a_pixel_of_a_picture_is_its_exact_point(place, tmp_path):
    view = View.parse("0.25", "1.5", "1e-20", "7x3")
    scene = Scene("tanh", view, 30, {"data": place[1].removeprefix("data=")})
    Path("s.toml").write_text(scene.to_toml())
    found = json.loads(deepzoom("--scene", "s.toml", "--pixel", "6", "0", "--json", "--quiet").stdout)
    assert found["y"].startswith("1.50000000000000000000333333333") and found["x"] == "0.25000000000000000001"
    assert found["horizon"] == 30
    middle = json.loads(deepzoom("--scene", "s.toml", "--json", "--quiet").stdout)
    assert [middle["x"], middle["y"]] == ["0.25", "1.5"]


def test_a_probe_can_be_stopped():
    class Stops(Observer):
        def stopped(self):
            return True

    view = View.parse("0.25", "1.5", "1e-3", "1x1")
    with pytest.raises(Stopped):
        probe(Scene("tanh", view, 5, {}), view.x, view.y, observer=Stops())


BAD = {
    "SYSTEM: mandelbrot is not a training": ["mandelbrot"],
    "SYSTEM: lyapunov is not a training": ["lyapunov"],
    "--pixel: this needs --scene": ["--pixel", "1", "2"],
    "--pixel: 7 0 is outside the 7x3 picture": ["--scene", "s.toml", "--pixel", "7", "0"],
    "--center: --scene already names a place": ["--scene", "s.toml", *CENTER],
    "--at: --scene already names a place": ["--scene", "s.toml", "--at", "tanh-deep"],
    "--center: give either --at or --center": ["--at", "tanh-deep", *CENTER],
    "--center x: 'nan' is not a decimal number": ["--center", "nan", "1"],
    "--center x: coordinates are log10": ["--center", "1e3", "1"],
    "--steps: 0 is not from 1": [*CENTER, "--steps", "0"],
    "--steps: auto works only for escape-time": [*CENTER, "--steps", "auto"],
    "--steps: 'ten' is neither a whole number": [*CENTER, "--steps", "ten"],
    "--out: a.txt ends in neither .npz nor .csv": [*CENTER, "--out", "a.txt"],
    "--figure: a.pdf does not end in .png": [*CENTER, "--figure", "a.pdf"],
    "--out: old.npz exists": [*CENTER, "--out", "old.npz"],
    "--set: 'rate' is not KEY=VALUE": [*CENTER, "--set", "rate"],
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_gets_one_sentence(message, place):
    Path("s.toml").write_text(Scene("tanh", View.parse("0.25", "1.5", "1e-20", "7x3"), 30, {}).to_toml())
    Path("old.npz").touch()
    result = deepzoom(*BAD[message])
    assert result.exit_code == 2 and result.stderr.startswith(f"Error: {message}"), result.output
    assert result.stderr.count("\n") == 1 and result.stdout == ""
