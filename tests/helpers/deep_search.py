"""A search for settled pixels that are wrong, at deep places chosen by a seed.

``python tests/helpers/deep_search.py --minutes 60`` prints how many pixels it compared, and each that differs. The
package computes the pixels; ``escape_oracle.py``, which shares nothing with it, says what is right.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from deep_views import NUCLEI, SIZES, Place, at, place_by, view_at, views
from escape_oracle import Count

from deepzoom.backends.base import ReadOut
from deepzoom.backends.escape_time import perturbation as escape_time_differences
from deepzoom.backends.escape_time.perturbation import PerturbationJob
from deepzoom.scene.view import View

LEVELS = {"all skips": 3, "from single steps": 0, "long ones": 6, "none": 40}
"""log2 of the number of steps of the shortest skips."""
WITHIN = 2e-6
"""By how much a settled smooth count may be off."""


@dataclass
class Tally:
    """Pixels computed, those that the package says are settled, those compared with the oracle, and what differs."""

    computed: int = 0
    settled: int = 0
    compared: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Add what another tally counted."""
        self.computed += other.computed
        self.settled += other.settled
        self.compared += other.compared
        self.wrong += other.wrong


def check(
    place: Place, view: View, what: str, levels: Sequence[str], pixels: Iterable[int], again: bool = False
) -> Tally:
    """Compare the settled pixels of a view with the oracle, once with each of these LEVELS of skips.

    what: the view in words; pixels: flat numbers; again: whether to run them in higher precision, too.
    """
    known: dict[int, Count] = {}
    tally, pixels = Tally(), list(pixels)

    def compare(out: ReadOut, how: str) -> None:
        assert out.iterations is not None and out.attractor is not None
        tally.computed += len(pixels)
        for k, pixel in enumerate(pixels):
            if out.trust[k] < 1:
                continue
            tally.settled += 1
            if pixel not in known:
                column, row = pixel % view.width, pixel // view.width
                known[pixel] = place.count(*view.at(column, row))
                tally.compared += 1
            n, attractor, smooth = known[pixel]
            found = int(out.iterations[k]), int(out.attractor[k])
            right = found == (n, attractor) and (out.fate[k] != 0) == (smooth is not None)
            if right and smooth is not None:
                right = abs(out.measure[k] - smooth) <= WITHIN
            if not right:
                tally.wrong.append(
                    f"{place.map}, {place.what}, 1e-{place.digits:.1f}, {what}, {how}, pixel {pixel}: "
                    f"{found} {out.measure[k]} {out.fate[k]} for {n, attractor} {smooth}"
                )

    system = place.system()
    default = escape_time_differences._SHORTEST
    try:
        for level in levels:
            escape_time_differences._SHORTEST = LEVELS[level]
            job = PerturbationJob(system, view, None, lambda share: None, lambda text: None)
            compare(job.first(np.array(pixels)), level)
        if again:
            compare(job.retry(np.array(pixels), 0), job.rungs[0])
    finally:
        escape_time_differences._SHORTEST = default
    return tally


def check_nucleus(place: Place, count: int = 40) -> Tally:
    """Compare ``count`` pixels: of the nucleus, of its edge and antenna, and ten or more sizes away."""
    tally, rng = Tally(), random.Random(f"{place.map} {place.digits}")
    shares = [count // 3, count // 3, count - 2 * (count // 3)]
    for height, some in zip(SIZES, shares):
        view = view_at(place, height, (Fraction(rng.uniform(-0.1, 0.1)), Fraction(rng.uniform(-0.1, 0.1))))
        pixels = sorted(rng.sample(range(view.pixels), some))
        tally.add(check(place, view, f"{float(height):g} sizes high", ["all skips"], pixels))
    return tally


def search(
    seeds: Iterable[int], minutes: float, most: float = 3000, say: Callable[[str], None] = lambda text: None,
    levels: int = 2, count: int = 8,
) -> dict[str, Tally]:  # fmt: skip
    """{map: Tally} of the places of these seeds, one after the other, until the time is over."""
    found: dict[str, Tally] = {}
    end = time.monotonic() + 60 * minutes
    for seed in seeds:
        rng = random.Random(f"deep {seed}")
        before = time.monotonic()
        try:
            place = place_by(rng, seed, most)
        except ValueError as error:
            say(f"{seed}: {error}")
            continue
        tally = found.setdefault(place.map, Tally())
        wrong = len(tally.wrong)
        made = time.monotonic()
        for view, what in views(place, rng):
            pixels = sorted([*rng.sample(range(view.pixels), count), view.pixels // 2])
            tally.add(check(place, view, what, rng.sample(list(LEVELS), levels), pixels, rng.random() < 0.2))
        for text in tally.wrong[wrong:]:
            say(f"WRONG {text}")
        say(
            f"{seed}: {place.map}, {place.what}, 1e-{place.digits:.1f}: {made - before:.1f} s to find, "
            f"{time.monotonic() - made:.1f} s to check; in all {tally.settled} of {tally.computed} settled, "
            f"{tally.compared} compared"
        )
        if time.monotonic() > end:
            break
    return found


def all_nuclei(first: int, stride: int) -> dict[str, Tally]:
    """{map: Tally} of ``NUCLEI``: of each stride-th, from the first on."""
    found: dict[str, Tally] = {}
    for name, digits in [(name, d) for name, sizes in NUCLEI.items() for d in sizes][first::stride]:
        before = time.monotonic()
        place = at(name, digits)
        made = time.monotonic()
        tally = check_nucleus(place)
        found.setdefault(name, Tally()).add(tally)
        print(
            f"{name}, {place.what}, 1e-{place.digits:.1f}: {made - before:.1f} s to find, "
            f"{time.monotonic() - made:.1f} s to check; {tally.settled} of {tally.computed} settled, "
            f"{len(tally.wrong)} wrong {tally.wrong[:1]}",
            flush=True,
        )
    return found


def main() -> None:
    """Search, or go through NUCLEI, as the command line says."""
    given = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    given.add_argument("--minutes", type=float, default=1)
    given.add_argument("--first", type=int, default=0, help="the first seed")
    given.add_argument("--stride", type=int, default=1, help="from one seed to the next")
    given.add_argument("--nuclei", action="store_true", help="instead, those of NUCLEI, each STRIDE-th from FIRST on")
    given.add_argument("--digits", type=float, default=3000, help="the deepest")
    options = given.parse_args()
    if options.nuclei:
        found = all_nuclei(options.first, options.stride)
    else:
        seeds = range(options.first, 10**9, options.stride)
        found = search(seeds, options.minutes, options.digits, lambda text: print(text, flush=True))
    total = Tally()
    for name, tally in sorted(found.items()):
        total.add(tally)
        share = 100 * tally.settled / max(1, tally.computed)
        print(f"{name}: {share:.0f} % settled, {tally.compared} pixels compared, {len(tally.wrong)} wrong")
    kinds = Counter(text.split(",")[0] for text in total.wrong)
    print(f"{total.compared} pixels compared, {len(total.wrong)} wrong {dict(kinds) or ''}")


if __name__ == "__main__":
    main()
