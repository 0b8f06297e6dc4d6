"""The colour of a pixel with samples: the mean of their colours, in linear light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deepzoom.rendering.field import Field

from .linear_light import encoded, linear

Floats = NDArray[np.float64]

_AT_ONCE = 1 << 16


def mixed(rgb: Floats, field: Field, has_colour: NDArray[np.bool_], colours: Callable[[slice], Floats]) -> Floats:
    """Colours (height, width, 3) of a field's pixels. rgb: the colours of each pixel's first sample.

    has_colour (M, samples - 1) bool: which samples count, if they are done. colours: a function that gives the colours
    (m, samples - 1, 3) of a slice of the sampled pixels.
    """
    if field.sampled is None or field.samples is None:
        return rgb
    flat, done = rgb.reshape(-1, 3).copy(), field.samples.done & has_colour
    size = max(1, _AT_ONCE // done.shape[1])
    for first in range(0, len(done), size):
        part = slice(first, first + size)
        pixels = field.sampled[part]
        light = np.where(done[part, :, None], linear(colours(part)), 0.0).sum(axis=1)
        flat[pixels] = encoded((linear(flat[pixels]) + light) / (1 + done[part].sum(axis=1))[:, None])
    return flat.reshape(rgb.shape)


def marked(rgb: Floats, field: Field, colour: tuple[float, float, float]) -> Floats:
    """Colours (height, width, 3) of a field's pixels, with ``colour`` in place of everything that is not settled."""
    share = (field.trust < 0).astype(np.float64)
    if field.sampled is not None and field.samples is not None:
        done = field.samples.done
        count = share.ravel()[field.sampled] + (done & (field.samples.trust < 0)).sum(axis=1)
        share.ravel()[field.sampled] = count / (1 + done.sum(axis=1))
    part, result = (share > 0) & (share < 1), rgb.copy()
    result[share == 1] = colour
    of = share[part][:, None]
    result[part] = encoded((1 - of) * linear(rgb[part]) + of * linear(np.array(colour)))
    return result
