"""The formula of ``escape.py`` and the skips: stand-ins; ``generated.py`` puts generated code in their place.

Signatures are those of ``deepzoom/formula/``.
"""

from __future__ import annotations

from typing import Any


def _none(*args: Any) -> Any:
    raise NotImplementedError("the kernels of escape.py are compiled together with a formula")


value = difference = slopes = bounds = parts = lost = stretch = _none
wide_step = double_difference = tangent = curvature = fold_distance = taylor = _none
TAYLOR_ROWS = 0
KX = KY = KX_LESS = KY_LESS = 0.0
"""K, mostly the critical point, and what it lacks of its double-double: all iterates of the loops are z - K."""
RX = RY = RX_LESS = RY_LESS = 0.0
"""Where pixels rebase to, the beginning of the last orbit, less K."""
DISTANCE = False
"""Whether the derivative by a pixel's place is followed along."""
POLES = False
"""Whether the formula divides: the reference can pass a pole much closer than a pixel does, and leave it behind."""
BEND = 0.0
"""Half of |f_zz| of a quadratic formula, 0 of others."""
CONFORMAL = True
"""Whether f_z turns and stretches alike in all directions."""
CANCELS = 1.0
"""How many times |f_z| rounding of a step is relative to where parts of f are below float64's range."""
LEAST_EXPONENT = 0
"""log2 of the least difference that float64 serves where there are steps with exponents."""
STILL = 0.0
"""A step shorter than it ends an orbit; 0 where none does."""
TARGETS = False
"""Whether orbits end near attractors."""
