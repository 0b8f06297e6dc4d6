"""The number of a basin: which of some numbers, computed from the final state of a run, are above zero.

With k numbers there are 2**k basins. The first number decides between 1 and 2, the next adds 2 or not, then 4, and so
on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from deepzoom.errors import TracingError
from deepzoom.tracing.array import Traced

MOST = 14
"""The most numbers of a label: a basin's number is an int16."""


def numbered(signs: Traced) -> tuple[Traced, int]:
    """(number of the basin, from 1 on; how many basins there are) of a traced array whose signs tell basins apart.

    Raises TracingError for an array of more than ``MOST`` numbers, or of none.
    """
    if not 1 <= signs.size <= MOST:
        raise TracingError(f"a label gives {signs.size:,} numbers; give 1 to {MOST}, whose signs tell basins apart")
    above: Any = np.reshape(signs, (signs.size,)) > 0  # type: ignore[call-overload]
    return 1 + np.sum(above * 2.0 ** np.arange(signs.size)), 2**signs.size
