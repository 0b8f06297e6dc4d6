"""Returns of a critical orbit: steps at which it comes so close to the critical point that pixels may rebase there.

Let D_n = dz_n/dc along the reference, and r the largest |c| of a pixel of a view. If |Z_n| is small beside r |D_n|,
the iterates of pixels lie around the critical point at step n, and a reference that ends there serves: pixels rebase,
and follow it again from its beginning. Then a nucleus of period n is in the view, or close to it. A rebase
is exact wherever it happens. The conditions here are only about what it costs: only pixels so close to the centre
that their difference is smaller than Z_n lose digits.
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

_CLOSE = 4.0
"""log2 of how much smaller than r |D_n| |Z_n| has to be."""
_SMALL = 4.0
"""log2 of how much smaller than the set's small copy at the nucleus a view may be: beside it, pixels take skips over
many periods. Its size is about |D_n|**(-d / (d - 1)), where f is of degree d at its critical point."""
_AT_ONCE = 24
"""Steps between two looks at the exponent of D."""
_FAR_BELOW = 1e-290


class Returns:
    """Looks for the returns of the orbit of the critical point 0 for a complex-differentiable formula f, and for c.

    found: (step, log2 of the smallest r that it serves), for each step where |Z_n| is smaller than ever before.
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
        self.found: list[tuple[int, float]] = []

    def first(self, reach: float, least: int) -> int | None:
        """The first return from step ``least`` on that serves pixels so far away (log2); None if there is none yet."""
        return next((n for n, size in self.found if n >= least and size <= reach), None)

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
        if size < _FAR_BELOW:
            largest = max(abs(piece.x[i]), abs(piece.y[i]))
            log = float(gmpy2.log2(largest)) if largest > 0 else -math.inf
        else:
            log = math.log2(size)
        stretch = abs(self._d)
        if 0.0 < stretch < math.inf:
            by_c = math.log2(stretch) + self._e
            self.found.append((piece.start + i, max(log - by_c + _CLOSE, -self._power * by_c - _SMALL)))
