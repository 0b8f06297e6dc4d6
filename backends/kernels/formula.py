"""The formula of ``escape_time.py`` and ``skips.py``: stand-ins; ``generated.py`` puts generated code in their place.

Signatures are those of ``deepzoom/formula/``.
"""

from __future__ import annotations

from typing import Any


def _none(*args: Any) -> Any:
    raise NotImplementedError("the kernels of escape_time.py are compiled together with a formula")


value = difference = wide_difference = double_difference = tangent = stretch = curvature = fold_distance = taylor = (
    _none
)
TAYLOR_ROWS = 0
