"""The formula that ``escape_time.py`` iterates: stand-ins, in whose place generated code comes (``generated.py``).

Signatures are those of ``deepzoom/formula/source.py``.
"""

from __future__ import annotations

from typing import Any


def _none(*args: Any) -> Any:
    raise NotImplementedError("the kernels of escape_time.py are compiled together with a formula")


value = difference = wide_difference = tangent = stretch = curvature = fold_distance = _none
