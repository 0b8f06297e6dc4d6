"""Perturbation for escape-time systems: differences from one or two reference orbits, and skips along them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.backends.base import Facts, Progress, ReadOut, Say
from deepzoom.backends.executor import Cpu, Executor, Launch, on_cpu
from deepzoom.coordinates import log2, scaled_float
from deepzoom.reference import orbit as orbits
from deepzoom.reference.beside import obtain_near
from deepzoom.reference.double_orbit import pair
from deepzoom.reference.iterates import REST_AT, rational
from deepzoom.reference.precision import reference_bits
from deepzoom.scene.view import View
from deepzoom.systems.escape_time import ORIGIN, EscapeTimeSystem

from .float64 import EscapeTimeJob, Floats
from .float64_range import LEAST, least
from .higher_precision import HigherPrecision, pixel_of, put
from .joined_orbits import AT_ONCE, JoinedOrbits, joined, ldexp

_NEVER = 62
"""log2 of the steps of a skip that begins at no step."""
_SHORTEST = 3
"""log2 of the number of steps in the shortest skips; measured in benchmarks/LOG.md."""
_MOST_PLACES = 1 << 16
"""At most so many of the shortest skips: along longer orbits they have more steps. They take 40 MiB."""
_CHUNK = 1 << 10
"""How many skips of 8 steps one thread builds, together with the longer ones made of them."""
_NOISE = 4
"""log2 of the rounding error that one step adds to the reference, in units of its last bit."""
_SPARE = 139
"""How many bits fewer than it needs a reference may have: what is left then is a float64's precision."""
_LONGEST = 16
"""Rows of the table of steps behind the last (``LONGEST`` in ``kernels/escape_time/lane_steps.py``)."""
_MOST_IN_LANES = 1 << 21
"""Steps of orbits for which that table is made, for memory."""
_SMALL, _CLOSE = 2.0**-380, -300
"""Iterates, and exponents of |Z|**2 - radius**2, below which pixels below float64's range go on one by one."""
_UNFINISHED = 2
"""The trust of a pixel that may be drawn to a cycle (``kernels/escape_time/perturbation.py``)."""


class PerturbationJob(EscapeTimeJob):
    """Iterates differences from reference orbits, in float64 or in floatexp."""

    kind = "differences"

    def __init__(
        self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say,
        distance: bool = False, executor: Executor | None = None,
    ) -> None:  # fmt: skip
        self._wide = log2(view.smallest_difference()) < LEAST if distance else self.is_wide(system, view)
        super().__init__(system, view, say, distance and not self._wide, executor)
        before = time.perf_counter()
        needed = reference_bits(system, view)
        self._noise = _NOISE - (bits or needed)
        if bits is not None and bits < needed - _SPARE:  # the reference's rounding hides the distance between pixels
            self._noise = max(self._noise, math.ceil(log2(view.smallest_difference())))
        given, bits = bits, bits or needed
        self._about, first = obtain_near(system, view, bits, progress, moves=given is None)
        z, c = system.start(*view.beside(self._about))
        below = log2(view.smallest_difference()) < LEAST
        self.higher_precision = HigherPrecision(
            self.kernels, system, view, bits, self.executor, say, self._about, below
        )
        _, *others = begins = orbits.beginnings(system.iteration, z)
        found = [first, *(orbits.obtain(system, b, c, bits, progress, turn=turn) for b, turn in others)]
        self._orbits, self._turns = found, [turn for _, turn in begins]
        self.higher_precision.ends = [orbit.steps for orbit in found]
        self._c = float(c[0]), float(c[1])
        self._pairs_of_c = pair(rational(c[0])), pair(rational(c[1]))
        self._wide_c = tuple(scaled_float(v) if v else orbits.WIDE_ZERO for v in c)
        self._join(progress)
        self.facts = Facts(bits, None, max(o.steps for o in found), time.perf_counter() - before)
        self.compile(say)

    @staticmethod
    def is_wide(system: EscapeTimeSystem, view: View) -> bool:
        """Whether differences between a view's pixels carry exponents."""
        return log2(view.smallest_difference()) < least(system.iteration)

    def _join(self, progress: Progress) -> None:
        """Join all orbits in one array, and build the skips along each. progress: may raise Stopped."""
        self._all = JoinedOrbits(self._orbits, self.iteration)
        most = int(self._all.length.max())
        self._shortest = max(_SHORTEST, ((most - 1) // _MOST_PLACES).bit_length())
        if self.iteration.c is not None:
            size = orbits.WIDE_ZERO
        else:
            x, y = self.view.beside(self._about)
            away = max(abs(x - self.view.x), abs(y - self.view.y))
            mantissa, exponent = scaled_float(self.view.largest_difference() + away)
            size = 2 * mantissa, exponent  # a bound for real and imaginary part together
        self._reach = size
        module = self.kernels.module
        lanes = (module.far_lanes if self._wide else module.lanes) and len(self._all.x) <= _MOST_IN_LANES
        if lanes and isinstance(self.executor, Cpu):
            self._compile_ahead()
        made = [
            self._skips_along(int(first), int(length), turn, orbit.rests, progress)
            for first, length, turn, orbit in zip(
                self._all.start, self._all.length, self._turns, self._orbits, strict=True
            )
        ]
        self._begin = np.cumsum([0, *(len(m[0]) for m in made[:-1])])
        shift = np.cumsum([0, *(len(m[1]) for m in made[:-1])])
        self._index = joined([m[0] + s for m, s in zip(made, shift, strict=True)])
        self._rows, self._by_c, self._exponents, self._radii = (joined([m[k] for m in made]) for k in range(1, 5))
        self._near_radii = self._narrow()
        self._table = self._steps_in_lanes() if lanes else None
        self._far_table = self._far_steps_in_lanes() if lanes and self._wide else None
        self._all.release()

    def _compile_ahead(self) -> None:
        """Let another process compile the kernel of pixels in lanes, while this one builds skips."""
        stands_in = np.zeros((1, 4))
        self._index = self._begin = np.zeros(1, dtype=np.int64)
        self._rows = self._by_c = self._table = self._far_table = stands_in
        self._exponents, self._radii, self._near_radii = stands_in.astype(np.int64), stands_in[0], stands_in[0]
        self.first(np.zeros(1, dtype=np.int64), self.kernels.ahead)

    def _skips_along(
        self, first: int, length: int, turn: int, known: Floats, progress: Progress
    ) -> tuple[NDArray[Any], ...]:
        """The index and the skips of one orbit (``escape_time/skip_tree.py``).

        turn: of its first step; known: rests of some iterates (``Orbit``).
        """
        k, all_ = self.kernels.module, self._all
        count = max(0, length - 1) >> self._shortest
        index = np.zeros(count + 2, dtype=np.int64)
        k.place_skips(count, index)
        skips = int(index[-1])
        at_once = max(1, _CHUNK >> (self._shortest - _SHORTEST))
        chunks = range(0, count, at_once)
        total = skips + len(chunks)
        rows, by_c, radii = np.zeros((total, k.ROW)), np.zeros((total, 4)), np.zeros(total)
        exponents = np.zeros((total, 4), dtype=np.int64)
        tree = rows, by_c, exponents, radii, np.zeros((total, k.KEPT))
        orbit = (
            all_.x, all_.y, all_.kept, all_.tiny[0], *all_.excess, self.iteration.radius, self.kernels.targets,
            first, turn, self._shortest, self._pairs_of_c, self._rests(first, length, turn, known),
        )  # fmt: skip

        def build(chunk: int) -> None:
            begin = chunk * at_once
            k.build_skips(orbit, self._reach, index, tree, begin, min(begin + at_once, count), skips + chunk)

        if len(chunks) > 1:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                try:
                    for _ in pool.map(build, range(len(chunks))):
                        progress(1.0)
                        all_.release()
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
        elif chunks:
            build(0)
        k.merge_skips(self._reach, index, tree, 0, count, at_once.bit_length() - 1)
        if count:
            k.build_whole(orbit, self._reach, index, tree, count, length, skips)
        k.finish_skips(skips, tree)
        return index, rows, by_c, exponents, radii

    def _rests(self, first: int, length: int, turn: int, known: Floats) -> Floats:
        """What float64 leaves of an orbit's iterates (``kernels/escape_time/orbit_rests.py``); none of long ones."""
        if not self.kernels.module.rests or length > _MOST_IN_LANES:
            return np.zeros((0, 3))
        rests = np.zeros((length + 1, 3))
        noise = 2.0 ** max(self._noise, -1000)
        rests[::REST_AT, :2] = known[: length // REST_AT + 1]
        self.kernels.module.find_rests(
            self._all.x, self._all.y, first, length, turn, self._pairs_of_c, noise, REST_AT, rests
        )
        return rests

    def _narrow(self) -> Floats:
        """Scale in place the skips that fit float64; returns their radii, and 0 for the others."""
        near = np.zeros(len(self._radii) + 7)  # lanes look at eight in a row
        for begin in range(0, len(self._radii), AT_ONCE):  # in parts, so that copies stay small
            part = slice(begin, begin + AT_ONCE)
            rows, exponents = self._rows[part], self._exponents[part]
            radius, value = exponents[:, 0].copy(), exponents[:, 1]
            fits = (radius > -900) & (value > -900)
            rows[:, 1:-1] = ldexp(rows[:, 1:-1], np.where(fits, value, 0)[:, None])
            rows[:, 0] = ldexp(rows[:, 0], np.where(fits, -radius, 0))
            exponents[fits, 1], exponents[fits, 3] = 0, -radius[fits]
            near[part][: len(rows)] = np.where(
                fits & np.isfinite(rows).all(axis=1), ldexp(self._radii[part], radius), 0.0
            )
        return near

    def _orbit(self) -> tuple[Any, ...]:
        """The orbits as the kernels take them."""
        o = self._all
        return *self._c, o.x, o.y, o.kept, o.near_excess, o.start, o.length

    def _steps_in_lanes(self) -> Floats:
        """What pixels in lanes need of each step (``kernels/escape_time/lane_queues.py``)."""
        table = self._places()
        table[: len(self._all.x), 2] = self._all.near_excess
        for steps, skips in self._shortest_skips():
            table[steps, 3] = self._near_radii[skips]
        return table

    def _far_steps_in_lanes(self) -> Floats:
        """The same for differences below float64's range (``kernels/escape_time/lane_far_queues.py``)."""
        all_, table = self._all, self._places()
        for steps, skips in self._shortest_skips():
            table[steps, 2], table[steps, 3] = self._radii[skips], self._exponents[skips, 0].view(np.float64)
        m, e = all_.excess
        alone = all_.tiny[0] | (np.abs(all_.x) + np.abs(all_.y) < _SMALL) | (m >= 0) | (e < _CLOSE)
        table[: len(all_.x), 2][alone] = -1.0
        return table

    def _places(self) -> Floats:
        """A table of four columns for each step; the first two hold the iterates."""
        table = np.zeros((len(self._all.x) + _LONGEST, 4))
        table[: len(self._all.x), 0], table[: len(self._all.x), 1] = self._all.x, self._all.y
        return table

    def _shortest_skips(self) -> Iterator[tuple[slice, NDArray[np.int64]]]:
        """Of each orbit: the steps, among all, at which its shortest skips begin, and these skips."""
        for first, begin, length in zip(self._all.start, self._begin, self._all.length, strict=True):
            count = max(0, int(length) - 1) >> self._shortest
            steps = slice(first + 1, first + 1 + (count << self._shortest), 1 << self._shortest)
            yield steps, self._index[begin : begin + count]

    def follow(self, pixels: NDArray[np.int64]) -> Floats:
        assert not self._wide
        dx, dy, exponent = self.view.differences(pixels, self._about)
        start = self.starts(np.ldexp(dx, exponent), np.ldexp(dy, exponent), ORIGIN, ORIGIN)
        orbit = self._orbit()
        begin = np.zeros(len(self._all.start), np.int64)
        none = _NEVER, np.zeros(2, np.int64), begin, self._rows[:1], self._near_radii[:1]
        found = np.zeros((len(pixels), 6))
        self.kernels.module.follow_orbits(
            *start, math.ldexp(self._reach[0], max(self._reach[1], -3000)), 2.0 ** max(self._noise, -1000), orbit, none,
            self.system.steps, self.iteration.radius, self.kernels.degrees, self.kernels.targets, found,
        )  # fmt: skip
        return found

    def periods(self, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        self.kernels.compile(lambda: self._periods(pixels[:0]), self._say, "period")
        return self._periods(pixels)

    def _periods(self, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        dx, dy, exponent = self.view.differences(pixels, self._about)
        tiny = *self._all.tiny, *self._all.excess, self._wide_c, self._noise
        skips = self._shortest, self._index, self._begin, self._rows, self._by_c, self._exponents, self._radii
        found = np.zeros(len(pixels), dtype=np.int64)
        self.kernels.module.find_periods(
            *self.starts(dx, dy, ORIGIN, ORIGIN), exponent, *self._reach, not self._wide, self._orbit(), tiny, skips,
            self._near_radii, self.system.steps, self.iteration.radius, self.kernels.targets, found,
        )  # fmt: skip
        return found

    def first(self, pixels: NDArray[np.int64], launch: Launch = on_cpu) -> ReadOut:
        dx, dy, exponent = self.view.differences(pixels, self._about)
        if not self._wide:
            dx, dy, exponent = np.ldexp(dx, exponent), np.ldexp(dy, exponent), 0
        start = self.starts(dx, dy, ORIGIN, ORIGIN)
        orbit = self._orbit()
        tree = self._shortest, self._index, self._begin, self._rows
        in_lanes = self._table is not None and launch in (on_cpu, self.kernels.ahead)
        if self._wide:
            tiny = *self._all.tiny, *self._all.excess, self._wide_c, self._noise
            steps = (*tree, self._by_c, self._exponents, self._radii), self._near_radii, self.system.steps
            unit = exponent, *self._reach
            if in_lanes:
                tables = self._table, self._far_table
                lanes = *start, *unit, tables, orbit, tiny, *steps
                return self.kernels.ran("far_lanes", len(pixels), *lanes, launch=launch)
            return self.kernels.ran("floatexp", len(pixels), *start, *unit, orbit, tiny, *steps, launch=launch)
        reach = math.ldexp(self._reach[0], max(self._reach[1], -3000))
        given = (
            *pixel_of(self.system, self.view), reach, 2.0 ** max(self._noise, -1000), orbit, (*tree, self._near_radii),
            self.system.steps,
        )  # fmt: skip
        if in_lanes:
            out = self.kernels.ran("lanes", len(pixels), *start, *given[:4], self._table, *given[4:], launch=launch)
        else:
            out = self.kernels.ran("perturbed", len(pixels), *start, *given, launch=launch)
        left = np.flatnonzero(out.trust == _UNFINISHED)
        if len(left):
            put(out, left, self.kernels.ran("drawn", len(left), *(part[left] for part in start), *given))
        return out
