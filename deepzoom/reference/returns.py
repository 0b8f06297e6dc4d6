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

from .iterates import Piece

CLOSE, NEARBY = 4.0, -2.0
"""log2 of how much closer than r a nucleus is to a reference that serves, or so close that one at the nucleus does."""
_SMALL = 4.0
"""log2 of how much smaller than the set's small copy at the nucleus a view may be: beside it, pixels take skips over
many periods. Its size is about |D_n|**(-d / (d - 1)), where f is of degree d at its critical point."""
_AT_ONCE = 24
"""Steps between two looks at the exponent of D."""
_FAR_BELOW = 1e-290


class Returns:
    """Looks for the returns of the orbit of the critical point 0 for a complex-differentiable formula f, and for c.

    found: for each step where |Z_n| is smaller than ever before: the step, both parts of -Z_n / D_n as mantissas, their
    exponent, and log2 of the smallest r for which a view is not a small part of the small copy.
    """

    def __init__(self, f: Complex, c: tuple[float, float]) -> None:
        space: dict[str, Any] = {name: getattr(np, name) for name in ("sqrt", "exp", "sin", "cos")}
        exec(source.tangent(f), space)
        self._tangent, self._c = space["tangent"], c
        d = max(2, degree(f))
        self._power = d / (d - 1)
        self._d, self._e = 0j, 0  # D = d 2**e
        self._least = math.inf
        self._left: list[tuple[Any, Any]] = []  # slopes of the steps that D has not made yet
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
            a, _, b, _, e, _, g, _ = (np.broadcast_to(v, x.shape) for v in self._tangent(x, y, *self._c))
            slopes = a + 1j * b, e + 1j * g
        least = np.minimum.accumulate(np.concatenate(([self._least], sizes)))
        done = 0
        for i in np.flatnonzero(sizes < least[:-1]).tolist():
            self._left.append((slopes[0][done:i], slopes[1][done:i]))
            done = i
            if piece.start + i > 0:
                self._follow()
                self._note(piece, i, float(sizes[i]))
        self._left.append((slopes[0][done:], slopes[1][done:]))
        self._least = float(least[-1]) if piece.start + len(x) > 1 else math.inf

    def _follow(self) -> None:
        d, e = self._d, self._e
        for by_z, by_c in self._left:
            for k in range(0, len(by_z), _AT_ONCE):
                unit = 2.0**-e if abs(e) < 1000 else 0.0
                for a, b in zip(by_z[k : k + _AT_ONCE].tolist(), by_c[k : k + _AT_ONCE].tolist(), strict=True):
                    d = a * d + b * unit
                size = abs(d)
                if size > 1e60 or 0.0 < size < 1e-60:
                    more = math.frexp(size)[1]
                    d, e = d * 2.0**-more, e + more
        self._d, self._e, self._left = d, e, []

    def _note(self, piece: Piece, i: int, size: float) -> None:
        x, y, e = piece.near_x[i], piece.near_y[i], 0
        if size < _FAR_BELOW:
            parts = gmpy2.mpfr(piece.x[i]), gmpy2.mpfr(piece.y[i])
            e = max((gmpy2.get_exp(v) for v in parts if v != 0), default=0)
            x, y = (float(gmpy2.mul_2exp(v, -e) if e < 0 else v) for v in parts)
        if 0.0 < abs(self._d) < math.inf:
            away = -complex(x, y) / self._d
            small = -self._power * (math.log2(abs(self._d)) + self._e) - _SMALL
            self.found.append((piece.start + i, away.real, away.imag, e - self._e, small))


def log2_size(x: float, y: float, e: int) -> float:
    """log2 of |x + iy| 2**e."""
    size = math.hypot(x, y)
    return math.log2(size) + e if size > 0.0 else -math.inf
