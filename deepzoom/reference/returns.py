"""Returns of a critical orbit: steps at which it comes so close to the critical point that pixels may rebase there.

Let D_n = dz_n/dc along the reference, and r the largest |c| of a pixel of a view. A nucleus of period n lies about
-Z_n / D_n beside the reference. If that is small beside r, the iterates of pixels lie around the critical point at step
n, and a reference that ends there serves: pixels rebase, and follow it again from its beginning. If the nucleus is
farther away, a reference close to it serves. A rebase is exact wherever it happens. The conditions here are
only about what it costs: only pixels so close to the reference that their difference is smaller than Z_n lose digits.
"""

from __future__ import annotations

import math
from typing import Any

import gmpy2
import numpy as np

from deepzoom.formula import source
from deepzoom.formula.expression import Complex
from deepzoom.formula.taylor import degree

from .critical_orbit import added, determinant, product
from .iterates import Piece

Slopes = tuple[Any, Any, Any, Any]
"""A real 2x2 matrix for each of some steps: its entries row by row, (steps,) each."""

CLOSE, NEARBY = 4.0, -2.0
"""log2 of how much closer than r a nucleus is to a reference that serves, or so close that one at the nucleus does."""
_SMALL = 4.0
"""log2 of how much smaller than the set's small copy at the nucleus a view may be: beside it, pixels take skips over
many periods. Its size is about |D_n|**(-d / (d - 1)), where f is of degree d at its critical point."""
_PROVED = -890.0
"""log2 of the least r of views that may be smaller: there a proof ends the orbits of pixels that are drawn to a cycle,
after some rebases (``backends/kernels/escape_time/attracted.py``)."""
_TOGETHER = 16
"""Steps that D makes at once; their slopes are multiplied before."""
_FAR_BELOW = 1e-290


class Returns:
    """Looks for the returns of the orbit of the critical point 0 for a formula f, and for c.

    found: for each step where |Z_n| is smaller than ever before: the step, both parts of -Z_n / D_n as mantissas, their
    exponent, and log2 of the smallest r for which a view is not a small part of the small copy, or for which its pixels
    end by a proof.
    """

    def __init__(self, f: Complex, c: tuple[float, float], proves: bool) -> None:
        """proves: whether pixels that are drawn to a cycle end by a proof."""
        space: dict[str, Any] = {name: getattr(np, name) for name in ("sqrt", "exp", "sin", "cos")}
        space["sign"] = lambda x: np.where(x < 0.0, -1.0, 1.0)
        exec(source.tangent(f), space)
        self._tangent, self._c = space["tangent"], c
        d = max(2, degree(f))
        self._power, self._most = d / (d - 1), _PROVED if proves else math.inf
        self._d: Any = (0.0,) * 4
        self._e = 0  # D = d 2**e
        self._least = math.inf
        self.found: list[tuple[int, float, float, int, float]] = []

    def first(self, reach: float, least: int, close: float) -> int | None:
        """The first return from step ``least`` on with a nucleus that is ``close``; reach: log2 of r."""
        for n, x, y, e, small in self.found:
            if n >= least and small <= reach and log2_size(x, y, e) + close <= reach:
                return n
        return None

    def look(self, piece: Piece) -> None:
        """Go on with the next iterates of the orbit."""
        x, y = piece.near_x, piece.near_y
        sizes = np.maximum(np.abs(x), np.abs(y))
        with np.errstate(all="ignore"):
            slopes = [np.broadcast_to(v, x.shape) for v in self._tangent(x, y, *self._c)]
        least = np.minimum.accumulate(np.concatenate(([self._least], sizes)))
        done = 0
        for i in np.flatnonzero(sizes < least[:-1]).tolist():
            self._follow([v[done:i] for v in slopes])
            done = i
            if piece.start + i > 0:
                self._note(piece, i, float(sizes[i]))
        self._follow([v[done:] for v in slopes])
        self._least = float(least[-1]) if piece.start + len(x) > 1 else math.inf

    def _follow(self, slopes: Any) -> None:
        """Let D make some steps. slopes (8, n): by z, then by c."""
        d, e = self._d, self._e
        by_z, by_c = _together(slopes[:4], slopes[4:])
        for m, b in zip(np.transpose(by_z).tolist(), np.transpose(by_c).tolist(), strict=True):
            unit = 2.0**-e if abs(e) < 1000 else 0.0
            d = added(product(m, d), (b[0] * unit, b[1] * unit, b[2] * unit, b[3] * unit))
            size = max(map(abs, d))
            if size > 1e60 or 0.0 < size < 1e-60:
                more = math.frexp(size)[1]
                d, e = [v * 2.0**-more for v in d], e + more
        self._d, self._e = d, e

    def _note(self, piece: Piece, i: int, size: float) -> None:
        x, y, e = piece.near_x[i], piece.near_y[i], 0
        if size < _FAR_BELOW:
            parts = gmpy2.mpfr(piece.x[i]), gmpy2.mpfr(piece.y[i])
            e = max((gmpy2.get_exp(v) for v in parts if v != 0), default=0)
            x, y = (float(gmpy2.mul_2exp(v, -e) if e < 0 else v) for v in parts)
        d, det = self._d, determinant(self._d)
        if 0.0 < abs(det) < math.inf:
            away = (d[1] * y - d[3] * x) / det, (d[2] * x - d[0] * y) / det
            small = -self._power * (math.log2(abs(det)) / 2 + self._e) - _SMALL
            self.found.append((piece.start + i, *away, e - self._e, min(small, self._most)))


def _together(by_z: Slopes, by_c: Slopes) -> tuple[Slopes, Slopes]:
    """The slopes of steps in a row, of ``_TOGETHER`` steps each and of the rest."""
    steps = 1
    with np.errstate(all="ignore"):
        while steps < _TOGETHER and len(by_z[0]) > 1:
            last = len(by_z[0]) & ~1
            a, b = _some(by_z, slice(0, last, 2)), _some(by_c, slice(0, last, 2))
            m, n = _some(by_z, slice(1, last, 2)), _some(by_c, slice(1, last, 2))
            rest = slice(last, None)
            by_z = _joined(product(m, a), _some(by_z, rest))
            by_c = _joined(added(product(m, b), n), _some(by_c, rest))
            steps *= 2
    return by_z, by_c


def _some(slopes: Slopes, which: slice) -> Slopes:
    a, b, c, d = (v[which] for v in slopes)
    return a, b, c, d


def _joined(first: Slopes, last: Slopes) -> Slopes:
    a, b, c, d = map(np.append, first, last)
    return a, b, c, d


def log2_size(x: float, y: float, e: int) -> float:
    """log2 of |x + iy| 2**e."""
    size = math.hypot(x, y)
    return math.log2(size) + e if size > 0.0 else -math.inf
