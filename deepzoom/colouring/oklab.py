"""OKLab, a colour space in which equal distances look about equally large (B. Ottosson, 2020).

The matrices are from https://bottosson.github.io/posts/oklab/. All arrays are float64 (..., 3); sRGB is encoded, in
0 .. 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .linear_light import encoded, linear

Floats = NDArray[np.float64]

_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_FROM_CONES, _FROM_LAB = np.linalg.inv(_CONES), np.linalg.inv(_LAB)
_HALVINGS = 20


def from_rgb(rgb: Floats) -> Floats:
    """OKLab (lightness 0 .. 1, a towards red, b towards yellow) of sRGB."""
    lab: Floats = np.cbrt(linear(rgb) @ _CONES.T) @ _LAB.T
    return lab


def to_rgb(lab: Floats) -> Floats:
    """sRGB of OKLab; a colour that sRGB lacks becomes the most vivid one of the same lightness and hue."""
    lab = np.clip(lab, [0, -1, -1], [1, 1, 1])
    low, high = np.zeros(lab.shape[:-1]), np.ones(lab.shape[:-1])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = _is_inside(_light(lab, middle))
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return encoded(np.clip(_light(lab, np.where(_is_inside(_light(lab, np.ones_like(low))), 1.0, low)), 0, 1))


def _light(lab: Floats, share: Floats) -> Floats:
    """The linear light of OKLab colours whose a and b are multiplied by ``share``."""
    dimmed = lab * np.stack([np.ones_like(share), share, share], axis=-1)
    light: Floats = (dimmed @ _FROM_LAB.T) ** 3 @ _FROM_CONES.T
    return light


def _is_inside(light: Floats) -> NDArray[np.bool_]:
    return np.asarray((light >= -1e-9).all(axis=-1) & (light <= 1 + 1e-9).all(axis=-1))
