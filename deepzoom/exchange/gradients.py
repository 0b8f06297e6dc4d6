"""What readers of gradients share: colours at uneven places become evenly spaced ones, as a palette has them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

Rgb = tuple[float, float, float]
"""Red, green and blue from 0 to 1."""
COUNT = 256


def sampled(colour: Callable[[float], Rgb], count: int = COUNT) -> tuple[str, ...]:
    """``#rrggbb`` colours of a gradient at places from 0 to 1, both included."""
    return tuple(as_text(colour(k / (count - 1))) for k in range(count))


def as_text(rgb: Sequence[float]) -> str:
    """``#rrggbb`` of a colour; levels beyond 0 and 1 are cut."""
    return "#{:02x}{:02x}{:02x}".format(*(round(255 * min(1.0, max(0.0, level))) for level in rgb))


def between(stops: Sequence[tuple[float, Rgb]], place: float) -> Rgb:
    """The colour at a place among stops in order, blended evenly between two; beyond the ends, that of the end.

    Of several stops at one place, the last counts from there on.
    """
    after = bisect_right([s[0] for s in stops], place)
    if after == 0:
        return stops[0][1]
    if after == len(stops):
        return stops[-1][1]
    (left, near), (right, far) = stops[after - 1], stops[after]
    share = (place - left) / (right - left)
    return mixed(near, far, share)


def mixed(near: Rgb, far: Rgb, share: float) -> Rgb:
    """The colour a share of the way from one to another."""
    red, green, blue = (a + (b - a) * share for a, b in zip(near, far, strict=True))
    return red, green, blue
