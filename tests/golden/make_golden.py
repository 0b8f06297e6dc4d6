"""Make the golden pixels: random pixels of the published networks, run in fixed-point integers.

    python tests/golden/make_golden.py [SYSTEM ...]        an hour on one core for all; continues where it was

The oracle is in this file, written from the experiment's description: matrices of FLINT integers scaled by 2**bits, and
tanh by arb. Only the published arrays come from the package. Each pixel runs with two precisions, until the convergence
measures agree to 12 digits. The file keeps how many digits agree. The script also decides whether float64 can settle a
pixel. It takes the weights at the step where they differ from the centre's by 1/32, rounds them to float64, and
disturbs them at random in the last place. All plain NumPy runs from there must end in the pixel's fate.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import flint
import numpy as np

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "deepzoom" / "systems" / "data"
DEPTHS = ("1e-6", "1e-12", "1e-20", "1e-30")
PER_VIEW = {"tanh": 8, "linear": 21, "relu": 3, "single-datapoint": 15, "minibatch": 2, "weight-init": 3}
SIZE = 64
MOST = 1e6
LAST = 20

EXPERIMENTS = {
    "tanh": {"data": "full_batch", "act": "tanh"},
    "linear": {"data": "identity", "act": "identity"},
    "relu": {"data": "full_batch", "act": "relu"},
    "single-datapoint": {"data": "single_datapoint", "act": "tanh"},
    "minibatch": {"data": "full_batch", "act": "tanh", "rows": "minibatch_idx_1000", "steps": 1000},
    "weight-init": {"data": "full_batch", "act": "tanh", "offset": True},
}


class Fixed:
    """Matrices of integers, in units of 2**-bits."""

    def __init__(self, bits):
        self.bits, self.one = bits, flint.fmpz(1) << bits

    def matrix(self, array):
        def integer(v):
            n, d = float(v).as_integer_ratio()
            return flint.fmpz((n << self.bits) // d)

        out = np.empty(array.shape, dtype=object)
        out.ravel()[:] = [integer(v) for v in array.ravel()]
        return out

    def dot(self, a, b):
        left = flint.fmpz_mat(*a.shape, a.ravel().tolist())
        right = flint.fmpz_mat(*b.shape, b.ravel().tolist())
        out = np.empty((a.shape[0], b.shape[1]), dtype=object)
        out.ravel()[:] = [(v + (self.one >> 1)) >> self.bits for v in (left * right).entries()]
        return out

    def times(self, a, b):
        return (a * b + (self.one >> 1)) >> self.bits

    def tanh(self, a):
        out = np.empty(a.shape, dtype=object)
        with flint.ctx.workprec(self.bits + 80):
            down, up = flint.arb((1, -self.bits)), flint.arb((1, self.bits))
            for i, v in enumerate(a.ravel().tolist()):
                out.ravel()[i] = ((flint.arb(v) * down).tanh() * up).mid().floor().unique_fmpz()
        return out

    def scalar(self, function):
        """The integer for a real number. A function computes that number with arb."""
        with flint.ctx.workprec(self.bits + 80):
            return (function() * flint.arb((1, self.bits))).mid().floor().unique_fmpz()

    def power_of_ten(self, text_or_fraction):
        q = Fraction(text_or_fraction)
        return self.scalar(lambda: (flint.arb(flint.fmpq(q.numerator, q.denominator)) * flint.arb(10).log()).exp())

    def floats(self, a):
        with flint.ctx.workprec(53):
            down = flint.arb((1, -self.bits))
            return np.array([float(flint.arb(v) * down) for v in a.ravel().tolist()]).reshape(a.shape)


def divided(a, whole):
    """Quotients of integers by a whole number, rounded down."""
    return np.vectorize(lambda v: v // whole, otypes=[object])(a)


def load(name):
    e = EXPERIMENTS[name]
    with np.load(DATA / f"{e['data']}.npz") as f:
        rows = f[e["rows"]] if "rows" in e else None
        return f["X"], f["Y"], f["theta0"], f["theta1"], e["act"], rows, e.get("offset", False), e.get("steps", 500)


def exact_run(name, x, y, bits, steps=None):
    """Run one pixel. Yields (loss as float64, weights before the step as integers) at each step."""
    X, Y, t0, t1, act, rows, has_offset, all_steps = load(name)
    f = Fixed(bits)
    xs, ys, w0, w1 = (f.matrix(a) for a in (X, Y, t0, t1))
    n, hidden = t0.shape
    gain = 1 if act == "identity" else 2
    scale = f.scalar(lambda: (flint.arb(gain) / n).sqrt())
    rx, ry = f.power_of_ten(x), f.power_of_ten(y)
    rate0, rate1, offset = (ry, ry, rx) if has_offset else (rx, ry, None)
    for t in range(steps or all_steps):
        before = (w0, w1)
        if offset is not None:
            w0 = w0 + offset
        z = f.times(f.dot(xs, w0), scale)
        h = f.tanh(z) if act == "tanh" else np.where((z > 0).astype(bool), z, flint.fmpz(0)) if act == "relu" else z
        e = divided(f.dot(h, w1), hidden) - ys
        with flint.ctx.workprec(64):
            total = flint.arb(sum(v * v for v in e.ravel().tolist())) * flint.arb((1, -2 * bits)) / len(X)
            loss = float(total)
        yield loss, before
        drawn = np.arange(len(X)) if rows is None else rows[t].astype(int)
        d = divided(2 * e[drawn], len(drawn) * hidden)
        hd, zd = h[drawn], z[drawn]
        g1 = f.dot(hd.T.copy(), d)
        p = f.dot(d, w1.T.copy())
        if act == "tanh":
            p = f.times(p, f.one - f.times(hd, hd))
        elif act == "relu":
            p = np.where((zd > 0).astype(bool), p, flint.fmpz(0))
        g0 = f.times(f.dot(xs[drawn].T.copy(), p), scale)
        w0, w1 = w0 - f.times(g0, rate0), w1 - f.times(g1, rate1)


def measure_of(losses, steps):
    v = np.array(losses + [np.inf] * (steps - len(losses)))
    v = np.where(np.isfinite(v), v, MOST)
    v = np.minimum(v / v[0], MOST)
    return float(-v.sum() if v[-LAST:].mean() < 1 else (1 / v).sum())


def run_exact(name, x, y, bits):
    steps = EXPERIMENTS[name].get("steps", 500)
    losses, weights = [], []
    for loss, (w0, w1) in exact_run(name, x, y, bits):
        losses.append(loss)
        if not np.isfinite(loss):
            break
        f = Fixed(bits)
        weights.append(np.concatenate([f.floats(w0).ravel(), f.floats(w1).ravel()]))
    return losses, weights, measure_of(losses, steps)


def plain_fate(name, x, y, w, start, rng):
    """The fate of a NumPy run from given weights at a step. Each weight moves by at most one unit in the last place."""
    X, Y, t0, _, act, rows, has_offset, steps = load(name)
    n, hidden = t0.shape
    w = w * (1 + rng.uniform(-1, 1, w.shape) * 2.2e-16)
    w0, w1 = w[: t0.size].reshape(t0.shape), w[t0.size :].reshape(-1, 1)
    rx, ry = 10.0 ** float(x), 10.0 ** float(y)
    rate0, rate1 = (ry, ry) if has_offset else (rx, ry)
    scale = np.sqrt((1 if act == "identity" else 2) / n)
    losses = []
    with np.errstate(all="ignore"):
        for t in range(start, steps):
            if has_offset:
                w0 = w0 + rx
            z = X @ w0 * scale
            h = np.tanh(z) if act == "tanh" else np.maximum(z, 0) if act == "relu" else z
            e = h @ w1 / hidden - Y
            losses.append(np.mean(e * e))
            drawn = slice(None) if rows is None else rows[t].astype(int)
            d = e[drawn] * 2 / len(e[drawn]) / hidden
            p = d @ w1.T
            if act == "tanh":
                p = p * (1 - h[drawn] ** 2)
            elif act == "relu":
                p = p * (z[drawn] > 0)
            w0, w1 = w0 - rate0 * (X[drawn].T @ p) * scale, w1 - rate1 * (h[drawn].T @ d)
    return losses


def golden_pixel(job):
    name, cx, cy, depth, pixel, centre = job
    row, column = divmod(pixel, SIZE)
    D = Fraction(depth)
    x = Fraction(cx) + D * (Fraction(2 * column + 1, 2) - Fraction(SIZE, 2)) / SIZE
    y = Fraction(cy) + D * (Fraction(SIZE, 2) - row - Fraction(1, 2)) / SIZE
    bits = 256 + int(3.33 * -np.log10(float(D)))
    losses, weights, measure = run_exact(name, x, y, bits)
    while True:
        more, more_weights, more_measure = run_exact(name, x, y, bits + 64)
        agreed = abs(more_measure - measure) / abs(more_measure)
        losses, weights, measure = more, more_weights, more_measure
        if agreed < 1e-12 or bits > 2000:
            break
        bits += 128
    steps = EXPERIMENTS[name].get("steps", 500)
    away = next(
        (
            t
            for t, (a, b) in enumerate(zip(weights, centre))
            if np.abs(a - b).max() >= np.abs(b).max() / 32 or not np.isfinite(a).all()
        ),
        min(len(weights), len(centre)) - 1,
    )
    rng = np.random.default_rng(pixel)
    ends = []
    for _ in range(4):
        rest = plain_fate(name, x, y, weights[away], away, rng)
        ends.append(np.sign(measure_of(losses[:away] + rest, steps)))
    settled = all(e == np.sign(measure) for e in ends)
    digits = 16 if agreed == 0 else min(16, int(-np.log10(agreed)))
    return pixel, measure, settled, digits, bits + 64, away, losses


def main():
    centres = json.loads((HERE / "centres.json").read_text())
    for name in sys.argv[1:] or EXPERIMENTS:
        target = HERE / f"pixels_{name}.npz"
        if target.exists():
            continue
        cx, cy = centres[name]
        steps = EXPERIMENTS[name].get("steps", 500)
        rng = np.random.default_rng(sum(map(ord, name)))
        jobs = []
        _, centre, _ = run_exact(name, Fraction(cx), Fraction(cy), 420)
        for depth in DEPTHS:
            for pixel in np.sort(rng.choice(SIZE * SIZE, PER_VIEW[name], replace=False)).tolist():
                jobs.append((name, cx, cy, depth, pixel, centre))
        with ProcessPoolExecutor(2) as pool:
            found = list(pool.map(golden_pixel, jobs))
        kept = np.full((len(found), steps), np.inf)
        for i, f in enumerate(found):
            kept[i, : len(f[6])] = f[6]
        np.savez_compressed(
            target,
            x=cx, y=cy, size=SIZE,
            depth=np.array([j[3] for j in jobs]),
            pixel=np.array([f[0] for f in found]),
            measure=np.array([f[1] for f in found]),
            settled=np.array([f[2] for f in found]),
            digits=np.array([f[3] for f in found]),
            bits=np.array([f[4] for f in found]),
            away=np.array([f[5] for f in found]),
            losses=kept,
        )  # fmt: skip
        print(name, "settled", sum(f[2] for f in found), "of", len(found), flush=True)


if __name__ == "__main__":
    main()
