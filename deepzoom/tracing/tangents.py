"""Tangents of a training step: how changes along each axis of the plane pass through it, as a graph.

The tangent of f at w is the derivative of f times a change of w. An operation's tangent follows from its inputs' values
and tangents (forward mode), by the same rules as its gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .delta_step import delta_step
from .differences import Differences
from .gradient import rules
from .graph import ELEMENTWISE, Node, constant, given, node, ordered, rewritten, zeros
from .lowering import lowered
from .training import TracedTraining, X, Y

AXES = (X, Y)


def tangents(outputs: Sequence[Node], along: Mapping[Node, Node]) -> list[Node]:
    """How much the outputs change, to first order, when inputs change by ``along``.

    Kinks count as in ``gradient``. A root of 0 counts as constant: such as that of a gradient that is always 0.
    """
    found: dict[Node, Node] = dict(along)
    for n in ordered(outputs):
        if n not in found and n.op != "shift":
            parts = [found.get(i) for i in n.inputs]
            if any(p is not None for p in parts):
                tangent = _tangent(n, parts)
                if tangent is not None:
                    found[n] = node("broadcast", tangent, data=n.shape)
    return [found.get(n) or zeros(n.shape) for n in outputs]


def _tangent(n: Node, parts: Sequence[Node | None]) -> Node | None:
    """The tangent of a node from those of its inputs; None where it is always 0."""
    if n.op not in (*ELEMENTWISE, "matmul"):  # linear in its inputs
        return node(n.op, *(zeros(i.shape) if p is None else p for i, p in zip(n.inputs, parts)), data=n.data)
    terms = []
    for k, (part, rule) in enumerate(zip(parts, rules(n))):
        if part is None:
            continue
        if n.op == "matmul":
            terms.append(node("matmul", part, n.inputs[1]) if k == 0 else node("matmul", n.inputs[0], part))
        elif rule is not None:
            terms.append(node("broadcast", rule(part, n, k), data=n.shape))
    if not terms:
        return None
    if n.op == "sqrt":
        return node("select", node("positive", n), terms[0], zeros(n.shape))
    return terms[0] if len(terms) == 1 else node("add", *terms)


def tangent_inputs(training: TracedTraining, axis: Node) -> dict[Node, Node]:
    """The tangents, by one axis, of the arrays of the state and of the axis' parameter: inputs of a graph, by those."""
    return {n: given("tangent", (axis.data[1], n), n.shape) for n in (*training.state, axis)}


def start_tangents(training: TracedTraining) -> list[Node]:
    """The tangents of the start by x, then by y: of all arrays each. They depend on the tangents of x and y, too."""
    return [t for axis in AXES for t in tangents(training.start, {axis: tangent_inputs(training, axis)[axis]})]


OUTPUT = given("tangent", "output", ())
"""Where a step that is followed keeps the output for the probe input."""


@dataclass(frozen=True)
class FollowedStep:
    """A step with what is read out of it.

    moving: what the step replaces: the state, its tangents by x and by y (not if they are not wanted), and the output
    for the probe input. fixed: x and y (in a step of differences, their differences) and their tangents. outputs: the
    new values of ``moving``, and the loss before the step. references: what a step of differences takes of the
    reference, beyond ``DeltaStep.recorded``.
    """

    outputs: tuple[Node, ...]
    moving: tuple[Node, ...]
    fixed: tuple[Node, ...]
    references: tuple[Node, ...] = ()


def _with_tangents(training: TracedTraining, wanted: bool) -> tuple[list[Node], list[Node], list[Node]]:
    """(tangents after the step, before it, of x and y); none if they are not wanted."""
    after: list[Node] = []
    before: list[Node] = []
    fixed: list[Node] = []
    for axis in AXES if wanted else ():
        along = tangent_inputs(training, axis)
        after += tangents(training.after, along)
        *arrays, parameter = along.values()
        before += arrays
        fixed.append(parameter)
    return after, before, fixed


def _output(training: TracedTraining) -> Node:
    return constant(0) if training.output is None else training.output


@lru_cache(maxsize=16)
def followed_step(training: TracedTraining, wanted: bool) -> FollowedStep:
    """The step in float64. wanted: whether with tangents."""
    after, before, fixed = _with_tangents(training, wanted)
    outputs = lowered([*training.after, *after, _output(training), training.loss])
    return FollowedStep(tuple(outputs), (*training.state, *before, OUTPUT), (*AXES, *fixed))


@lru_cache(maxsize=16)
def followed_delta_step(training: TracedTraining, wanted: bool) -> FollowedStep:
    """The step of differences from a reference run; its tangents and the output are those of the pixel itself.

    Their values are reference plus difference wherever the differences of the step have both. So a condition is that
    of the pixel, however close to its kink.
    """
    after, before, fixed = _with_tangents(training, wanted)
    varying, ends = [*training.state, *AXES], [*training.after, training.loss]
    d, known = Differences(ends, varying), set(delta_step(training).recorded)

    def total(n: Node, inputs: tuple[Node, ...]) -> Node | None:
        if n in varying or n in known:
            reference, change = given("reference", n, n.shape), d.of(n)
            return reference if change is None else node("add", reference, change)
        own = n.op == "input" and n.data[0] in ("step", "drawn")
        return given("reference", n, n.shape) if own else None

    changes = [node("broadcast", d.of(n) or constant(0), data=n.shape) for n in training.after]
    loss = node("add", given("reference", training.loss, ()), d.of(training.loss) or constant(0))
    outputs = lowered([*changes, *rewritten([*after, _output(training)], total), loss])
    moving = (*(given("difference", n, n.shape) for n in training.state), *before, OUTPUT)
    more = [n for n in ordered(outputs) if n.op == "input" and n.data[0] == "reference" and n.data[1] not in known]
    return FollowedStep(
        tuple(outputs), moving, (*(given("difference", n, ()) for n in AXES), *fixed),
        tuple(n.data[1] for n in more),
    )  # fmt: skip
