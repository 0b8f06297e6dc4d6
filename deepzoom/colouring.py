"""From a field's values to colours, again and again, without running anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import attractors, palettes, systems
from .colours import Colouring
from .field import Field
from .relief import beside_another, steepness
from .shading import shade, shaded
from .systems.escape_time import EscapeTimeSystem

Floats = NDArray[np.float64]

_GAP = 0.25
BY_RANK = Colouring()
UNSETTLED = (1.0, 0.0, 1.0)
"""Colour of pixels that are not settled, where they are marked; no palette in use has it."""
COUNTS_PER_HEIGHT = 32
"""Smooth counts that make a relief as high as the picture."""


def by_rank(measure: Floats) -> Floats:
    """Spread measures evenly by rank, as published: negative ones over [0.25, 1], others over [-1, -0.25].

    So structure shows at every level and converged stays apart from diverged (cdf_img in the published notebook).
    NaN (not done) stays NaN.
    """
    known = np.sort(measure[~np.isnan(measure)].ravel())
    negative = int(np.searchsorted(known, 0.0))
    if not len(known):
        return np.full(measure.shape, np.nan)
    places = np.concatenate([np.linspace(-1, -_GAP, negative), np.linspace(_GAP, 1, len(known) - negative)])
    return np.where(np.isnan(measure), np.nan, -np.interp(measure, known, places))


def by_count(smooth: Floats) -> Floats:
    """Spread smooth counts evenly by rank over [-1, 1], equal ones at their mean rank; below 0 and NaN become NaN."""
    count = np.where(smooth < 0, np.nan, smooth)
    known = np.sort(count[~np.isnan(count)].ravel())
    places = (np.searchsorted(known, count) + np.searchsorted(known, count, "right")) / max(1, len(known)) - 1
    return np.where(np.isnan(count), np.nan, places)


def by_histogram(smooth: Floats) -> Floats:
    """Spread whole counts by their histogram over [-1, 1]: a flat band for each, in the middle of its share of pixels.

    Of the smooth counts themselves the histogram would be all but the same as their rank.
    """
    return by_count(np.floor(smooth))


def by_cycle(value: Floats, cycle: float, forth_and_back: bool) -> Floats:
    """Where values stand in a palette that repeats every ``cycle`` of them, in [0, 1]; NaN stays NaN.

    forth_and_back: the palette runs to its end and back within a cycle, so that one with two ends has no seam.
    """
    place = (value / cycle) % 1.0
    return 1 - np.abs(2 * place - 1) if forth_and_back else place


def by_distance(distance: Floats, rows: int) -> Floats:
    """Spread distances in pixels over [0, 1]: log(1 + d) / log(1 + rows), 1 from the picture's height on."""
    return np.minimum(np.log1p(distance) / np.log1p(rows), 1.0)


def by_horizon(horizon: Floats, steps: int) -> Floats:
    """Spread the steps at which float64 lost pixels over [0, 0.9], equal areas for all of it; 1 where it lost none.

    horizon: ``steps`` where not lost; below 0 and NaN become NaN.
    """
    lost = np.where(horizon < steps, horizon, np.nan)
    return np.where(horizon >= steps, 1.0, 0.45 * (by_count(lost) + 1))


def estimated_distance(smooth: Floats, attractor: NDArray[Any], degree: Floats | float = 2.0) -> Floats:
    """Distance to the set's border in pixels, from the smooth counts of neighbouring pixels; -1 where there is none.

    1 / (log(degree) |grad count|), which is |z| log|z| / |dz| of an escaping orbit: for powers of z within a factor of
    2 of the distance near the set. degree: by which a step raises |z| far out, or the distance to an attractor near it.
    At most 1 beside a pixel of another attractor, or of none; inf where counts do not change. As coarse as pixels are:
    it cannot tell distances well below one.
    """
    height = np.where(smooth < 0, np.nan, smooth)
    kind = np.where(smooth < 0, -1, attractor)
    with np.errstate(divide="ignore"):
        distance = 1 / (np.log(degree) * steepness(height, attractor))
    distance = np.where(beside_another(kind), np.minimum(distance, 1.0), distance)
    return np.where(np.isnan(height), -1.0, distance)


def colour(
    measure: Floats,
    palette: str,
    fine: bool = False,
    attractor: NDArray[Any] | None = None,
    how: Colouring = BY_RANK,
    distance: Floats | None = None,
    places: Floats | None = None,
    ends: range = range(0),
) -> Floats:
    """RGB (height, width, 3) in 0 .. 1 of measures (height, width), NaN where not done: grey. ``fine``: for 16 bits.

    Training is coloured by the signed measure, converged and diverged each in a part of the palette. Escape time, where
    ``attractor`` is given, by the smooth count or by ``distance`` (in pixels, for how.by == "distance" only), each
    attractor in a part of the palette of its own, or by ``attractors`` (how.by == "attractor", for which ``ends`` says
    what attractors there are); how.interior where the limit was reached. places: in the palette, where they are not to
    be found from these measures alone.
    """
    rows = measure.shape[0]
    if attractor is None:
        relief = by_rank(measure) if places is None else 2 * places - 1
        places, height, kind = _signed(measure, how) if places is None else places, rows * relief, measure < 0
    else:
        places = _counted(measure, palette, attractor, how, distance) if places is None else places
        height, kind = np.where(measure < 0, np.nan, measure) * (rows / COUNTS_PER_HEIGHT), attractor
    if attractor is not None and how.by == "attractor":
        rgb = attractors.apply(places, measure, attractor, ends, palette, how.colours)
    else:
        rgb = palettes.apply(palette, places, fine, how.colours)
    if how.slope is not None:
        rgb = shaded(rgb, shade(height, kind.astype(np.int64), how.slope))
    if attractor is not None:
        rgb[measure < 0] = [int(how.interior[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return rgb


def _signed(measure: Floats, how: Colouring) -> Floats:
    """Places in [0, 1] of a signed measure: negative ones above the middle, others below."""
    if how.by != "cyclic":
        return (by_rank(measure) + 1) / 2
    place = _GAP + (1 - _GAP) * by_cycle(np.abs(measure), how.cycle, True)
    return (1 - np.copysign(place, measure)) / 2


def _counted(smooth: Floats, palette: str, attractor: NDArray[Any], how: Colouring, distance: Floats | None) -> Floats:
    """Places in [0, 1] of smooth counts, each attractor's, and escape's, in its own part.

    By attractor they are its colours' own, and each has all of [0, 1].
    """
    places = np.full(smooth.shape, np.nan)
    kinds = np.unique(attractor[smooth >= 0])
    for k, kind in enumerate(kinds):
        own = attractor == kind
        if how.by in ("rank", "attractor"):
            places[own] = (by_count(smooth[own]) + 1) / 2
        elif how.by == "histogram":
            places[own] = (by_histogram(smooth[own]) + 1) / 2
        elif how.by == "cyclic":
            part = len(kinds) > 1  # of a palette, with two ends
            places[own] = by_cycle(smooth[own], how.cycle, part or not palettes.is_cyclic(palette, how.colours))
        else:
            assert distance is not None
            places[own] = by_distance(np.where(distance[own] < 0, np.nan, distance[own]), smooth.shape[0])
        if len(kinds) > 1 and how.by != "attractor":
            places[own] = (k + 0.1 + 0.8 * places[own]) / len(kinds)
    return places


def coloured(field: Field, fine: bool = False, at: Any = ...) -> Floats:
    """RGB (height, width, 3) in 0 .. 1 of a field in its scene's colours; pixels not done as in ``Field.shown``.

    at: an index that takes some rows and columns, evenly apart, for a smaller picture. Distances are the field's where
    it has them, else ``estimated_distance``.
    """
    scene = field.scene
    measure = field.shown(at=at)
    attractor = None if field.attractor is None else np.nan_to_num(field.shown("attractor", at)).astype(np.int16)
    distance = places = None
    if scene.colouring.by == "horizon":
        known = np.full(measure.shape, -1.0) if field.horizon is None else field.shown("horizon", at)
        places = by_horizon(known, scene.steps)
    iteration = None
    if attractor is not None and scene.colouring.by in ("distance", "attractor"):
        system = systems.create(scene.system, scene.settings, scene.steps)
        assert isinstance(system, EscapeTimeSystem)
        iteration = system.iteration
    if attractor is not None and iteration is not None and scene.colouring.by == "distance":
        drawn = field.shown("fate", at) < 0
        degree = np.where(drawn, iteration.order, iteration.degree)
        distance = estimated_distance(measure, attractor, degree)
        if field.distance is not None:
            own = field.shown("distance", at) * (len(measure) / len(field.measure))
            distance = np.where(own >= 0, own, distance)
    ends = range(0) if iteration is None else iteration.ends
    rgb = colour(measure, scene.palette, fine, attractor, scene.colouring, distance, places, ends)
    if scene.colouring.mark_unsettled:
        rgb[field.shown("trust", at) < 0] = UNSETTLED
    return rgb
