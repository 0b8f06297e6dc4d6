"""The formula of ``escape_time.py`` and ``skips.py``: stand-ins; ``generated.py`` puts generated code in their place.

Signatures are those of ``deepzoom/formula/``.
"""

from __future__ import annotations

from typing import Any


def _none(*args: Any) -> Any:
    raise NotImplementedError("the kernels of escape_time.py are compiled together with a formula")


value = difference = slopes = bounds = parts = lost = stretch = _none
wide_difference = double_difference = tangent = curvature = fold_distance = taylor = _none
TAYLOR_ROWS = 0
KX = KY = KX_LESS = KY_LESS = 0.0
"""K, mostly the critical point, and what it lacks of its double-double: all iterates of the loops are z - K."""
RX = RY = RX_LESS = RY_LESS = 0.0
"""Where pixels rebase to, the beginning of the last orbit, less K."""
DISTANCE = False
"""Whether the derivative by a pixel's place is followed along."""
POLES = False
"""Whether the formula divides: the reference can pass a pole much closer than a pixel does, and leave it behind."""
STILL = 0.0
"""A step shorter than it ends an orbit; 0 where none does."""
