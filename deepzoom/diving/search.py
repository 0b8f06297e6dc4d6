"""The search of a dive: level by level into the best block, and back to the next best where one leads nowhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from gmpy2 import mpq
from numpy.typing import NDArray

from .. import rendering, systems
from ..colouring import coloured
from ..coordinates import Rational, log2, with_digits
from ..errors import Stopped
from ..field import Field
from ..limit import MOST
from ..scene import Scene
from ..shape import IDENTITY
from ..stretch import unfolding
from ..work import Observer
from .blocks import FACTOR, STRAIGHT, Block, blocks

MOST_DEAD = 12
"""Views without a block since the deepest that has one, after which a dive gives up."""
MOST_PLAIN = 8
"""Levels in a row that may go to a block with a single edge: such an edge can hold structure further down."""
_DEEPER = 0.3
"""What each level adds to the score of its blocks, where a dive goes back: one that was better further up is taken."""
_ROOM = 8
"""Of an iteration limit: the next view is deeper, and its counts are higher."""
_AHEAD = 32
"""Pixels each way of the small pictures by which the blocks of a view of training are put in order."""
TOO_FEW_STEPS = "too few steps: they end before the runs of neighbouring pixels part"


@dataclass(frozen=True)
class Level:
    """A view with blocks to go on in. number: of the render; blocks: those not tried yet, best first.

    plain: how many blocks with a single edge lead to it in a row; thumbnail: its picture, uint8 (height, width, 3).
    """

    scene: Scene
    number: int
    seconds: float
    plain: int
    blocks: tuple[Block, ...]
    thumbnail: NDArray[np.uint8]


@dataclass
class State:
    """How far a dive is. stack: from its first view down; best: the stack when it was deepest; dead: words of the

    views without a block since then; rendered: views so far; pending: the view that comes next, or, where it is
    not ``due``, the last one; plain: of it, as of a level.
    """

    pending: Scene
    plain: int = 0
    due: bool = True
    stack: list[Level] = field(default_factory=list)
    best: list[Level] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    rendered: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Search:
    """What a dive goes by. end: the depth to reach; grows: the first iteration limit, None for a fixed one.

    stretch: views, each as its own tangent says.
    """

    end: Rational
    seed: int = 0
    grows: int | None = None
    stretch: bool = False
    jobs: int | None = None

    def run(self, state: State, observer: Observer, keep: Callable[[State], None]) -> bool:
        """Go on until the depth is reached (True), or no way is left (False); ``keep`` after each view.

        Raises Stopped where the observer says so; the state is then as at the last ``keep``.
        """
        begin = state.best[0].scene.view.depth if state.best else state.pending.view.depth
        total = 1 + int(np.ceil(log2(begin / self.end) / np.log2(FACTOR)))
        while not (state.best and state.best[-1].scene.view.depth <= self.end):
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
        state.pending, state.due = self._inside(top.scene, block), True
        state.plain = 0 if block.rich else top.plain + 1
        return True

    def _inside(self, scene: Scene, block: Block) -> Scene:
        """The view of a block of a view."""
        view = scene.view
        child = view.zoomed(block.column, block.row, min(mpq(FACTOR), view.depth / self.end))
        return replace(scene, view=replace(child, depth=self.end) if child.depth < self.end * mpq(3, 2) else child)

    def _render(self, state: State, observer: Observer) -> None:
        """Render the next view, and put it on the stack if it has blocks."""
        begin = time.perf_counter()
        quiet = _Quiet(observer)
        scene = self._prepared(state.pending, quiet)
        result = self._rendered(scene, quiet)
        found, word = blocks(result.field, np.random.default_rng([self.seed, state.rendered]))
        if found and scene.view.depth > self.end and not systems.is_escape_time(scene.system):
            found, word = self._looked_ahead(scene, found, state.rendered, quiet)
        if not any(b.rich for b in found) and (state.plain >= MOST_PLAIN or scene.view.depth <= self.end):
            found, word = [], word or STRAIGHT
        if not found and result.facts["reference_steps"] == scene.steps and not systems.is_escape_time(scene.system):
            word = TOO_FEW_STEPS
        seconds = round(time.perf_counter() - begin, 1)
        state.rendered, state.due = state.rendered + 1, False
        state.seconds += seconds
        if self.grows is not None:
            scene = replace(scene, steps=_limit(result.field, self.grows))
        if found:
            picture = np.rint(255 * coloured(result.field)).astype(np.uint8)
            state.stack.append(Level(scene, state.rendered, seconds, state.plain, tuple(found), picture))
            if not state.best or scene.view.depth < state.best[-1].scene.view.depth:
                state.best, state.dead = list(state.stack), []
        else:
            state.dead.append(word)
        observer.level(result.field, _line(result.facts, scene, found, word, seconds))

    def _looked_ahead(
        self, scene: Scene, found: list[Block], number: int, observer: Observer
    ) -> tuple[list[Block], str]:
        """The blocks of a view in the order of what small pictures of them offer, without those that offer nothing.

        What is dust in a view of training may be clear in the next one, or stay so all the way.
        """
        offers, word = [], ""
        for block in found:
            view = self._inside(scene, block).view
            view = replace(view, width=min(_AHEAD, view.width), height=min(_AHEAD, view.height))
            small = self._rendered(self._prepared(replace(scene, view=view), observer), observer)
            inner, why = blocks(small.field, np.random.default_rng([self.seed, number]))
            if inner:
                offers.append(replace(block, score=inner[0].score, rich=block.rich or inner[0].rich))
            word = word or why
        return sorted(offers, key=lambda block: -block.score), word

    def _rendered(self, scene: Scene, observer: Observer) -> rendering.Rendered:
        """A view's result. Raises Stopped where the observer stopped it."""
        result = rendering.render(replace(scene, trust="off"), jobs=self.jobs, observer=observer)
        if not result.complete:
            raise Stopped
        return result

    def _prepared(self, scene: Scene, observer: Observer) -> Scene:
        """The scene in the shape that its own view asks for."""
        view = replace(scene.view, shape=IDENTITY)
        if self.stretch and rendering.plan(replace(scene, view=view)).backend.name.endswith("-perturbation"):

            def progress(share: float) -> None:
                observer.reference(share)
                if observer.stopped():
                    raise Stopped

            view = replace(view, shape=unfolding(replace(scene, view=view), progress))
        return replace(scene, view=view)


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
    if grows or steps == state.pending.steps:
        return replace(state, dead=[])
    if not state.best:
        return replace(state, pending=replace(state.pending, steps=steps), due=True, dead=[])
    levels = [replace(level, scene=replace(level.scene, steps=steps)) for level in state.best]
    last = levels.pop()
    return replace(state, pending=last.scene, plain=last.plain, due=True, stack=levels, best=list(levels), dead=[])


def word_of(state: State) -> str:
    """Why a dive came to an end: what most of its last views had in place of a block."""
    if TOO_FEW_STEPS in state.dead:
        return TOO_FEW_STEPS
    return Counter(state.dead).most_common(1)[0][0] if state.dead else "no block was left to try"


def _line(facts: dict[str, Any], scene: Scene, found: list[Block], word: str, seconds: float) -> str:
    what = f"score {found[0].score:.2f}" if found else f"{word}; back"
    return f"{with_digits(scene.view.depth, 3)}: {what}, {scene.steps:,} steps, {seconds:.1f} s."


class _Quiet(Observer):
    """Passes on what moves, not what each render has to say."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def reference(self, share: float) -> None:
        self._observer.reference(share)

    def stopped(self) -> bool:
        return self._observer.stopped()
