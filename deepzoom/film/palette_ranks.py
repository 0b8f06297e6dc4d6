"""Places in the palette that change smoothly along a film: ranks among the values of several keyframes.

The rank of a value within one frame would jump from frame to frame if few pixels are of its kind. So it is ranked
among the pixels of all keyframes near the frame's depth. Each keyframe has a weight that rises smoothly from 0 to 1 and
falls to 0 again as the film passes it.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.colouring import orbits, palettes
from deepzoom.colouring.attractors import counts
from deepzoom.colouring.colour import colour
from deepzoom.colouring.places import by_cycle, by_distance
from deepzoom.colouring.relief import estimated_distance
from deepzoom.scene.colours import COURSE, PHASES
from deepzoom.systems.escape_time import EscapeTimeSystem

from .keyframes import Keyframes
from .reproject import Samples, frame
from .zoom_path import Descent

Floats = NDArray[np.float64]

_REACH = 3.0
"""Ranks of a frame use so many keyframes to each side: three octaves in all."""
_ROWS = 96  # height of the small frames that ranks are computed from
_KNOTS = 1024
_HELD = 256
"""Keyframes whose ranks stay in memory."""


@dataclass(frozen=True)
class _Ranks:
    """Ranks (knots,) in 0 .. 1 of values (knots,) in ascending order. share: of all pixels, those of this kind."""

    values: Floats
    ranks: Floats
    share: float

    @classmethod
    def of(cls, values: Floats, total: int) -> _Ranks:
        """The ranks of some values among ``total`` pixels; equal values get their mean rank."""
        known = np.sort(values)
        some = np.unique(known)
        if len(some) > _KNOTS:
            some = some[np.linspace(0, len(some) - 1, _KNOTS).round().astype(int)]
        ranks = (np.searchsorted(known, some) + np.searchsorted(known, some, "right")) / 2 / len(known)
        return cls(some, ranks, len(known) / total)


class Colours:
    """Colours the samples of a film as its scene says."""

    def __init__(self, keyframes: Keyframes) -> None:
        self._keyframes = keyframes
        self._tables: dict[int, dict[int, _Ranks]] = {}
        self._lock = threading.Lock()
        scene = keyframes.descent.scene
        self._how, self._palette = scene.colouring, scene.palette
        system = systems.create(scene.system, scene.settings, scene.steps, scene.digest)
        self._iteration = system.iteration if isinstance(system, EscapeTimeSystem) else None
        self._ends, self._counts = system.ends, self._iteration is not None or self._how.by == "attractor"

    @property
    def descent(self) -> Descent:
        """The path whose keyframes decide the ranks."""
        return self._keyframes.descent

    def rgb(self, samples: Samples, position: float) -> Floats:
        """RGB (height, width, 3) of samples (height, width); position: among the keyframes (``Descent.position``)."""
        return self.painted(samples, self.places(samples, position))

    def places(self, samples: Samples, position: float) -> Floats | None:
        """Places in the palette, NaN where there is none; None if they follow from the measure alone."""
        samples = self._counting(samples)
        if self._counts:
            return self._counted(samples, position)
        if self._how.by in COURSE:
            return self._of_course(samples, position)
        if self._how.by == "rank":  # converged in the palette's upper part, diverged below, as in ``by_rank``
            ranks = self._ranked(samples, position)
            return np.where(samples.measure < 0, 1 - 0.375 * ranks, 0.375 * (1 - ranks))
        return None

    def painted(self, samples: Samples, places: Floats | None) -> Floats:
        """RGB (height, width, 3) of samples (height, width) at places in the palette, as ``places`` gives them."""
        samples = self._counting(samples)
        attractor = samples.attractor if self._counts else None
        return colour(samples.measure, self._palette, False, attractor, self._how, None, places, self._ends)

    def _of_course(self, samples: Samples, position: float) -> Floats:
        """Places of the course of runs, as in ``course.place``, from ranks along the film."""
        assert samples.course is not None
        ranks = self._ranked(samples, position)
        if self._how.by == "lyapunov":
            return 0.5 - 0.5 * np.sign(samples.course) * ranks
        return 1 - ranks if self._how.by == "loss" else ranks

    def _counted(self, samples: Samples, position: float) -> Floats:
        """Places of smooth counts. Each attractor has its own part of the palette, whichever of them a frame shows."""
        how, iteration = self._how, self._iteration
        assert samples.attractor is not None
        several = len(self._ends) > 1
        if how.by == "cyclic":
            there_and_back = several or not palettes.is_cyclic(self._palette, how.colours)
            places = by_cycle(samples.measure, how.cycle, there_and_back)
        elif how.by in PHASES:
            cyclic = palettes.is_cyclic(self._palette, how.colours)
            turns = np.full(samples.measure.shape, np.nan) if samples.phase is None else samples.phase
            places = orbits.place(how.by, turns.astype(np.float64), cyclic)
        elif how.by == "distance":
            distance = samples.distance
            if distance is None:
                assert iteration is not None
                degree = np.where(samples.fate < 0, iteration.order, iteration.mean_degree)
                distance = estimated_distance(samples.measure, samples.attractor, degree)
            places = by_distance(np.where(distance < 0, np.nan, distance), samples.measure.shape[0])
        else:
            places = self._ranked(samples, position)
        places = np.where(samples.measure < 0, np.nan, places)
        if several and how.by not in ("attractor", *PHASES):
            places = (samples.attractor - self._ends.start + 0.1 + 0.8 * places) / len(self._ends)
        return places

    def _counting(self, samples: Samples) -> Samples:
        """Samples of a training as of orbits, if coloured by attractor, else without basins; others as they are."""
        if self._iteration is not None or samples.attractor is None:
            return samples
        if not self._counts:
            return replace(samples, attractor=None)
        return replace(samples, measure=counts(samples.measure, samples.attractor))

    def _kinds(self, samples: Samples) -> NDArray[np.int64]:
        """The kinds of values that are ranked together: attractors, fates or signs; -1 for values without a rank."""
        if samples.course is not None:
            signs = (samples.course < 0) & (self._how.by == "lyapunov")
            return np.where(np.isnan(samples.course), -1, signs)
        if samples.attractor is None:
            return (samples.measure < 0).astype(np.int64)
        return np.where(samples.measure < 0, -1, samples.attractor.astype(np.int64))

    def _values(self, samples: Samples) -> Floats:
        if samples.course is not None:
            return np.abs(samples.course) if self._how.by == "lyapunov" else samples.course
        return np.floor(samples.measure) if self._how.by == "histogram" else samples.measure

    def _ranked(self, samples: Samples, position: float) -> Floats:
        """The rank in 0 .. 1 of each sample among those of its kind."""
        kinds, values = self._kinds(samples), self._values(samples)
        result = np.full(values.shape, np.nan)
        first = max(0, math.floor(position - _REACH) + 1)
        last = min(self._keyframes.descent.count - 1, math.ceil(position + _REACH) - 1)
        near = [(1 + math.cos(math.pi * (k - position) / _REACH), self._table(k)) for k in range(first, last + 1)]
        for kind in np.unique(kinds[kinds >= 0]).tolist():
            own = kinds == kind
            total, weight = np.zeros(int(own.sum())), 0.0
            for share, table in near:
                if kind in table:
                    ranks = table[kind]
                    total += share * ranks.share * np.interp(values[own], ranks.values, ranks.ranks)
                    weight += share * ranks.share
            result[own] = total / weight if weight > 0 else 0.5
        return result

    def _table(self, k: int) -> dict[int, _Ranks]:
        """The ranks of each kind in the whole view of a keyframe."""
        with self._lock:
            if k in self._tables:
                return self._tables[k]
        view = self._keyframes.descent.keyframe(k).view
        width = max(1, round(_ROWS * view.width / view.height))
        samples = frame(self._keyframes.descent.view_at(view.depth, width, _ROWS), self._keyframes)
        samples = self._counting(samples)
        kinds, values = self._kinds(samples), self._values(samples)
        table = {kind: _Ranks.of(values[kinds == kind], values.size) for kind in np.unique(kinds[kinds >= 0]).tolist()}
        with self._lock:
            self._tables[k] = table
            while len(self._tables) > _HELD:
                del self._tables[next(iter(self._tables))]
        return table
