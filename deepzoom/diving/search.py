"""The search of a dive: level by level into the best block, and back to the next best where one leads nowhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from deepzoom import systems
from deepzoom.colouring.colour import coloured
from deepzoom.coordinates import Rational, log2, with_digits
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.rendering.iteration_limit import MOST
from deepzoom.rendering.stretch import unfolding
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY

from .blocks import DUST, FACTOR, STRAIGHT, Block, blocks
from .lattice import Lattice
from .scouts import scouted
from .windows import SHARED, Window, deepest

MOST_DEAD = 12
"""Views without a block since the deepest that has one, after which a dive gives up."""
MOST_PLAIN = 8
"""Levels in a row that may go to a block with a single edge: such an edge can hold structure further down."""
_DEEPER = 0.3
"""What each level adds to the score of its blocks, where a dive goes back: one that was better further up is taken."""
_ROOM = 8
"""Of an iteration limit: the next view is deeper, and its counts are higher."""
_MORE_STEPS, _MOST_STEPS = 1.5, 8
"""Times the steps where those of training end before the structure does, and times the first ones at most."""
TOO_FEW_STEPS = "too few steps: they end before the runs of neighbouring pixels part"


@dataclass(frozen=True)
class Level:
    """A view with blocks to go on in. number: of the render; blocks: those not tried yet, best first.

    plain: how many blocks with a single edge lead to it in a row; thumbnail: its picture, uint8 (height, width, 3).
    """

    window: Window
    number: int
    seconds: float
    plain: int
    blocks: tuple[Block, ...]
    thumbnail: NDArray[np.uint8]

    @property
    def scene(self) -> Scene:
        return self.window.scene


@dataclass
class State:
    """How far a dive is.

    stack: from its first view down; best: the stack when it was deepest; dead: reasons of the views without a block
    since then; rendered: views so far; pending: the view that comes next, or, where it is not ``due``, the last one;
    plain: of it, as of a level.
    """

    pending: Window
    plain: int = 0
    due: bool = True
    stack: list[Level] = field(default_factory=list)
    best: list[Level] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    rendered: int = 0
    seconds: float = 0.0


@dataclass
class Search:
    """What a dive goes by. end: the depth to reach; grows: the first steps, None for fixed ones.

    stretch: anchors, each as its own tangent says.
    """

    end: Rational
    seed: int = 0
    grows: int | None = None
    stretch: bool = False
    jobs: int | None = None
    _lattice: Lattice | None = field(default=None, init=False, repr=False)

    def run(self, state: State, observer: Observer, keep: Callable[[State], None]) -> bool:
        """Go on until the depth is reached (True), or no way is left (False); ``keep`` after each view.

        Raises Stopped where the observer says so; the state is then as at the last ``keep``.
        """
        begin = state.best[0].scene.view.depth if state.best else state.pending.scene.view.depth
        total = 1 + int(np.ceil(log2(begin / self.end) / np.log2(FACTOR)))
        while not (state.best and state.best[-1].scene.view.depth <= self.end):
            if self.grows is not None and TOO_FEW_STEPS in state.dead and not self._lengthen(state, observer):
                return False
            if len(state.dead) >= MOST_DEAD or not self._choose(state):
                return False
            self._render(state, observer)
            keep(state)
            observer.part("levels", len(state.stack), total)
        return True

    def _choose(self, state: State) -> bool:
        """Set the next view, where none is due; False where no block is left."""
        if state.due:
            return True
        while state.stack and not state.stack[-1].blocks:
            state.stack.pop()
        if not state.stack:
            return False
        if state.stack[-1].number != state.rendered:
            del state.stack[_back_to(state.stack) + 1 :]
        top = state.stack[-1]
        block = top.blocks[0]
        state.stack[-1] = replace(top, blocks=top.blocks[1:])
        shared = 0 if systems.is_escape_time(top.scene.system) else SHARED
        state.pending, state.due = top.window.inside(block, self.end, shared), True
        state.plain = 0 if block.rich else top.plain + 1
        return True

    def _render(self, state: State, observer: Observer) -> None:
        """Render the next view, and put it on the stack if it has blocks."""
        begin = time.perf_counter()
        quiet = _Quiet(observer)
        window = self._prepared(state.pending, quiet)
        scene, rng = window.scene, np.random.default_rng([self.seed, state.rendered])
        is_training, is_last = not systems.is_escape_time(scene.system), scene.view.depth <= self.end
        if is_training and not is_last:
            field = self._lattice_of(window, quiet).field(window)
        else:
            field = self._rendered(scene, quiet)
        found, word = blocks(field, rng)
        if found and is_training and not is_last:
            found = scouted(self._lattice_of(window, quiet), window, field, found, rng)
            word = "" if found else DUST
        if not any(b.rich for b in found) and (state.plain >= MOST_PLAIN or is_last):
            found, word = [], word or STRAIGHT
        if not found and is_training and not self._lattice_of(window, quiet).parts(scene.view.depth):
            word = TOO_FEW_STEPS
        seconds = round(time.perf_counter() - begin, 1)
        state.rendered, state.due = state.rendered + 1, False
        state.seconds += seconds
        if self.grows is not None and not is_training:
            window = window.with_steps(_limit(field, self.grows))
        if found:
            picture = np.rint(255 * coloured(field)).astype(np.uint8)
            state.stack.append(Level(window, state.rendered, seconds, state.plain, tuple(found), picture))
            if not state.best or scene.view.depth < state.best[-1].scene.view.depth:
                state.best, state.dead = list(state.stack), []
        else:
            state.dead.append(word)
        observer.level(field, _line(scene, window.anchor.steps, found, word, seconds))

    def _rendered(self, scene: Scene, observer: Observer) -> Field:
        """A view's field, from a reference of its own. Raises Stopped where the observer stopped it."""
        result = rendering.render(replace(scene, trust="off"), jobs=self.jobs, observer=observer)
        if not result.complete:
            raise Stopped
        return result.field

    def _lattice_of(self, window: Window, observer: Observer) -> Lattice:
        """That of a window's anchor, kept for the next window."""
        if self._lattice is None or self._lattice.anchor != window.anchor:
            self._lattice = Lattice(window.anchor, self.jobs, observer)
        return self._lattice

    def _prepared(self, window: Window, observer: Observer) -> Window:
        """The window in the shape that its anchor asks for, where there are differences to tell by."""
        if window.level > 0 or not self.stretch:
            return window
        scene = window.anchor
        view = replace(scene.view, shape=IDENTITY)
        smallest = view if systems.is_escape_time(scene.system) else deepest(view)
        if rendering.plan(replace(scene, view=smallest)).backend.name.endswith("-perturbation"):

            def progress(share: float) -> None:
                observer.reference(share)
                if observer.stopped():
                    raise Stopped

            view = replace(view, shape=unfolding(replace(scene, view=view), progress))
        return Window(replace(scene, view=view))

    def _lengthen(self, state: State, observer: Observer) -> bool:
        """Look at the deepest view again with more training steps; False where there are to be no more."""
        assert self.grows is not None
        scene = state.pending.anchor
        steps = round(scene.steps * _MORE_STEPS)
        if steps > _MOST_STEPS * self.grows:
            return False
        try:
            systems.create(scene.system, scene.settings, steps, scene.digest)
        except InputError:  # the data holds no batches for so many
            return False
        observer.say(f"{TOO_FEW_STEPS[0].upper()}{TOO_FEW_STEPS[1:]}; on with {steps:,} steps.")
        look_again(state, steps)
        return True


def _back_to(stack: list[Level]) -> int:
    """The level to go on from after a dead end: the one whose next block has the highest score, less deep ones less."""
    return max(
        (n for n, level in enumerate(stack) if level.blocks), key=lambda n: stack[n].blocks[0].score + n * _DEEPER
    )


def _limit(field: Field, first: int) -> int:
    """The first limit doubled until it is ``_ROOM`` times what nearly all ending pixels of a view needed."""
    assert field.iterations is not None
    counts, steps = field.iterations[field.iterations > 0], first
    needed = _ROOM * float(np.percentile(counts, 95)) if len(counts) else 0.0
    while steps < needed and 2 * steps <= MOST:
        steps *= 2
    return steps


def continued(state: State, steps: int, grows: bool) -> State:
    """A state to go on from. With other steps than before, its deepest view is looked at again."""
    state.dead = [word for word in state.dead if grows and word == TOO_FEW_STEPS]
    if not grows and steps != state.pending.anchor.steps:
        look_again(state, steps)
    return state


def look_again(state: State, steps: int) -> None:
    """Go on with the deepest view, with other steps."""
    state.pending, state.due, state.dead = state.pending.with_steps(steps), True, []
    if state.best:
        levels = [replace(level, window=level.window.with_steps(steps)) for level in state.best]
        last = levels.pop()
        state.pending, state.plain, state.stack, state.best = last.window, last.plain, levels, list(levels)


def word_of(state: State) -> str:
    """Why a dive came to an end: what most of its last views had in place of a block."""
    if TOO_FEW_STEPS in state.dead:
        return TOO_FEW_STEPS
    return Counter(state.dead).most_common(1)[0][0] if state.dead else "no block was left to try"


def _line(scene: Scene, steps: int, found: list[Block], word: str, seconds: float) -> str:
    what = f"score {found[0].score:.2f}" if found else f"{word}; back"
    return f"{with_digits(scene.view.depth, 3)}: {what}, {steps:,} steps, {seconds:.1f} s."


class _Quiet(Observer):
    """Passes on what moves, not what each render has to say."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def reference(self, share: float) -> None:
        self._observer.reference(share)

    def stopped(self) -> bool:
        return self._observer.stopped()
