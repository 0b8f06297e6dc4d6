"""The confidence interval of a share that was counted in a sample."""

from __future__ import annotations

import math

CONFIDENCE = 0.95


def _at_most(count: int, size: int, share: float) -> float:
    """Probability of at most ``count`` hits in ``size`` draws of probability ``share``."""
    if share <= 0 or share >= 1:
        return 1.0 if share <= 0 or count >= size else 0.0
    total = 0.0
    for k in range(count + 1):
        ways = math.lgamma(size + 1) - math.lgamma(k + 1) - math.lgamma(size - k + 1)
        total += math.exp(ways + k * math.log(share) + (size - k) * math.log1p(-share))
    return min(total, 1.0)


def _where(below: float, count: int, size: int) -> float:
    """The share at which ``_at_most`` falls to ``below``, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, size, middle) > below else (low, middle)
    return (low + high) / 2


def share_interval(count: int, size: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % confidence interval of the true share, where ``count`` of ``size`` were hits.

    It contains the true share in at least 95 % of cases, whatever that share is. (0, 1) where size is 0.
    """
    if size == 0:
        return 0.0, 1.0
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else _where(1 - tail, count - 1, size)
    high = 1.0 if count == size else _where(tail, count, size)
    return low, high


def percent(share: float) -> str:
    """A share in percent, with more digits close to 0 and 100."""
    value = 100 * share
    if value in (0.0, 100.0):
        return f"{value:.0f}"
    return f"{value:.2f}" if min(value, 100 - value) < 1 else f"{value:.1f}"
