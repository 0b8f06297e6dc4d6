"""Pixels run again in higher precision until they settle, as a render with ``--trust settle`` runs them.

This is no oracle: it calls the package's jobs. It repeats the package's loop over the ways with more digits in its
plainest form, without batches, threads or progress.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Job, ReadOut

RUNGS = 2
"""Double-double and quad-double."""


def settled(job: Job, pixels: NDArray[np.int64]) -> ReadOut:
    """Read-outs of flat pixel numbers: each is checked, and run again with more digits if the check fails."""
    out = job.run(pixels)
    out.trust[:] = np.where(out.agrees(job.shadow(pixels)), 1, -1)
    for rung in range(RUNGS):
        left = np.flatnonzero(out.trust < 0)
        if len(left):
            again = job.retry(pixels[left], rung)
            out.measure[left], out.fate[left], out.trust[left] = again.measure, again.fate, again.trust
    return out
