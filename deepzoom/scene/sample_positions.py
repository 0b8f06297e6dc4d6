"""Where the samples of a pixel lie: at fixed points, the same in each pixel. The first point is the pixel's middle.

They are the points of Sobol's two-dimensional sequence: the first N are spread evenly, whatever N is, and a larger N
only adds points. Their coordinates are whole multiples of a power of two of a pixel, so that the middle is, to the last
bit, the point that a render without samples uses.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError

MOST_SAMPLES = 256


def parse_samples(text: str) -> int:
    """The number of samples that a text gives. Raises InputError for anything but a whole number in range."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= MOST_SAMPLES):
        raise InputError(f"--samples: {text[:40]!r} is not a whole number from 1 to {MOST_SAMPLES}, such as 16.")
    return int(text)


def parts(samples: int) -> int:
    """Into how many parts a pixel's side is divided: a power of two."""
    return 1 << (samples - 1).bit_length()


@lru_cache(maxsize=8)
def offsets(samples: int) -> NDArray[np.int64]:
    """(samples, 2) int64: offsets to the right and up from the pixel's middle, in ``parts``; at most half a pixel."""
    n = parts(samples)
    bits = n.bit_length() - 1
    right, up = np.zeros((2, samples), dtype=np.int64)
    number, direction = np.arange(samples), n >> 1
    for k in range(bits):
        is_set = number >> k & 1
        right ^= is_set * (n >> (k + 1))
        up ^= is_set * direction
        direction ^= direction >> 1
    found = (np.stack([right, up], axis=1) + n // 2) % n - n // 2
    found.setflags(write=False)
    return found


@lru_cache(maxsize=8)
def _nearest(samples: int) -> NDArray[np.int64]:
    """(n, n): for each of the n x n squares of a pixel, upper left first, the sample nearest to it."""
    n = min(4 * parts(samples), 128)
    middle = (np.arange(n) + 0.5) / n - 0.5
    right, up = offsets(samples).T / parts(samples)
    across, down = (middle[:, None] - right) ** 2, (middle[:, None] + up) ** 2
    return np.array([np.argmin(across + row, axis=1) for row in down])


def nearest(samples: int, right: NDArray[np.float64], down: NDArray[np.float64]) -> NDArray[np.int64]:
    """The sample nearest to each point of a pixel; right and down go from 0 at its left and upper edge to 1."""
    table = _nearest(samples)
    row, column = (np.clip((part * len(table)).astype(np.int64), 0, len(table) - 1) for part in (down, right))
    return table[row, column]
