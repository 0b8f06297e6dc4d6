"""Turns the values of a field into colours, as often as wanted, without computing them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import COURSE, OF_ORBITS, PERIOD, Colouring
from deepzoom.systems.escape_time import EscapeTimeSystem

from . import attractors, course, orbits, palettes, periods, sample_mean
from .places import GAP, by_count, by_cycle, by_distance, by_histogram, by_horizon, by_rank
from .relief import estimated_distance
from .slope_shading import shade, shaded
from .whole import Whole

Floats = NDArray[np.float64]

BY_RANK = Colouring()
UNSETTLED = (1.0, 0.0, 1.0)
"""The colour that marks unsettled pixels; no usual palette contains it."""
_BESIDE = 0.5
"""The distance, in pixels, of a sample without one in a pixel without one: it lies on the border."""
COUNTS_PER_HEIGHT = 32
"""So many smooth counts make a relief as high as the picture."""


def colour(
    measure: Floats,
    palette: str,
    fine: bool = False,
    attractor: NDArray[Any] | None = None,
    how: Colouring = BY_RANK,
    distance: Floats | None = None,
    places: Floats | None = None,
    ends: range = range(0),
    mixed: Callable[[Floats], Floats] | None = None,
    whole: Whole | None = None,
) -> Floats:
    """RGB (height, width, 3) in 0 .. 1 of measures (height, width); NaN (not done) becomes grey.

    Training is coloured by the signed measure: converged and diverged pixels each have a part of the palette. Escape
    time (``attractor`` given) is coloured by the smooth count, or by ``distance`` in pixels if how.by is "distance";
    each attractor has its own part of the palette. If how.by is "attractor", the colours are those of ``attractors``,
    and ``ends`` says which attractors there are. Pixels that reached the limit get how.interior.

    fine: in enough steps for 16 bits. places: in the palette, if they do not follow from these measures alone. mixed:
    applied to the colours before they are shaded. whole: of the picture, if these are only some of its rows.
    """
    rows = measure.shape[0] if whole is None else whole.rows
    if attractor is None:
        among = None if whole is None else whole.values
        relief = by_rank(measure, among) if places is None else 2 * places - 1
        places, height, kind = _signed(measure, how, among) if places is None else places, rows * relief, measure < 0
    else:
        places = _counted(measure, palette, attractor, how, distance, whole) if places is None else places
        height, kind = np.where(measure < 0, np.nan, measure) * (rows / COUNTS_PER_HEIGHT), attractor
    if attractor is not None and how.by == "attractor":
        rgb = attractors.apply(places, measure, attractor, ends, palette, how.colours)
    else:
        rgb = palettes.apply(palette, places, fine, how.colours)
    if attractor is not None:
        rgb[measure < 0] = [int(how.interior[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    if mixed is not None:
        rgb = mixed(rgb)
    if how.slope is not None:
        rgb = shaded(rgb, shade(height, kind.astype(np.int64), how.slope))
    return rgb


def _signed(measure: Floats, how: Colouring, among: Floats | None = None) -> Floats:
    """The places in [0, 1] of signed measures: negative ones above the middle, others below."""
    if how.by != "cyclic":
        return (by_rank(measure, among) + 1) / 2
    place = GAP + (1 - GAP) * by_cycle(np.abs(measure), how.cycle, True)
    return (1 - np.copysign(place, measure)) / 2


def _counted(
    smooth: Floats, palette: str, attractor: NDArray[Any], how: Colouring, distance: Floats | None,
    whole: Whole | None = None,
) -> Floats:  # fmt: skip
    """The places in [0, 1] of smooth counts; each attractor, and escape, has its own part of the palette.

    If how.by is "attractor", each has all of [0, 1]. whole: of the picture, if these are not all of it; an attractor
    that is not in it gives NaN.
    """
    places = np.full(smooth.shape, np.nan)
    among = whole or Whole(smooth.shape[0], smooth, attractor)
    assert among.kinds is not None
    kinds = np.unique(among.kinds[among.values >= 0])
    for k, kind in enumerate(kinds):
        own, others = attractor == kind, None if whole is None else among.values[among.kinds == kind]
        if how.by in ("rank", "attractor", PERIOD):
            places[own] = (by_count(smooth[own], others) + 1) / 2
        elif how.by == "histogram":
            places[own] = (by_histogram(smooth[own], others) + 1) / 2
        elif how.by == "cyclic":
            part = len(kinds) > 1  # a part of a palette has two ends
            places[own] = by_cycle(smooth[own], how.cycle, part or not palettes.is_cyclic(palette, how.colours))
        else:
            assert distance is not None
            places[own] = by_distance(np.where(distance[own] < 0, np.nan, distance[own]), among.rows)
        if len(kinds) > 1 and how.by != "attractor":
            places[own] = (k + 0.1 + 0.8 * places[own]) / len(kinds)
    return places


def coloured(field: Field, fine: bool = False, at: Any = ..., whole: Whole | None = None) -> Floats:
    """RGB (height, width, 3) in 0 .. 1 of a field in its scene's colours; missing pixels as in ``Field.shown``.

    at: an index of evenly spaced rows and columns, for a smaller picture without samples. whole: of the picture, if the
    field has only some of its rows, and with them two rows above and below, which shading looks at. Distances are the
    field's own if it has them, else those of ``estimated_distance``.
    """
    scene = field.scene
    field = counting(field)
    measure = field.shown(at=at)
    attractor = None if field.attractor is None else np.nan_to_num(field.shown("attractor", at)).astype(np.int16)
    distance = places = None
    if scene.colouring.by == "horizon":
        known = np.full(measure.shape, -1.0) if field.horizon is None else field.shown("horizon", at)
        places = by_horizon(known, scene.steps)
    elif scene.colouring.by in COURSE:
        places = course.place(scene.colouring.by, _of_course(field, at, measure))
    elif (channel := OF_ORBITS.get(scene.colouring.by)) is not None:
        places = orbits.in_palette(scene, _channel(field, channel, at, measure))
    ends = _ends(field) if attractor is not None and scene.colouring.by == "attractor" else range(0)
    if attractor is not None and scene.colouring.by == "distance":
        system = systems.create(scene.system, scene.settings, scene.steps)
        assert isinstance(system, EscapeTimeSystem)
        drawn = field.shown("fate", at) < 0
        degree = np.where(drawn, system.iteration.order, system.iteration.mean_degree)
        distance = estimated_distance(measure, attractor, degree)
        if field.distance is not None:
            own = field.shown("distance", at) * (len(measure) / len(field.measure))
            distance = np.where(own >= 0, own, distance)
    mixes = field.samples is not None and at is ...

    def mixed(rgb: Floats) -> Floats:
        if scene.colouring.by == PERIOD and field.period is not None:
            rgb = periods.applied(rgb, field.shown(PERIOD, at))
        return _with_samples(rgb, field, fine, distance, ends, whole) if mixes else rgb

    rgb = colour(measure, scene.palette, fine, attractor, scene.colouring, distance, places, ends, mixed, whole)
    if scene.colouring.mark_unsettled:
        if mixes:
            return sample_mean.marked(rgb, field, UNSETTLED)
        rgb[field.shown("trust", at) < 0] = UNSETTLED
    return rgb


def _of_course(field: Field, at: Any, measure: Floats) -> Floats:
    """The values that a colouring by the course of runs shows; NaN where they are not known. measure: as shown."""
    return _channel(field, COURSE[field.scene.colouring.by], at, measure)


def _channel(field: Field, channel: str, at: Any, measure: Floats) -> Floats:
    """A channel as shown; NaN where there is none."""
    if getattr(field, channel) is None:
        return np.full(measure.shape, np.nan)
    return course.known(channel, field.shown(channel, at))


def _ends(field: Field) -> range:
    """The numbers of the ends that a field's runs can have; those of a training stand in its file."""
    scene = field.scene
    if "ends" in field.made:
        return range(field.made["ends"])
    return systems.create(scene.system, scene.settings, scene.steps, scene.digest).ends


def counting(field: Field) -> Field:
    """A field of a training that is coloured like one of orbits with smooth counts, if by attractor, or else by fate.

    Other fields stay as they are.
    """
    if field.iterations is not None or field.attractor is None:
        return field
    samples = None if field.samples is None else counting(field.samples)
    if field.scene.colouring.by != "attractor":
        return replace(field, attractor=None, samples=samples)
    return replace(field, measure=attractors.counts(field.measure, field.attractor), samples=samples)


def _with_samples(
    rgb: Floats, field: Field, fine: bool, distance: Floats | None, ends: range, whole: Whole | None
) -> Floats:
    """Colours of pixels; a pixel with samples gets their mean. rgb, distance: of the pixels. whole: of the picture."""
    whole = whole or Whole(len(field.measure), field.measure, field.attractor)
    samples, scene, places = field.samples, field.scene, _places_of_samples(field, distance, whole)
    assert samples is not None
    how = replace(scene.colouring, slope=None)

    def colours(part: slice) -> Floats:
        attractor = None if samples.attractor is None else samples.attractor[part]
        rgb = colour(samples.measure[part], scene.palette, fine, attractor, how, None, places[part], ends)
        if how.by == PERIOD and samples.period is not None:
            rgb = periods.applied(rgb, samples.period[part].astype(np.float64))
        return rgb

    # a sample at an attractor that no pixel reaches has no colour
    inside = False if samples.attractor is None else samples.measure < 0
    return sample_mean.mixed(rgb, field, ~np.isnan(places) | inside, colours)


def _places_of_samples(field: Field, distance: Floats | None, whole: Whole) -> Floats:
    """The places (M, samples - 1) of samples in the palette, ranked within the pixels of the picture (``whole``).

    distance: of the pixels.
    """
    scene, samples = field.scene, field.samples
    assert samples is not None
    if scene.colouring.by == "horizon":
        if samples.horizon is None or field.horizon is None:
            return np.full(samples.done.shape, np.nan)
        return by_horizon(samples.horizon.astype(np.float64), scene.steps, field.horizon.astype(np.float64))
    if scene.colouring.by in COURSE:
        own, among = (getattr(f, COURSE[scene.colouring.by]) for f in (samples, field))
        if own is None or among is None:
            return np.full(samples.done.shape, np.nan)
        return course.place(scene.colouring.by, own.astype(np.float64), among.astype(np.float64))
    if (channel := OF_ORBITS.get(scene.colouring.by)) is not None:
        own, among = (getattr(f, channel) for f in (samples, field))
        return np.full(samples.done.shape, np.nan) if own is None else orbits.in_palette(scene, own, among)
    if samples.attractor is None or field.attractor is None:
        return _signed(samples.measure, scene.colouring, whole.values)
    if distance is not None:
        beside = distance.ravel()[field.sampled][:, None]
        distance = np.broadcast_to(np.where(beside < 0, _BESIDE, beside), samples.done.shape)
        if samples.distance is not None:
            distance = np.where(samples.distance < 0, distance, samples.distance)
    return _counted(samples.measure, scene.palette, samples.attractor, scene.colouring, distance, whole)
