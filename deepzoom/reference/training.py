"""The reference run of a training system: its bits, its steps, the verification of its digits, and its caching.

One run in high precision at the view's centre serves all its pixels. It runs only until the differences of pixels close
to the centre have grown to ``HAND_OFF`` of the weights, where pixels leave it. A second run with fewer bits verifies
its digits: if both agree to d bits at every step, the one with fewer bits is right to about d bits, and the other to
more. If d is below ``VERIFIED``, the verification has failed, and both runs are repeated with more bits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom import cache
from deepzoom.arithmetic.exact import Exact
from deepzoom.arithmetic.fixed_point import BASE_BITS
from deepzoom.arithmetic.numpy_operations import NotANumber
from deepzoom.compiling import jit
from deepzoom.coordinates import Rational, format_decimal, log2
from deepzoom.errors import InputError, Stopped
from deepzoom.scene.view import View
from deepzoom.systems.trainable import Trainable
from deepzoom.systems.training_run import ExactRun, Snapshot, TaylorRun, flat_weights, pack, unpack

from .precision import check_bits

HAND_OFF = 2.0**-5
"""Share of a layer's largest weight at which a pixel's difference leaves the reference (see benchmarks/LOG.md)."""
VERIFIED = 60
"""Bits to which the weights of both runs must agree: the 53 of a float64, and a few more."""
ORDER = 4
"""Order of the Taylor polynomials (see benchmarks/LOG.md)."""
_NEAREST = 64  # pixels closer to the centre than depth / 64 leave the reference below HAND_OFF
_STALLED = 50  # after so many steps without growth, it is enough if the outermost pixels have left
_MARGIN = 24  # bits for rounding errors that grow more than the differences do
_SNAPSHOT_EVERY = 4
_MOST_OF_UNDEFINED = 2048  # bits up to which a reference that is not defined is tried again
_MOST_LOSS = 1e30  # a diverging reference ends here; its pixels leave it

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Reference:
    """A reference run, rounded to float64.

    bits: of the run. agreement: bits to which it agrees at every step with the run of fewer bits. record (steps, size):
    the values of each step that delta steps need. weights (steps + 1, n): before each step. losses (steps,). ratios
    (steps,): each loss over the first. windows (steps,): the sum of (ratio - 1) over the last ratios, computed exactly.
    reach (steps + 1,): log2 of the share of the weights that a parameter difference of 1 would move. learning
    (layers,): learning rates. offset: of the first layer's weights, or 0.
    """

    bits: int
    agreement: float
    record: Floats
    weights: Floats
    losses: Floats
    ratios: Floats
    windows: Floats
    reach: Floats
    snapshots: tuple[Snapshot, ...]
    learning: Floats
    offset: float

    @property
    def steps(self) -> int:
        return len(self.record)

    def leaves(self, depth: Rational) -> int:
        """The step at which differences of half a depth leave it: the first at which they reach ``HAND_OFF``."""
        far = self.reach >= math.log2(HAND_OFF) - log2(depth / 2)
        return int(np.argmax(far)) if far.any() else self.steps

    @property
    def digits(self) -> int:
        """How many decimal digits of the weights are verified."""
        return int(self.agreement * math.log10(2))


def bits_for(system: Trainable, view: View) -> int:
    """Bits of a reference for this view: those of the verifying run, plus one digit (``BASE_BITS``) more."""
    for_depth = math.ceil(-log2(view.smallest_difference())) + VERIFIED + _MARGIN + BASE_BITS
    return for_depth + system.rate_bits(view.x, view.y)


def obtain(
    system: Trainable,
    view: View,
    bits: int | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Reference:
    """The reference for a view: from the cache, continued from a cached one, or new.

    bits: of the run; None to choose. progress gets the share done, 0 to 1. Raises InputError if the given bits are too
    few for the depth, ArithmeticError if the digits cannot be verified, and Stopped if progress raises it (the part
    that is done is then cached).
    """
    check_bits(view, bits)
    wanted = bits_for(system, view) if bits is None else bits
    goal = _Goal.of(view, system.steps)
    source = jit.source_digest("arithmetic/*.py", "tracing/*.py", "systems/*.py", "reference/training.py")
    text = "\n".join((source, system.key(), format_decimal(view.x), format_decimal(view.y)))
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    kept = cache.load(key)
    if kept is not None and int(kept["bits"]) < wanted:
        kept = None
    for _ in range(6):
        if kept is None or not goal.reached(kept["reach"].tolist(), kept["losses"].tolist()):
            try:
                kept = _made(system, view, wanted, kept, goal, progress)
            except NotANumber as error:
                if error.sure or bits is not None or wanted > _MOST_OF_UNDEFINED:
                    raise InputError(f"--center: {error}; give another centre.") from None
                wanted, kept = 2 * wanted, None  # a number may be 0 only because it is below the last bit
                continue
            except _StoppedAt as stop:
                cache.save(key, stop.kept)
                raise Stopped from None
            cache.save(key, kept)
        reference = _reference(_cut(kept, goal))
        if reference.agreement >= VERIFIED:
            return reference
        if bits is not None:
            raise InputError(
                f"--bits: {bits} is too few: after {reference.steps} steps of the reference run only"
                f" {max(0, reference.agreement):.0f} of the {VERIFIED} bits needed are right; give"
                f" {bits + VERIFIED}, or leave the option out."
            )
        wanted += VERIFIED - math.floor(reference.agreement) + BASE_BITS
        kept = None
    raise ArithmeticError(
        f"the reference run could not be verified: with {wanted} bits, two runs agree to only"
        f" {reference.agreement:.0f} bits."
    )


@dataclass(frozen=True)
class _Goal:
    """How long a reference must be. near, far: the ``reach`` at which the closest and the outermost pixels leave it."""

    near: float
    far: float
    steps: int

    @classmethod
    def of(cls, view: View, steps: int) -> _Goal:
        share = math.log2(HAND_OFF)
        near = view.smallest_difference() * (2 * view.height) / _NEAREST
        return cls(share - log2(near), share - log2(view.largest_difference()), steps)

    def reached(self, reach: list[float], losses: list[float]) -> bool:
        """Whether the closest pixels have left the reference, or more steps would help no pixel, or none are left."""
        if len(losses) >= self.steps or (losses and not losses[-1] < _MOST_LOSS):
            return True
        furthest = max(reach)
        # the run contracts again: pixels that have not left it by now will not leave it later
        stalled = furthest >= self.far and len(reach) - reach.index(furthest) > _STALLED
        return furthest >= self.near or stalled

    def share(self, reach: list[float]) -> float:
        """The share done, by growth or by steps, whichever is larger."""
        growth = (max(reach) - reach[1]) / max(self.near - reach[1], 1.0)
        return min(1.0, max(growth, (len(reach) - 1) / self.steps))


def _made(
    system: Trainable, view: View, bits: int, kept: Arrays | None, goal: _Goal, progress: Callable[[float], None]
) -> Arrays:
    """Run the reference until the goal is reached, from a cached part or from the start."""
    bits = bits if kept is None else int(kept["bits"])
    main = system.taylor_run(view.x, view.y, bits, ORDER)
    check = system.exact_run(view.x, view.y, bits - BASE_BITS)
    new: dict[str, list[Any]] = {name: [] for name in (*_PER_STEP, *_PER_SNAPSHOT)}
    if kept is None:
        kept = {"learning": main.learning, "offset": np.array(main.offset), "bits": np.array(bits)}
        _note(main, new)
    else:
        unpack(main, _part(kept, "main."))
        unpack(check, _part(kept, "check."))

    stopped = False
    reach = [*kept.get("reach", ()), *new["reach"]]
    losses = list(kept.get("losses", ()))
    while not goal.reached(reach, losses):
        try:
            step = main.advance()
            check.advance()
        except NotANumber as error:
            message = f"the run at the centre is not defined from step {len(losses) + 1} on"
            raise NotANumber(message, error.where, error.sure) from None
        new["record"].append(system.record(step))
        new["losses"].append(main.last_loss)
        new["ratios"].append(main.totals.ratio)
        new["windows"].append(float(main.totals.excess().floats()))
        new["agreement"].append(_agreement(main, check))
        _note(main, new)
        reach.append(new["reach"][-1])
        losses.append(main.last_loss)
        try:
            progress(goal.share(reach))
        except Stopped:
            stopped = True
            break
    joined = {n: np.array([*kept[n], *new[n]]) if n in kept and new[n] else np.array(new[n]) for n in new}
    states = {f"main.{k}": v for k, v in pack(main).items()} | {f"check.{k}": v for k, v in pack(check).items()}
    made = kept | {n: v for n, v in joined.items() if new[n] or n not in kept} | states
    if stopped:
        raise _StoppedAt(made)
    return made


class _StoppedAt(Exception):
    """The user stopped the run; the part that is done is cached, for the next run to continue."""

    def __init__(self, kept: Arrays) -> None:
        super().__init__()
        self.kept = kept


_PER_STEP = ("record", "weights", "losses", "ratios", "windows", "reach", "agreement")
_PER_SNAPSHOT = tuple(f"snapshot.{f.name}" for f in fields(Snapshot))


def _note(run: TaylorRun, new: dict[str, list[Any]]) -> None:
    """Note the run's state before its next step."""
    new["weights"].append(flat_weights(run.weights))
    new["reach"].append(run.reach())
    if run.step % _SNAPSHOT_EVERY == 0:
        snapshot = run.snapshot()
        for name in _PER_SNAPSHOT:
            new[name].append(getattr(snapshot, name.removeprefix("snapshot.")))


def _cut(kept: Arrays, goal: _Goal) -> Arrays:
    """The part of a longer reference that a reference made for this view alone would have.

    This way a picture does not depend on what was rendered before. The reference also ends where float64 overflows.
    """
    reach, losses = kept["reach"].tolist(), kept["losses"].tolist()
    steps = next((n for n in range(len(losses)) if goal.reached(reach[: n + 1], losses[:n])), len(losses))
    steps = next((n for n in range(steps) if not np.isfinite(kept["record"][n]).all()), steps)
    cut = dict(kept)
    for name in _PER_STEP:
        cut[name] = kept[name][: steps + 1 if name in ("weights", "reach") else steps]
    held = kept["snapshot.step"] <= steps
    return cut | {name: kept[name][held] for name in _PER_SNAPSHOT}


def _part(arrays: Arrays, prefix: str) -> Arrays:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _reference(kept: Arrays) -> Reference:
    columns = zip(*(kept[name] for name in _PER_SNAPSHOT), strict=True)
    return Reference(
        bits=int(kept["bits"]),
        agreement=float(kept["agreement"].min(initial=int(kept["bits"]))),
        record=kept["record"],
        weights=kept["weights"],
        losses=kept["losses"],
        ratios=kept["ratios"],
        windows=kept["windows"],
        reach=kept["reach"],
        snapshots=tuple(Snapshot(int(t), int(e), float(f), *rest) for t, e, f, *rest in columns),
        learning=kept["learning"],
        offset=float(kept["offset"]),
    )


def _agreement(main: TaylorRun, check: ExactRun) -> float:
    """The bits to which the weights of two runs agree, relative to the largest weight of each layer."""
    agreed = float(main.weights[0].reference.bits)
    for a, b in zip(main.weights, check.weights):
        exact = a.reference
        apart = exact - Exact.of(b, exact.bits)
        if apart.signs().any():
            agreed = min(agreed, exact.log2_largest() - apart.log2_largest())
    return agreed
