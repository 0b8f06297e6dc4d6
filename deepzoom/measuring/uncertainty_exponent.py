"""The dimension from the uncertainty exponent: the share of pairs eps apart with different fates goes as eps^(2 - D).

C. Grebogi, S. W. McDonald, E. Ott and J. A. Yorke, Physics Letters A 99 (1983) 415; the same, Physica D 17 (1985) 125.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
_CHANGE = 1.5
"""Intervals of a local dimension within which it still agrees with the whole, as there are many local ones."""
_NOISE = 0.02
"""What an error of log f has at least: few strands can agree by chance."""


@dataclass(frozen=True)
class Stage:
    """Shares that independent strands found at the same distances.

    log_eps (n,): natural logarithms of the distances, falling. shares (strands, n): each estimates f(eps) without bias.
    """

    log_eps: Floats
    shares: Floats


@dataclass(frozen=True)
class Fit:
    """A dimension with its 95 % interval, and what it was fitted to.

    log_eps, log_share, error (n,): log f(eps) and its standard error. dimension = 2 - slope; low, high: its interval.
    offset: log f at log eps = 0. misfit: the root mean square of residuals in units of their errors, or in units of
    what the fit leaves over; above 1 the interval is so much wider. local, local_error (n - 1,): the dimension between
    neighbouring distances. constant (n - 1,): whether the local one agrees with ``dimension``.
    """

    log_eps: Floats
    log_share: Floats
    error: Floats
    dimension: float
    low: float
    high: float
    offset: float
    misfit: float
    local: Floats
    local_error: Floats
    constant: NDArray[np.bool_]

    @property
    def residuals(self) -> Floats:
        """log f minus the fit."""
        return self.log_share - (self.offset + (2 - self.dimension) * self.log_eps)


def t_quantile(freedom: int, tail: float = (1 - CONFIDENCE) / 2) -> float:
    """Student's t that is exceeded with probability ``tail`` (Abramowitz and Stegun 26.7.5), freedom at least 4."""
    z = -NormalDist().inv_cdf(tail)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(t / freedom**k for k, t in enumerate(terms, 1))


def _log_shares(stages: Sequence[Stage], without: tuple[int, int] | None = None) -> Floats:
    """log f at all distances; without: a stage and a strand of it to leave out.

    A strand of an earlier stage says how much of the window the later ones stand for: leaving it out changes f there
    by as much as at the last distance of its own stage.
    """
    found, change = [], 0.0
    for number, stage in enumerate(stages):
        mean = np.log(stage.shares.mean(axis=0))
        if without is not None and without[0] == number:
            left = np.log(np.maximum(np.delete(stage.shares, without[1], axis=0).mean(axis=0), 1e-300))
            found.append(left)
            change = float(left[-1] - mean[-1])
        else:
            found.append(mean + change)
    return np.concatenate(found)


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """(slope, offset) of the least squares."""
    from_mean = x - x.mean()
    slope = float(from_mean @ y / (from_mean @ from_mean))
    return slope, float(y.mean()) - slope * float(x.mean())


def fit(stages: Sequence[Stage]) -> Fit:
    """Fit log f against log eps; every share's mean over its strands must be above zero, at two distances or more.

    All distances weigh alike: errors of log f add up from one distance to the next, and for such errors weights would
    leave the small distances without a say. All errors, and the bias of the logarithm of a mean, are found by leaving
    out one strand after the other (jackknife: Quenouille 1956, Efron 1982), so they hold although neighbouring
    distances share their cells. Where residuals are larger than their
    errors say, the interval is widened by their ratio (Birge 1932).
    """
    x = np.concatenate([s.log_eps for s in stages])
    first = _log_shares(stages)
    left = [np.array([_log_shares(stages, (k, r)) for r in range(len(stage.shares))]) for k, stage in enumerate(stages)]

    def error(of: Sequence[Floats]) -> Floats:
        """Standard error of a quantity, from its values with one strand left out, for each stage (strands, n)."""
        squares = sum((len(v) - 1) / len(v) * ((v - v.mean(axis=0)) ** 2).sum(axis=0) for v in of)
        return np.sqrt(np.asarray(squares, dtype=np.float64))

    y = first - sum((len(v) - 1) * (v.mean(axis=0) - first) for v in left)
    spread = np.hypot(error(left), _NOISE)
    slope, offset = _line(x, y)
    own = float(error([np.array([_line(x, row)[0] for row in rows])[:, None] for rows in left])[0])
    rest = (y - offset - slope * x) / spread
    misfit = float(np.sqrt((rest**2).sum() / max(1, len(x) - 2)))
    t = t_quantile(max(4, min(len(s.shares) for s in stages) - 1))
    half = t * own * max(1.0, misfit)
    local = 2 - np.diff(y) / np.diff(x)
    local_error = np.hypot(error([np.diff(rows, axis=1) for rows in left]), _NOISE) / -np.diff(x)
    constant = np.abs(local - (2 - slope)) <= _CHANGE * t * local_error
    return Fit(
        x, y, spread, 2 - slope, 2 - slope - half, 2 - slope + half, offset, misfit, local, local_error, constant
    )
