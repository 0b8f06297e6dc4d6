"""Pixels of an escape-time system: in float64, as differences from reference orbits, or exactly."""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import compiled
from deepzoom import orbit as orbits
from deepzoom.coordinates import log2, scaled_float
from deepzoom.errors import InputError
from deepzoom.orbit import Orbit
from deepzoom.scene import View
from deepzoom.systems.escape_time import ORIGIN, EscapeTimeSystem, Point

from .base import Facts, Job, Progress, ReadOut, Say
from .kernels.generated import kernels
from .refined import Refined

Floats = NDArray[np.float64]

_GUARD = 192  # bits of a reference beyond those of the pixels' distance
_SHORTEST = 3
"""log2 of the steps of the shortest skips: see benchmarks/LOG.md."""
_CHUNK = 1 << 10
"""So many of the shortest skips in a row are built by one thread, with those made of them."""
_AT_ONCE = 1 << 16
_SMALL, _REFINED_STEPS = 4096, 100_000_000
"""Pixels of a picture that is refined unasked, and the most steps in double-double it may take: some seconds."""
_WIDE_BELOW = -900
"""log2 of a pixel's distance from the centre below which differences carry exponents."""


def reference_bits(view: View) -> int:
    """Bits of reference orbits, where none are given."""
    return math.ceil(-log2(view.smallest_difference())) + _GUARD


def exact_bits(view: View) -> int:
    """Bits of exact pixels: rounding may grow further along them."""
    return reference_bits(view) + _GUARD


class _EscapeTimeJob(Job):
    tile = 1024
    _refined: Refined

    def __init__(self, system: EscapeTimeSystem, view: View, say: Say) -> None:
        self._system, self._view = system, view
        self._iteration = system.iteration
        self._kernels: ModuleType = kernels(system.iteration.formula, f"{system.name}: {system.title}")
        self._targets = np.array([(t.real, t.imag) for t in system.iteration.targets]).reshape(-1, 2)
        self.facts = Facts()
        self._mark = f"{self._kernels.__name__}-{type(self).__name__}"
        if not compiled.ready(self._mark):
            say("Compiling this formula's kernels (once, some seconds) ...")

    def _compile(self) -> None:
        """Have all kernels compiled that a run needs."""
        if not compiled.ready(self._mark):
            pixel = np.zeros(1, dtype=np.int64)
            self.run(pixel)
            if self._refined.possible:
                short = Refined(self._kernels, self._system, self._view, 64, 1)  # the orbit itself is not needed yet
                self._ran(self._kernels.run_refined, 1, *short.arguments(pixel), 0)
            compiled.mark_ready(self._mark)

    def _refine(self, out: ReadOut, pixels: NDArray[np.int64]) -> ReadOut:
        """Pixels that are not settled once more, where the picture's are few or short enough."""
        unsettled = np.flatnonzero(out.trust < 0)
        assert out.iterations is not None and out.attractor is not None
        ended = out.fate[unsettled] != 0
        steps = int(np.where(ended, out.iterations[unsettled], self._system.steps).sum())
        small = self._view.pixels <= _SMALL and steps <= _REFINED_STEPS * len(pixels) / self._view.pixels
        if not (len(unsettled) and self._refined.possible and small):
            return out
        again = self._ran(
            self._kernels.run_refined, len(unsettled), *self._refined.arguments(pixels[unsettled]), self._system.steps
        )
        for part in fields(ReadOut):
            into, found = getattr(out, part.name), getattr(again, part.name)
            if into is not None:
                into[unsettled] = found
        return out

    def _starts(self, x: Floats, y: Floats, zero: Point, fixed: Point) -> tuple[Floats, Floats, Floats, Floats]:
        """z_0 and c of pixels at x, y, where the one that is not the pixel is the same for all."""
        other = zero if self._iteration.c is None else fixed
        a, b = np.full(len(x), float(other[0])), np.full(len(x), float(other[1]))
        return (a, b, x, y) if self._iteration.c is None else (x, y, a, b)

    def _ran(self, run: Any, count: int, *arguments: Any, radius: float | None = None) -> ReadOut:
        """Call a kernel, with room for the results of so many pixels; radius: another one than the map's."""
        i = self._iteration
        out = (
            np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count, dtype=np.int16),
            np.zeros(count, dtype=np.int8),
        )  # fmt: skip
        run(*arguments, i.radius if radius is None else radius, (float(i.degree), i.gain, i.order), self._targets, out)
        iterations, smooth, attractor, trust = out
        fate = np.where(attractor > 0, -1, np.where(iterations >= 0, 1, 0)).astype(np.int8)
        measure = np.where(iterations >= 0, smooth, -1.0)
        return ReadOut(measure, fate, trust, np.maximum(iterations, 0), attractor)


class Float64Job(_EscapeTimeJob):
    """Every iterate in float64."""

    def __init__(self, system: EscapeTimeSystem, view: View, say: Say) -> None:
        super().__init__(system, view, say)
        self._refined = Refined(self._kernels, system, view, reference_bits(view), system.steps)
        self._compile()

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        i = self._iteration
        start = self._starts(*self._view.points(pixels), i.start, i.c or ORIGIN)
        out = self._ran(self._kernels.run_float64, len(pixels), *start, self._system.steps)
        return self._refine(out, pixels)


class PerturbationJob(_EscapeTimeJob):
    """Differences from one or two reference orbits."""

    def __init__(self, system: EscapeTimeSystem, view: View, bits: int | None, progress: Progress, say: Say) -> None:
        super().__init__(system, view, say)
        before = time.perf_counter()
        bits = bits or reference_bits(view)
        self._refined = Refined(self._kernels, system, view, bits, system.steps)
        z, c = system.start(view.x, view.y)
        critical = system.iteration.critical
        self._wide = log2(view.smallest_difference()) < _WIDE_BELOW
        if self._wide and critical != ORIGIN:
            raise InputError(f"--depth: views of {system.name} deeper than 1e-270 are not supported yet.")
        found = [orbits.obtain(system, z, c, bits, progress)]
        if z != critical:  # pixels begin at the centre's orbit, and rebase to that of the critical point
            found.append(orbits.obtain(system, critical, c, bits, progress))
        self._orbits = found
        self._c = float(c[0]), float(c[1])
        self._join()
        self.facts = Facts(bits, None, max(o.steps for o in found), time.perf_counter() - before)
        self._compile()

    def _join(self) -> None:
        """All orbits in one array, and the skips along each."""
        found = self._orbits
        self._start = np.cumsum([0, *(len(o.x) for o in found[:-1])]).astype(np.int64)
        self._length = np.array([o.steps for o in found], dtype=np.int64)
        joined = {f.name: _joined([getattr(o, f.name) for o in found]) for f in fields(Orbit)}
        self._x, self._y, self._kx, self._ky = (joined[n] for n in ("x", "y", "kx", "ky"))
        self._folds = joined["folds"]
        self._tiny, self._tiny_m, self._tiny_e = (joined[n] for n in ("tiny", "tiny_m", "tiny_e"))
        self._tiny_at = np.concatenate([o.tiny_at + s for o, s in zip(found, self._start, strict=True)])
        self._excess = [joined["excess_m"], joined["excess_e"]]
        if self._iteration.c is not None:
            size = 0.0, -(1 << 40)
        else:
            mantissa, exponent = scaled_float(self._view.largest_difference())
            size = 2 * mantissa, exponent  # of both parts together
        self._reach = size
        made = [
            self._skips_along(int(first), int(length)) for first, length in zip(self._start, self._length, strict=True)
        ]
        self._begin = np.cumsum([0, *(len(m[0]) for m in made[:-1])])
        shift = np.cumsum([0, *(len(m[1]) for m in made[:-1])])
        self._index = _joined([m[0] + s for m, s in zip(made, shift, strict=True)])
        self._rows, self._by_c, self._exponents, self._radii = (_joined([m[k] for m in made]) for k in range(1, 5))
        self._near_radii = self._narrow()
        m, e = self._excess
        near = _ldexp(m, e)
        self._near_excess = np.where((near == 0) & (m != 0), np.copysign(5e-324, m), near)

    def _skips_along(self, first: int, length: int) -> tuple[NDArray[Any], ...]:
        """The index and the skips of one orbit (``kernels/tree.py``)."""
        k = self._kernels
        count = max(0, length - 1) >> _SHORTEST
        index = np.zeros(count + 2, dtype=np.int64)
        k.place_skips(count, index)
        skips = int(index[-1])
        chunks = range(0, count, _CHUNK)
        total = skips + len(chunks)
        rows, by_c, radii = np.zeros((total, k.ROW)), np.zeros((total, 4)), np.zeros(total)
        exponents = np.zeros((total, 4), dtype=np.int64)
        tree = rows, by_c, exponents, radii, np.zeros((total, k.TOP + 1))
        orbit = (
            self._x, self._y, self._folds, self._tiny, *self._excess, self._iteration.radius, self._targets, first,
            _SHORTEST, *self._c, *self._reach,
        )  # fmt: skip

        def build(chunk: int) -> None:
            begin = chunk * _CHUNK
            k.build_skips(*orbit, index, tree, begin, min(begin + _CHUNK, count), skips + chunk)

        if len(chunks) > 1:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                list(pool.map(build, range(len(chunks))))
        elif chunks:
            build(0)
        k.merge_skips(self._reach, index, tree, 0, count, _CHUNK.bit_length() - 1)
        k.finish_skips(skips, tree)
        return index, rows, by_c, exponents, radii

    def _narrow(self) -> Floats:
        """Scale the skips that float64 serves, and return their radii, 0 of others."""
        near = np.zeros(len(self._radii))
        for begin in range(0, len(near), _AT_ONCE):  # copies of all at once would be as large as they are
            part = slice(begin, begin + _AT_ONCE)
            rows, exponents = self._rows[part], self._exponents[part]
            radius, value = exponents[:, 0].copy(), exponents[:, 1]
            fits = (radius > -900) & (value > -900)
            rows[:, 2:] = _ldexp(rows[:, 2:], np.where(fits, value, 0)[:, None])
            rows[:, 1] = _ldexp(rows[:, 1], np.where(fits, exponents[:, 3], 0))
            rows[:, 0] = _ldexp(rows[:, 0], np.where(fits, -radius, 0))
            exponents[fits, 1] = exponents[fits, 3] = 0
            near[part] = np.where(fits & np.isfinite(rows).all(axis=1), _ldexp(self._radii[part], radius), 0.0)
        return near

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        out = self._differences(pixels)
        return out if self._wide else self._refine(out, pixels)

    def _differences(self, pixels: NDArray[np.int64]) -> ReadOut:
        dx, dy, exponent = self._view.differences(pixels)
        if not self._wide:
            dx, dy, exponent = np.ldexp(dx, exponent), np.ldexp(dy, exponent), 0
        start = self._starts(dx, dy, ORIGIN, ORIGIN)
        orbit = (
            *self._c, self._x, self._y, self._folds, self._kx, self._ky, self._near_excess, self._start, self._length,
        )  # fmt: skip
        tree = _SHORTEST, self._index, self._begin, self._rows
        if self._wide:
            tiny = self._tiny, self._tiny_at, self._tiny_m, self._tiny_e, *self._excess
            return self._ran(
                self._kernels.run_far, len(pixels), *start, exponent, *self._reach, orbit, tiny,
                (*tree, self._by_c, self._exponents, self._radii), self._near_radii, self._system.steps,
            )  # fmt: skip
        reach = math.ldexp(self._reach[0], max(self._reach[1], -3000))
        return self._ran(
            self._kernels.run_perturbed,
            len(pixels),
            *start,
            reach,
            2.0 ** -min(self.facts.bits - 4, 1000),
            orbit,
            (*tree, self._near_radii),
            self._system.steps,
        )


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """One after the other; without a copy where there is one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _ldexp(m: Floats, e: NDArray[np.int64]) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        result: Floats = np.ldexp(m, np.clip(e, -3000, 3000).astype(np.int32))
    return result


class ExactJob(_EscapeTimeJob):
    """Every pixel in arbitrary precision."""

    tile = 1

    def __init__(self, system: EscapeTimeSystem, view: View, bits: int | None, say: Say) -> None:
        super().__init__(system, view, say)
        self.facts = Facts(bits or exact_bits(view))
        self._ran(self._kernels.run_float64, 1, *(np.zeros(1) for _ in range(4)), 0)
        compiled.mark_ready(self._mark)

    def run(self, pixels: NDArray[np.int64]) -> ReadOut:
        """Each orbit at two precisions; settled where both end alike."""
        parts = []
        for pixel in pixels.tolist():
            one, more = (self._one(pixel, bits) for bits in (self.facts.bits, self.facts.bits + _GUARD // 2))
            assert one.iterations is not None and more.iterations is not None
            same = np.array_equal(one.iterations, more.iterations) and np.array_equal(one.fate, more.fate)
            same = same and bool(np.all(np.abs(one.measure - more.measure) <= 1e-9 * np.abs(more.measure) + 1e-9))
            parts.append(replace(more, trust=np.full(1, 1 if same else -1, dtype=np.int8)))
        return ReadOut.joined(parts)

    def _one(self, pixel: int, bits: int) -> ReadOut:
        """A pixel's orbit at so many bits; its last iterate, read out in float64, tells how it ended."""
        row, column = divmod(pixel, self._view.width)
        z, c = self._system.start(self._view.x_at(column), self._view.y_at(row))
        orbit: Orbit = orbits.made(self._iteration, z, c, bits, self._system.steps, least=0)
        last = [np.full(1, float(v)) for v in (orbit.x[-1], orbit.y[-1], *c)]
        escaped = orbit.excess_m[-1] > 0  # close to the radius float64 does not tell
        out = self._ran(self._kernels.run_float64, 1, *last, 0, radius=0.0 if escaped else math.inf)
        return out.after(orbit.steps)
