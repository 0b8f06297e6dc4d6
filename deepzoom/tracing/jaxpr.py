"""A jaxpr evaluated with traced arrays: functions inside it are inlined, and its loops unrolled.

Operations on constants alone run in JAX, so any of them may be used there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, jaxpr_as_fun

from deepzoom.errors import TracingError

from .array import Traced, lifted, numpy
from .jax_primitives import PRIMITIVES, chosen, whole_number

MOST_ROUNDS = 1000
"""A loop with more rounds would give a graph that takes too long to compile."""

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
_LOOPS = ("scan", "while", "cond")


def evaluated(jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Any], file: str) -> list[Any]:
    """The outputs of a jaxpr: traced arrays, or arrays of JAX if they do not depend on traced ones.

    file: the user's, whose lines errors name. Raises TracingError for an operation that the graph has not.
    """
    return _Evaluation(file, jaxpr.debug_info).run(jaxpr, constants, inputs, [True] * len(jaxpr.outvars))


@dataclass(frozen=True)
class _Evaluation:
    file: str
    debug_info: Any  # JAX wants one for a jaxpr, such as that of an equation alone

    def run(self, jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Any], wanted: Sequence[bool]) -> list[Any]:
        """The outputs of a jaxpr that are wanted; None for the others."""
        known: dict[Any, Any] = dict(zip(jaxpr.constvars, constants)) | dict(zip(jaxpr.invars, inputs))
        equations, _ = _needed(jaxpr, wanted)
        for equation, outputs in equations:
            values = [a.val if isinstance(a, Literal) else known.get(a) for a in equation.invars]
            try:
                found = self._results(equation, values, outputs)
            except TracingError as error:
                error.line = error.line or self._line(equation)
                raise
            known.update((v, x) for v, x, needed in zip(equation.outvars, found, outputs) if needed)
        return [
            a.val if isinstance(a, Literal) else known[a] if need else None for a, need in zip(jaxpr.outvars, wanted)
        ]

    def _results(self, equation: Any, values: list[Any], wanted: Sequence[bool]) -> Sequence[Any]:
        name, params = equation.primitive.name, equation.params
        if all(v is not None and not isinstance(v, Traced) for v in values):
            return self._by_jax(equation, values)
        if name in _LOOPS:
            return getattr(self, f"_{name}")(values, params, wanted)
        if _is_logaddexp(equation):
            return [numpy.logaddexp(*map(lifted, values))]
        inner = _inner(equation)
        if inner is not None:
            return self.run(*inner, values, wanted)
        if name not in PRIMITIVES:
            raise TracingError(
                f"the JAX operation {name!r} is not one that a step can use; known are {', '.join(sorted(PRIMITIVES))}"
            )
        dtypes = [np.dtype(a.aval.dtype) for a in equation.invars]
        found = PRIMITIVES[name](dict(params, dtypes=dtypes, primitive=equation.primitive), *values)
        return found if equation.primitive.multiple_results else [found]

    def _by_jax(self, equation: Any, values: Sequence[Any]) -> list[Any]:
        """The results of an equation of constants."""
        inputs = {a: x for a, x in zip(equation.invars, values) if not isinstance(a, Literal)}
        jaxpr = Jaxpr((), list(inputs), equation.outvars, [equation], equation.effects, self.debug_info)
        return jaxpr_as_fun(ClosedJaxpr(jaxpr, ()))(*inputs.values())

    def _scan(self, values: list[Any], params: dict[str, Any], wanted: Sequence[bool]) -> list[Any]:
        fixed, carried = params["num_consts"], params["num_carry"]
        constants, carry, rows = values[:fixed], values[fixed : fixed + carried], values[fixed + carried :]
        _check_rounds(params["length"])
        order = range(params["length"])
        made: dict[int, list[Any]] = {}
        body = params["jaxpr"]
        for i in reversed(order) if params["reverse"] else order:
            found = self.run(
                body.jaxpr, body.consts, [*constants, *carry, *(r[i] for r in rows)], [True] * len(body.jaxpr.outvars)
            )
            carry, made[i] = found[:carried], found[carried:]
        stacked = [numpy.stack([lifted(made[i][j]) for i in order]) for j in range(len(wanted) - carried)]
        return [*carry, *stacked]

    def _while(self, values: list[Any], params: dict[str, Any], wanted: Sequence[bool]) -> list[Any]:
        test, body = params["cond_jaxpr"], params["body_jaxpr"]
        split = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
        for_test, for_body, carry = values[: split[0]], values[split[0] : split[1]], values[split[1] :]
        rounds = 0
        while True:
            (goes_on,) = self.run(test.jaxpr, test.consts, [*for_test, *carry], [True])
            if isinstance(goes_on, Traced):
                raise TracingError("a loop of JAX whose length depends on the values of a step; use jax.lax.scan")
            if not goes_on:
                return carry
            rounds += 1
            _check_rounds(rounds)
            carry = self.run(body.jaxpr, body.consts, [*for_body, *carry], [True] * len(carry))

    def _cond(self, values: list[Any], params: dict[str, Any], wanted: Sequence[bool]) -> Sequence[Any]:
        which, *inputs = values
        if not isinstance(which, Traced):
            branch = params["branches"][whole_number(which)]
            return self.run(branch.jaxpr, branch.consts, inputs, wanted)
        results = [self.run(b.jaxpr, b.consts, inputs, wanted) for b in params["branches"]]
        return [chosen(which, list(cases)) if need else None for *cases, need in zip(*results, wanted)]

    def _line(self, equation: Any) -> int | None:
        """The innermost line of the user's file that made an equation."""
        frames = getattr(equation.source_info.traceback, "frames", ())
        return next((f.line_num for f in frames if f.file_name == self.file), None)


def _needed(jaxpr: Any, wanted: Sequence[bool]) -> tuple[list[tuple[Any, list[bool]]], list[bool]]:
    """(the equations that the wanted outputs need, with which of their outputs; which inputs they need)."""
    needed = {v for v, want in zip(jaxpr.outvars, wanted) if want and not isinstance(v, Literal)}
    kept: list[tuple[Any, list[bool]]] = []
    for equation in reversed(jaxpr.eqns):
        outputs = [v in needed for v in equation.outvars]
        if not any(outputs):
            continue
        kept.append((equation, outputs))
        inner = None if equation.primitive.name in _LOOPS else _inner(equation)
        inputs = [True] * len(equation.invars) if inner is None else _needed(inner[0], outputs)[1]
        needed.update(v for v, use in zip(equation.invars, inputs) if use and not isinstance(v, Literal))
    return kept[::-1], [v in needed for v in jaxpr.invars]


def _inner(equation: Any) -> tuple[Any, Sequence[Any]] | None:
    """(jaxpr, constants) of a function that an equation calls."""
    for name in _INNER:
        inner = equation.params.get(name)
        if inner is not None and len(getattr(inner, "jaxpr", inner).invars) == len(equation.invars):
            return (inner.jaxpr, inner.consts) if isinstance(inner, ClosedJaxpr) else (inner, ())
    return None


def _is_logaddexp(equation: Any) -> bool:
    """Whether this is JAX's log(exp(a) + exp(b)), which is smooth, but made of a maximum and an absolute value."""
    if equation.primitive.name != "custom_jvp_call":
        return False
    made_in = str(equation.params["call_jaxpr"].jaxpr.debug_info.func_src_info)
    return made_in.startswith(f"logaddexp at {Path(jax.__file__).parent}")


def _check_rounds(rounds: int) -> None:
    if rounds > MOST_ROUNDS:
        raise TracingError(f"a loop of JAX with more than {MOST_ROUNDS:,} rounds; deepzoom writes out every round")
