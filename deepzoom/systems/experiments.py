"""The six published training experiments, and training systems with the user's own data.

``PUBLISHED`` lists the experiments. Their data in ``data/`` are the published arrays (arXiv 2402.06184, drawn with
JAX's threefry generator).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError
from deepzoom.npz import BROKEN, read_arrays
from deepzoom.scene.view import View

from .base import Axis, Setting, checked_settings
from .sizes import SIZES, drawn, is_sized
from .trainable import Trainable
from .training_step import ACTIVATIONS, Constants, Network, Rates, train_step

if TYPE_CHECKING:
    from deepzoom.arithmetic.delta import Delta

    from .training_run import ExactRun, Lift, TaylorRun

_INPUT_RATE = Axis("Input layer learning rate", True)
_OUTPUT_RATE = Axis("Output layer learning rate", True)


@dataclass(frozen=True)
class Experiment:
    """A published experiment: its data file, and where it differs from the first experiment."""

    title: str
    data: str = "full_batch.npz"
    activation: str = "tanh"
    batch: str = "full"
    rates: str = "x,y"
    offset: str = "none"
    axes: tuple[Axis, Axis] = (_INPUT_RATE, _OUTPUT_RATE)
    steps: int = 500


PUBLISHED: dict[str, Experiment] = {
    "tanh": Experiment("tanh network, full batch"),
    "linear": Experiment("linear network, full batch", "identity.npz", "identity"),
    "relu": Experiment("ReLU network, full batch", activation="relu"),
    "single-datapoint": Experiment("tanh network, a single data point", "single_datapoint.npz"),
    "minibatch": Experiment("tanh network, minibatches of 16", batch="drawn", steps=1000),
    "weight-init": Experiment(
        "tanh network, weight offset against learning rate",
        rates="y,y",
        offset="x",
        axes=(Axis("Input layer weight offset", True), Axis("Learning rate", True)),
    ),
}

SETTINGS: dict[str, Setting] = {
    "data": Setting(
        "published", "FILE.npz with X, Y and theta0, theta1, ... (one per layer), and minibatch_idx for batch=drawn"
    ),
    "activation": Setting("", "identity, relu or tanh"),
    "batch": Setting("", "full, or drawn (the rows listed in the data file)"),
    "rates": Setting("", "learning rate of each layer, joined by commas: x, y, or a fixed log10"),
    "offset": Setting("", "none, x or y: the log10 of an offset added to the first layer's weights"),
    "offset-when": Setting("every-step", "every-step (as in the published code), or once (as the paper says)"),
    **SIZES,
}

MOST_LOG10 = 300
MOST_STEPS = 10_000_000
LEAST_LOSS, MOST_LOSS = 1e-30, 1e300


class TrainingSystem(Trainable):
    """A training experiment: a network with its data, its axes and its number of steps."""

    kind = "network"
    settings_known = SETTINGS

    def __init__(self, name: str, given: Mapping[str, str], steps: int | None) -> None:
        published = PUBLISHED[name]
        super().__init__(name, published.title, published.axes, published.steps)
        self.steps = published.steps if steps is None else steps
        chosen = chosen_settings(name, SETTINGS, given)
        self.network = network_of(name, chosen, given, self.steps)
        if chosen["data"] != "published":
            _check_first_loss(self.network)

    # what runs in high precision is imported only when something does

    @property
    def layers(self) -> list[slice]:
        return self.network.layers

    @property
    def last(self) -> int:
        from .convergence import LAST

        return LAST

    def rate_bits(self, x: Any, y: Any) -> int:
        return self.network.rate_bits(x, y)

    def exact_run(self, x: Any, y: Any, bits: int) -> ExactRun:
        from .training_run import ExactRun

        return ExactRun(self.network, x, y, bits)

    def series_run(self, x: Delta, y: Delta, lift: Lift, recording: bool) -> TaylorRun:
        from .training_run import TaylorRun

        return TaylorRun(self.network, x, y, lift)

    def record(self, step: Any) -> NDArray[np.float64]:
        from .training_run import record

        return record(self.network, step)

    def key(self) -> str:
        n = self.network
        digest = hashlib.sha256()
        for array in (n.x, n.y, *n.weights, np.zeros(0) if n.batches is None else n.batches):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(repr((n.activation, n.rates, n.offset, n.offset_every_step)).encode())
        return digest.hexdigest()

    def check(self, view: View, steps: int) -> None:
        for name, value in (("x", view.x), ("y", view.y)):
            if abs(value) + view.largest_difference() > MOST_LOG10:
                raise InputError(
                    f"--center {name}: coordinates are log10 of a learning rate, and this view goes beyond"
                    f" -{MOST_LOG10} or {MOST_LOG10}; give a centre such as 1."
                )


def chosen_settings(name: str, known: Mapping[str, Setting], given: Mapping[str, str]) -> dict[str, str]:
    """All settings of an experiment. Raises InputError for one that is not known."""
    published = PUBLISHED[name]
    own = {key: getattr(published, key) for key in ("activation", "batch", "rates", "offset")}
    return {**checked_settings(name, known, given), **own, **{key: given[key] for key in own if key in given}}


def network_of(
    name: str,
    chosen: Mapping[str, str],
    given: Mapping[str, str],
    steps: int,
    activations: Collection[str] = ACTIVATIONS,
) -> Network:
    """The network of an experiment, its data and starting weights.

    chosen: all settings; given: those that the user gave. Raises InputError for a setting that is wrong.
    """
    if not 1 <= steps <= MOST_STEPS:
        raise InputError(f"--steps: {steps} is not from 1 to {MOST_STEPS:,}.")
    own = chosen["data"] != "published"
    arrays = _read(chosen["data"] if own else str(files(__package__) / "data" / PUBLISHED[name].data), own)
    rates = chosen["rates"]
    if is_sized(given):
        if own:
            raise InputError(f"--set data: {chosen['data']} has its own sizes; leave out {', '.join(SIZES)}.")
        arrays = drawn(chosen, len(arrays["X"]), steps)
        if "rates" not in given:
            first, others = rates.split(",")
            rates = ",".join([first] + [others] * (sum(key.startswith("theta") for key in arrays) - 1))
    return _network(arrays, {**chosen, "rates": rates}, steps, "rates" in given, activations)


def _check_first_loss(network: Network) -> None:
    """Raise InputError if the loss of the starting weights is too small or too large to compare others with it."""
    constants = Constants.of(network, _plain)
    none = Rates((0.0,) * len(network.weights), None)
    with np.errstate(all="ignore"):
        loss = float(train_step(network, constants, none, network.weights, network.rows_at(0)).loss)
    if not LEAST_LOSS <= loss <= MOST_LOSS:
        raise InputError(
            f"--set data: the starting weights have a loss of {loss:.3g}, with which later losses cannot be compared;"
            f" give data with a first loss from {LEAST_LOSS:g} to {MOST_LOSS:g}."
        )


def _plain(value: Any) -> NDArray[np.float64]:
    return np.asarray(float(value) if isinstance(value, Fraction) else value, dtype=np.float64)


def _read(path: str, own: bool) -> dict[str, NDArray[Any]]:
    """The arrays of a data file. Raises InputError for a user's file that is missing or not an .npz file."""
    try:
        return read_arrays(path)
    except BROKEN as error:
        if not own:
            raise
        reason = "does not exist" if isinstance(error, FileNotFoundError) else "is not an .npz file of arrays"
        raise InputError(f"--set data: {path} {reason}; give a file with X, Y, theta0, theta1, ...") from None


def _network(
    arrays: dict[str, NDArray[Any]],
    chosen: dict[str, str],
    steps: int,
    rates_given: bool,
    activations: Collection[str],
) -> Network:
    def wanted(name: str) -> NDArray[np.float64]:
        if name not in arrays:
            raise InputError(f"--set data: the file lacks {name}; it needs X, Y, theta0, theta1, ...")
        array = np.asarray(arrays[name])
        if array.ndim != 2 or array.dtype.kind not in "fiu" or not np.isfinite(array).all() or array.size == 0:
            raise InputError(f"--set data: {name} should be a two-dimensional array of finite numbers.")
        return np.ascontiguousarray(array, dtype=np.float64)

    x, y = wanted("X"), wanted("Y")
    weights = [wanted("theta0"), wanted("theta1")]
    while f"theta{len(weights)}" in arrays:
        weights.append(wanted(f"theta{len(weights)}"))
    widths = [x.shape[1], *(w.shape[1] for w in weights)]
    fits = all(w.shape[0] == n for w, n in zip(weights, widths, strict=False))
    if not fits or y.shape != (len(x), widths[-1]):
        shapes = ", ".join(str(a.shape) for a in (x, y, *weights))
        raise InputError(f"--set data: the shapes {shapes} of X, Y, theta0, ... do not fit each other.")
    if chosen["activation"] not in activations:
        raise InputError(f"--set activation: {chosen['activation']!r} is not one of {', '.join(activations)}.")
    if chosen["offset"] not in ("none", "x", "y"):
        raise InputError(f"--set offset: {chosen['offset']!r} is not one of none, x, y.")
    if chosen["offset-when"] not in ("every-step", "once"):
        raise InputError(f"--set offset-when: {chosen['offset-when']!r} is neither every-step nor once.")
    if chosen["batch"] not in ("full", "drawn"):
        raise InputError(f"--set batch: {chosen['batch']!r} is neither full nor drawn.")
    return Network(
        x,
        y,
        tuple(weights),
        chosen["activation"],
        _rates(chosen["rates"], len(weights), rates_given),
        _batches(arrays, steps, len(x)) if chosen["batch"] == "drawn" else None,
        None if chosen["offset"] == "none" else chosen["offset"],
        chosen["offset-when"] == "every-step",
    )


def _rates(text: str, layers: int, given: bool) -> tuple[str, ...]:
    """For each layer x, y or a fixed log10. The default repeats over further layers, as in the published code."""
    parts = tuple(p.strip() for p in text.split(","))
    for part in parts:
        try:
            fine = part in ("x", "y") or abs(float(part)) <= MOST_LOG10
        except ValueError:
            fine = False
        if not fine:
            raise InputError(f"--set rates: {part!r} is neither x, y nor a log10 such as -2.")
    if given and len(parts) != layers:
        raise InputError(f"--set rates: {text!r} names {len(parts)} layers; the network has {layers}.")
    return tuple(parts[i % len(parts)] for i in range(layers))


def _batches(arrays: dict[str, NDArray[Any]], steps: int, rows: int) -> NDArray[np.int64]:
    """The table of rows drawn at each step.

    The published code draws different rows for 500 and for 1000 steps.
    """
    for name in (f"minibatch_idx_{steps}", "minibatch_idx", "minibatch_idx_1000"):
        if name in arrays:
            break
    else:
        raise InputError("--set batch: the data file has no table minibatch_idx (steps, batch) to draw from.")
    table = arrays[name]
    if table.ndim != 2 or table.dtype.kind not in "iu" or table.size == 0 or table.min() < 0 or table.max() >= rows:
        raise InputError(f"--set data: {name} should be (steps, batch) row numbers from 0 to {rows - 1}.")
    if len(table) < steps:
        raise InputError(f"--steps: {steps} is more than the {len(table)} steps that {name} lists rows for.")
    return np.ascontiguousarray(table[:steps], dtype=np.int64)
