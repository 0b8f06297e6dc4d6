"""The slope of tanh, ``1 - h * h`` where h is its value."""

from __future__ import annotations

from typing import Any

from .delta import Delta
from .scaled import reference_slope


def tanh_slope(h: Any) -> Any:
    """1 - h * h, of values h of tanh; of exact ones with all its leading bits (``scaled.py``)."""
    if isinstance(h, Delta):
        return Delta(reference_slope(h.reference), (1.0 - h * h).difference)
    return reference_slope(h)
