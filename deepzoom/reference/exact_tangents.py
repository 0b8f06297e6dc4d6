"""Exact derivatives of a training run by its two parameters, for views that float64 cannot stretch.

A view stretched r times shows what the run's tangent does along its weak direction, where the parts by x and by y
cancel but for one part in r. So the tangent is kept exactly: two more exact runs, each a tiny step beside the centre,
less the one at the centre. Along any direction, and for any shape, it is then rounded after it has cancelled.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from deepzoom import cache
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.fixed_point import BASE_BITS
from deepzoom.compiling import jit
from deepzoom.coordinates import Rational, format_decimal, log2
from deepzoom.scene.shape import principal_axis
from deepzoom.scene.view import View
from deepzoom.systems.trainable import Trainable

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

EVERY = 4
"""Steps between those at which tangents are kept: as few as between a reference's polynomials."""
DIGITS = 60
"""Bits of a tangent along the weak direction that hold: the 53 of a float64, and some."""
_MARGIN = 32  # bits for roundings that grow along the run
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Tangents:
    """The weights of an exact run, and of those a step of ``2**-near`` beside it in x and in y, before some steps.

    digits (3, kept, digits, n) int32: of ``Exact`` with ``point`` digits after the point; those of the latter two less
    the first. Kept are steps 0, ``EVERY``, twice that, and so on.
    """

    near: int
    point: int
    digits: NDArray[np.int32]

    @property
    def steps(self) -> int:
        """The last step that is kept."""
        return (self.digits.shape[1] - 1) * EVERY

    def weights(self, step: int) -> Exact:
        """Exact weights (n,) of the run at the centre."""
        return Exact(self.digits[0, step // EVERY], self.point)

    def by(self, step: int) -> tuple[Exact, Exact]:
        """What a step of ``2**-near`` in x, and in y, changes of the weights (n,)."""
        x, y = (Exact(self.digits[k, step // EVERY], self.point) for k in (1, 2))
        return x, y

    def along(self, step: int, dx: Rational, dy: Rational) -> Exact:
        """What exact parameter differences change of the weights (n,), to first order."""
        x, y = self.by(step)
        near = mpq(2) ** self.near
        return x * Exact.of(dx * near, x.bits) + y * Exact.of(dy * near, y.bits)


def weak_direction(by: tuple[Exact, Exact], scales: Floats) -> tuple[float, Rational, Rational]:
    """(log2_ratio, x, y): of a tangent's singular values, and the direction of the smaller one, not of length 1.

    by: derivatives (n,) by x and y, as of ``Tangents.by``; scales (n,): factors of the weights. Infinity where rounding
    hides the smaller one.
    """
    squares = [mpq(s) ** 2 for s in scales.tolist()]
    dx, dy = ([mpq(v) for v in one.integers()] for one in by)
    a, b, c = (sum(w * p * q for w, p, q in zip(squares, *pair)) for pair in ((dx, dx), (dx, dy), (dy, dy)))
    larger, x, y = principal_axis(a, b, c, 2 * by[0].bits)
    determinant = a * c - b * b
    return log2(larger**2 / determinant) / 2 if determinant > 0 else math.inf, -y, x


def most_ratio(depth: Rational) -> float:
    """log2 of the largest ratio by which a view is stretched: farther on, the long direction bends into the short one.

    Both directions then change alike at some ``depth**-1/2``, as of a parabola; and there is room for flatter ones.
    """
    return min(max(0.0, -log2(depth) / 2) + 8.0, 900.0)  # a float64


def obtain(
    system: Trainable, view: View, steps: int, progress: Callable[[float], None] = lambda share: None
) -> Tangents:
    """The tangents that serve a view, at least to a step: from the cache, or made.

    progress is told the share done, 0 to 1; what it raises ends the runs.
    """
    stretch = max(most_ratio(view.depth), view.shape.log2_ratio)
    near = math.ceil(DIGITS + stretch - log2(view.depth)) + 4
    bits = near + math.ceil(DIGITS + stretch) + _MARGIN + system.rate_bits(view.x, view.y)
    key = _key(system, "tangents", format_decimal(view.x), format_decimal(view.y))
    kept = cache.load(key)
    if kept is not None and int(kept["near"]) >= near and int(kept["point"]) * BASE_BITS >= bits:
        found = Tangents(int(kept["near"]), int(kept["point"]), kept["digits"])
        if found.steps > steps - EVERY:
            return found
    step = mpq(1, mpq(2) ** near)
    points = [(view.x, view.y), (view.x + step, view.y), (view.x, view.y + step)]
    centre, *beside = _runs(system, points, bits, steps, progress)
    parts = [centre, *([b - a for a, b in zip(centre, one, strict=True)] for one in beside)]
    digits = max(len(e.digits) for part in parts for e in part)
    made = np.zeros((3, len(centre), digits, centre[0].size), np.int32)
    for k, part in enumerate(parts):
        for i, e in enumerate(part):
            made[k, i, : len(e.digits)] = e.digits
    found = Tangents(near, centre[0].point, made)
    cache.save(key, {"near": np.array(near), "point": np.array(found.point), "digits": made})
    return found


def beside(
    system: Trainable, view: View, pixels: Sequence[int], tangents: Tangents, bits: int, steps: int,
    progress: Callable[[float], None] = lambda share: None,
) -> Floats:  # fmt: skip
    """Weights of exact runs at some pixels less those of the view's centre, float64 (pixels, kept, n)."""
    points = [view.point(p) for p in pixels]
    key = _key(system, "beside", str(bits), *(str(v) for point in ((view.x, view.y), *points) for v in point))
    kept = cache.load(key)
    if kept is not None and (kept["apart"].shape[1] - 1) * EVERY > steps - EVERY:
        return kept["apart"]
    apart = np.array([
        [(e - Exact.of(tangents.weights(i * EVERY), e.bits)).floats() for i, e in enumerate(one)]
        for one in _runs(system, points, bits, steps, progress)
    ])  # fmt: skip
    cache.save(key, {"apart": apart})
    return apart


def _key(system: Trainable, *texts: str) -> str:
    source = jit.source_digest("arithmetic/*.py", "tracing/*.py", "systems/*.py", "reference/exact_tangents.py")
    return hashlib.sha256("\n".join((source, system.key(), *texts)).encode()).hexdigest()[:32]


def _runs(
    system: Trainable, points: list[tuple[Rational, Rational]], bits: int, steps: int,
    progress: Callable[[float], None],
) -> list[list[Exact]]:  # fmt: skip
    """Flat exact weights of runs at some points, before every ``EVERY``-th step up to ``steps``, on a thread each."""
    done, ended = [0] * len(points), threading.Event()

    def run(k: int) -> list[Exact]:
        one, found = system.exact_run(*points[k], bits), []
        while not ended.is_set():
            if one.step % EVERY == 0:
                found.append(joined(one.weights))
            if one.step + EVERY - one.step % EVERY > steps:
                break
            one.advance()
            done[k] = one.step
        return found

    with ThreadPoolExecutor(len(points)) as pool:
        futures = [pool.submit(run, k) for k in range(len(points))]
        try:
            while wait(futures, timeout=_POLL_SECONDS).not_done:
                progress(sum(done) / (len(points) * max(1, steps)))
        finally:
            ended.set()
    return [f.result() for f in futures]


def joined(weights: tuple[Exact, ...]) -> Exact:
    """All weights in one array (n,)."""
    digits = max(len(w.digits) for w in weights)
    parts = [np.zeros((digits, w.size), np.int32) for w in weights]
    for part, w in zip(parts, weights, strict=True):
        part[: len(w.digits)] = w.digits.reshape(len(w.digits), -1)
    return Exact(np.concatenate(parts, axis=1), weights[0].point)
