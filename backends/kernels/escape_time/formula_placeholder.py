"""Stand-ins for the functions of a formula, which ``generated.py`` replaces by generated code.

Signatures are those of ``deepzoom/formula/``, with one parameter more at the end: the step's turn, which is its index
among formulas that take turns, and 0 where there is one formula.
"""

from __future__ import annotations

from typing import Any


def _none(*args: Any) -> Any:
    raise NotImplementedError("the kernels of escape.py are compiled together with a formula")


value = difference = lane_difference = lane_bounds = slopes = bounds = parts = lost = stretch = _none
wide_step = double_difference = double_step = tangent = curvature = fold_distance = taylor = _none
TAYLOR_ROWS = 0
KX = KY = KX_LESS = KY_LESS = 0.0
"""K, mostly the critical point, and the low parts of its double-double. All iterates in the loops are z - K."""
RX = RY = RX_LESS = RY_LESS = 0.0
"""The point that pixels rebase to, less K: the beginning of the last orbit."""
TURN_COUNT = 1
"""How many turns there are, where formulas take turns. The last so many orbits begin with them, in order."""
LOOP_TURN = 0
"""The turn that comes after the last one."""
DISTANCE = False
"""Whether the loops compute the derivative by a pixel's position."""
POLES = False
"""Whether the formula divides: then the reference can pass a pole much closer than a pixel, and end far from it."""
BEND = 0.0
"""Half of |f_zz| of a quadratic formula; 0 for other formulas."""
CONFORMAL = True
"""Whether f_z turns and stretches alike in all directions."""
IN_DOUBLE = False
"""Whether ``double_step`` has the digits of double-double: formulas with exponentials and sines do not."""
CANCELS = 1.0
"""A step's rounding error is relative to so many times |f_z|, where parts of f are below float64's range."""
LEAST_EXPONENT = 0
"""log2 of the smallest difference for which float64 is used, where there are steps in floatexp."""
STILL = 0.0
"""A step shorter than this ends an orbit; 0 where short steps do not."""
TARGETS = False
"""Whether orbits end near attractors."""
