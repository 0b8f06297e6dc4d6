"""``deepzoom.Training``: a training step of the user's own, written with NumPy or JAX, and the axes of its plane."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError, TracingError
from deepzoom.tracing.array import Traced, Whole, lifted, like
from deepzoom.tracing.gradient import released
from deepzoom.tracing.graph import Node, depends, given, ordered
from deepzoom.tracing.library import Library, library
from deepzoom.tracing.training import STEP, TracedTraining, X, Y

from .base import Axis, Setting
from .basin_numbers import numbered
from .optimizers import EXTRAS, OPTIMIZERS
from .training_checks import (
    MOST_STEPS,
    RATE,
    axis_of,
    check_batch,
    check_hyper,
    check_optimizer,
    check_rates,
    datum,
    drawn_rows,
    number_of,
    started,
)


@dataclass(frozen=True, eq=False)
class Training:
    """A training whose plane deepzoom draws: a step, or a loss with an optimizer, and two hyperparameters as axes.

    step(state, hyper, data) gives the next state and the loss, one number. Or loss(weights, data, hyper) gives the
    loss; deepzoom derives its gradient, and ``optimizer`` names how it changes the weights. Functions may leave out
    their last arguments. They are called once, with traced arrays.

    start: dict, list, tuple or dataclass of arrays, or a function of hyper that makes one; a step gets and gives the
    same. hyper: numbers by name; a step also gets ``step``, its number from 0, and ``steps``. x, y: ``NAME`` or
    ``log10:NAME``. data: arrays by name. batch: the rows of the data that each step draws, int (steps, rows), or
    (number of rows, seed); with ``loss``, the loss that counts is that of all rows. center, depth: the first view, in
    coordinates of the axes, as numbers or decimal texts. last: how many of the last losses decide the fate; 0 for all.
    library: ``numpy`` or ``jax``, which the functions are written with; with JAX, a state is any pytree of arrays.
    output(state, hyper, data), or output(weights, data, hyper) with a loss: one number that the training gives for a
    probe input, for the colouring ``output``.
    label(state), or label(weights) with ``loss``: the numbers, at most 14, whose signs say in which basin a converged
    run ended (``basin_numbers.py``).

    Raises InputError for what is not of this form.
    """

    step: Callable[..., Any] | None = None
    start: Any = None
    hyper: Mapping[str, float] = field(default_factory=dict)
    x: str = ""
    y: str = ""
    loss: Callable[..., Any] | None = None
    optimizer: str = "sgd"
    data: Mapping[str, Any] = field(default_factory=dict)
    batch: Any = None
    steps: int = 500
    center: tuple[Any, Any] = (0, 0)
    depth: Any = 2
    title: str = ""
    last: int | None = None
    library: str = "numpy"
    output: Callable[..., Any] | None = None
    label: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        if (self.step is None) == (self.loss is None):
            raise TracingError("a Training needs either a step or a loss")
        if not callable(self.function):
            raise TracingError(f"{str(self.function)[:40]!r} is not a function of a step or a loss")
        if self.label is not None and not callable(self.label):
            raise TracingError(f"label = {str(self.label)[:40]!r} is not a function of the final state")
        check_optimizer(self.optimizer)
        check_hyper(self.hyper)
        if self.start is None:
            raise TracingError("a Training needs a start: arrays by name, or a function of hyper that makes them")
        if not callable(self.start):
            started(self.start, self._library)
        object.__setattr__(self, "data", {name: datum(name, value) for name, value in dict(self.data).items()})
        check_batch(self.batch, self.data)
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or not 1 <= self.steps <= MOST_STEPS:
            raise TracingError(f"steps = {self.steps!r} is not a whole number from 1 to {MOST_STEPS:,}")
        self.home()
        self._chosen({})

    @property
    def _library(self) -> Library:
        return library(self.library)

    @property
    def function(self) -> Any:
        """The step, or the loss."""
        return self.loss if self.step is None else self.step

    def home(self) -> tuple[str, str, str]:
        """The first view as decimal texts: x, y and depth. Raises InputError where it is not one."""
        if not isinstance(self.center, tuple | list) or len(self.center) != 2:
            raise TracingError(f"center = {self.center!r} is not a pair of numbers")
        texts = str(self.center[0]), str(self.center[1]), str(self.depth)
        try:
            numbers = [parse_decimal(text, "center") for text in texts]
        except InputError:
            raise TracingError(f"center = {self.center!r}, depth = {self.depth!r} are not three numbers") from None
        if numbers[2] <= 0:
            raise TracingError(f"depth = {self.depth!r} is not above zero; give the height of the first view")
        return texts

    def settings(self, optimizer: str | None = None) -> dict[str, Setting]:
        """What ``--set`` changes: axes, hyperparameters, and with a loss the optimizer."""
        known = {name: Setting(getattr(self, name), f"axis {name}: NAME or log10:NAME") for name in ("x", "y")}
        if self.loss is not None:
            known["optimizer"] = Setting(self.optimizer, f"one of {', '.join(OPTIMIZERS)}")
        for name, value in self._hyper(optimizer or self.optimizer).items():
            known[name] = Setting(str(value), "hyperparameter")
        return known

    def axes(self, settings: Mapping[str, str]) -> tuple[Axis, Axis]:
        """The axes with some settings. Raises InputError for settings that there are not."""
        _, _, axes = self._chosen(settings)
        return axes

    def traced(self, settings: Mapping[str, str], steps: int) -> TracedTraining:
        """The graphs of the start and of a step. Raises InputError for functions that cannot be traced."""
        optimizer, hyper, axes = self._chosen(settings)
        variables = {axis.label: Traced(n) for axis, n in zip(axes, (X, Y))}
        hyper = {**hyper, **variables, "steps": steps}
        start = self._started(hyper)
        weights = self._library.named(start)
        state = dict(weights)
        drawn, tables = (self.data, {}) if self.batch is None else drawn_rows(self.data, self.batch, steps)
        if self.step is None:
            check_rates(hyper, weights)
            remembered = OPTIMIZERS[optimizer].start(dict(weights))
            if both := set(remembered) & set(weights):
                raise self._wrong(f"{optimizer} needs the name {min(both)!r}, which an array of the start has")
            state |= remembered
        inputs = {name: given("state", name, np.shape(value)) for name, value in state.items()}
        arrays = {name: like(state[name], n) for name, n in inputs.items()}
        hyper |= {"step": Whole(STEP, np.dtype(np.int32))}
        if self.step is None:
            after, loss = self._descended(optimizer, start, arrays, drawn, hyper)
        else:
            after, loss = self._stepped(self._library.filled(start, arrays), drawn, hyper)
        own = [] if self.output is None else [self._output(start, arrays, hyper).node]
        before = [lifted(s).node for s in state.values()]
        outputs = released([*before, *self._checked(after, inputs), loss.node, *own])
        n = len(state)
        self._check_axes(outputs, axes)
        label, basins = self._labelled(self._library.filled(start, arrays))
        used = {i.data[1] for i in ordered(outputs) if i.op == "input" and i.data[0] == "drawn"}
        return TracedTraining(
            tuple(inputs.values()), tuple(outputs[:n]), tuple(outputs[n : 2 * n]), outputs[2 * n],
            (axes[0].power_of_ten, axes[1].power_of_ten), {k: t for k, t in tables.items() if k in used}, self.last,
            outputs[-1] if own else None, label, basins,
        )  # fmt: skip

    def _output(self, start: Any, arrays: dict[str, Traced], hyper: Mapping[str, Any]) -> Traced:
        """The output for the probe input. It gets all rows of the data, and of a training by a loss the weights."""
        tree = self._library.filled(start, {name: arrays[name] for name in self._library.named(start)})
        pair = (hyper, self.data) if self.loss is None else (self.data, hyper)
        return self._number(self._called(self.output, tree, *pair), "output", self.output)

    def _labelled(self, state: Any) -> tuple[Node | None, int]:
        """(the number of a final state's basin, how many there are)."""
        if self.label is None:
            return None, 0
        try:
            number, basins = numbered(lifted(self._called(self.label, state)))
        except TracingError as error:
            raise self._wrong(str(error), self.label) from None
        return released([number.node])[0], basins

    def _started(self, hyper: Mapping[str, Any]) -> Any:
        if not callable(self.start):
            return started(self.start, self._library)
        result = self._called(self.start, hyper)
        try:
            return started(result, self._library)
        except TracingError as error:
            raise self._wrong(str(error), self.start) from None

    def losses(
        self, x: float, y: float, steps: int | None = None, settings: Mapping[str, str] | None = None
    ) -> NDArray[np.float64]:
        """The losses (steps,) at a point of the plane in float64, to compare with a program of your own.

        x, y: coordinates, so log10 of the hyperparameter on an axis ``log10:NAME``. Raises InputError as ``traced``.
        """
        steps = self.steps if steps is None else steps
        from deepzoom.tracing import float64_run  # imports Numba, which a render of a map does not need

        return float64_run.losses(self.traced(settings or {}, steps), x, y, steps)

    def _hyper(self, optimizer: str) -> dict[str, float]:
        return {**(OPTIMIZERS[optimizer].hyper if self.loss is not None else {}), **self.hyper}

    def _chosen(self, settings: Mapping[str, str]) -> tuple[str, dict[str, Any], tuple[Axis, Axis]]:
        """(optimizer, hyperparameters, axes) with some settings. Raises InputError for those that there are not."""
        optimizer = settings.get("optimizer", self.optimizer) if self.loss is not None else self.optimizer
        if optimizer not in OPTIMIZERS:
            raise InputError(f"--set optimizer: {optimizer!r} is not one of {', '.join(OPTIMIZERS)}.")
        hyper = self._hyper(optimizer)
        for name, text in settings.items():
            if name in ("x", "y") or (name == "optimizer" and self.loss is not None):
                continue
            more = self.loss is not None and (name in EXTRAS or name.startswith(RATE))
            if name not in hyper and not more:
                known = ", ".join(self.settings(optimizer))
                raise InputError(f"--set: there is no hyperparameter {name!r}; there are {known}.")
            hyper[name] = number_of(name, text, hyper.get(name))
        names = [*hyper, *(n for n in EXTRAS if self.loss is not None and n not in hyper)]
        axes = [axis_of(which, settings.get(which), getattr(self, which), names) for which in ("x", "y")]
        if axes[0].label == axes[1].label:
            raise TracingError(f"both axes are {axes[0].label!r}; give two hyperparameters")
        return optimizer, hyper, (axes[0], axes[1])

    def _descended(
        self, optimizer: str, start: Any, arrays: dict[str, Traced], drawn: Mapping[str, Any], hyper: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Traced]:
        """(arrays after a step of the optimizer, loss over all rows)."""
        names = list(self._library.named(start))
        weights = {name: Traced(arrays[name].node) for name in names}
        tree = self._library.filled(start, weights)
        loss, slopes = self._library.value_and_slopes(*_with_arguments(self.loss, tree, drawn, hyper))
        loss = self._number(loss if self.batch is None else self._called(self.loss, tree, self.data, hyper))
        remembered = {name: a for name, a in arrays.items() if name not in weights}
        after, then = OPTIMIZERS[optimizer].step(weights, dict(zip(names, slopes)), remembered, hyper)
        return {**after, **then}, loss

    def _stepped(self, state: Any, drawn: Mapping[str, Any], hyper: Mapping[str, Any]) -> tuple[dict[str, Any], Traced]:
        result = self._called(self.step, state, hyper, drawn)
        if not isinstance(result, tuple) or len(result) != 2:
            raise self._wrong("a step gives two things, (next state, loss)")
        return self._library.named(result[0]), self._number(result[1])

    def _called(self, function: Any, *arguments: Any) -> Any:
        return self._library.called(*_with_arguments(function, *arguments))

    def _number(self, value: Any, what: str = "loss", function: Any = None) -> Traced:
        if isinstance(value, tuple | list | dict):
            raise self._wrong(f"the {what} is a {type(value).__name__}; give one number", function)
        value = lifted(value)
        if value.shape:
            message = f"the {what} is an array of shape {value.shape}; give one number, such as its mean"
            raise self._wrong(message, function)
        return value

    def _checked(self, after: Mapping[str, Any], inputs: Mapping[str, Node]) -> list[Node]:
        """The arrays after a step, in order. Raises InputError if they are not those before it."""
        if after.keys() != inputs.keys():
            lost, new = sorted(inputs.keys() - after.keys()), sorted(after.keys() - inputs.keys())
            what = f"lacks {lost[0]!r}" if lost else f"has {new[0]!r}, which the start lacks"
            raise self._wrong(f"the state after a step {what}; a step gives the arrays that it gets")
        for name, n in inputs.items():
            if lifted(after[name]).shape != n.shape:
                shape = lifted(after[name]).shape
                raise self._wrong(f"a step changes the shape of {name!r} from {n.shape} to {shape}")
        return [lifted(after[name]).node for name in inputs]

    def _check_axes(self, outputs: list[Node], axes: tuple[Axis, Axis]) -> None:
        for axis, n, which in zip(axes, (X, Y), "xy"):
            if not depends(outputs, [n]) & set(outputs):
                raise self._wrong(f"nothing depends on {axis.label!r}, the axis {which}; use hyper[{axis.label!r}]")

    def _wrong(self, message: str, function: Any = None) -> TracingError:
        """An error about what a function gives (the step or the loss, if not another), at its first line."""
        error = TracingError(message)
        error.line = getattr(getattr(function or self.function, "__code__", None), "co_firstlineno", None)
        return error


def _with_arguments(function: Any, *arguments: Any) -> tuple[Any, ...]:
    """A function of the user's, and as many of the arguments as it takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return function, *arguments
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return function, *arguments
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return function, *arguments[: len(places)]
