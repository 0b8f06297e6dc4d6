"""What ``Training`` takes from its user: each part checked, and refused with one clear sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError, TracingError
from deepzoom.tracing.array import Traced, like
from deepzoom.tracing.graph import given
from deepzoom.tracing.library import Library

from .base import Axis
from .optimizers import OPTIMIZERS

LOG, RATE = "log10:", "rate."
RESERVED = ("x", "y", "step", "steps", "optimizer")
MOST_STEPS = 10_000_000
MOST_TABLE = 4 << 30
"""Bytes of the rows that all steps draw."""


def check_optimizer(name: Any) -> None:
    """Raise InputError if there is no optimizer of this name."""
    if name not in OPTIMIZERS:
        raise TracingError(f"optimizer = {name!r} is not one of {', '.join(OPTIMIZERS)}")


def check_hyper(hyper: Any) -> None:
    """Raise InputError for hyperparameters that are not finite numbers by name."""
    if not isinstance(hyper, Mapping) or not all(isinstance(name, str) for name in hyper):
        raise TracingError("hyper is a dict of numbers by name, such as {'rate': 0.1, 'momentum': 0.9}")
    for name, value in hyper.items():
        if name in RESERVED:
            raise TracingError(f"a hyperparameter cannot have the name {name!r}; {', '.join(RESERVED)} are taken")
        if not isinstance(value, int | float | Fraction | np.number) or not math.isfinite(value):
            raise TracingError(f"hyper[{name!r}] = {str(value)[:40]!r} is not a finite number")


def check_rates(hyper: Iterable[str], weights: Iterable[str]) -> None:
    """Raise InputError for a rate ``rate.NAME`` of weights that there are not."""
    weights = list(weights)
    for name in hyper:
        part = name.removeprefix(RATE)
        if name.startswith(RATE) and not any(w == part or w.startswith(part + ".") for w in weights):
            raise InputError(f"--set {name}: there are no weights of this name; there are {', '.join(weights)}.")


def axis_of(which: str, setting: str | None, default: Any, hyper: Sequence[str]) -> Axis:
    """An axis from ``NAME`` or ``log10:NAME``. Raises InputError if there is no such hyperparameter."""
    text = default if setting is None else setting
    name = str(text).removeprefix(LOG)
    if isinstance(text, str) and (name in hyper or ("rate" in hyper and name.startswith(RATE))):
        return Axis(name, text.startswith(LOG))
    known = f"give NAME or {LOG}NAME of {', '.join(hyper) or 'a hyperparameter'}"
    if setting is not None:
        raise InputError(f"--set {which}: there is no hyperparameter {name!r}; {known}.")
    raise TracingError(f"{which} = {text!r} names no hyperparameter; {known}")


def number_of(name: str, text: str, default: Any) -> Any:
    """The value of a hyperparameter from its text: a whole number where the default is one."""
    kind = int if isinstance(default, int) else float
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"--set {name}: {text!r} is not a {'whole' if kind is int else 'finite'} number.")
    return value


def started(start: Any, library: Library) -> Any:
    """A start whose arrays are of NumPy: float64, or whole numbers as they are. Raises InputError for one that is not
    finite, or no array.
    """
    arrays: dict[str, Any] = {}
    for name, value in library.named(start).items():
        try:
            arrays[name] = _not_empty(value) if isinstance(value, Traced) else _checked(value)
        except TracingError as error:
            raise TracingError(f"start: {name!r} {error}") from None
    if not arrays:
        raise TracingError("start has no arrays")
    return library.filled(start, arrays)


def _not_empty(array: Any) -> Any:
    if array.size == 0:
        raise TracingError(f"is an empty array, of shape {array.shape}")
    return array


def _checked(value: Any) -> NDArray[Any]:
    """An array of finite real numbers, at least one: float64, or whole numbers and bools as they are."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TracingError(f"is {str(value)[:40]!r}, not an array of real numbers")
    _not_empty(array)
    if not np.isfinite(array).all():
        place = tuple(int(i[0]) for i in np.nonzero(~np.isfinite(array)))
        raise TracingError(f"is {array[place]} at {list(place)}; all numbers must be finite")
    return array.astype(np.float64) if array.dtype.kind == "f" or not hasattr(value, "dtype") else array.copy()


def datum(name: Any, value: Any) -> NDArray[Any]:
    """A data array that cannot be changed: float64, or whole numbers as they are (they may be indices)."""
    if not isinstance(name, str):
        raise TracingError(f"data is a dict of arrays by name, not by {name!r}")
    try:
        array = _checked(np.asarray(value))
    except TracingError as error:
        raise TracingError(f"data: {name!r} {error}") from None
    array.flags.writeable = False
    return array


def check_batch(batch: Any, data: Mapping[str, NDArray[Any]]) -> None:
    """Raise InputError for a batch that does not fit the data."""
    if batch is None:
        return
    rows = {len(a) if a.ndim else 0 for a in data.values()}
    if len(rows) != 1 or 0 in rows:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in data.items()) or "none"
        raise TracingError(f"batch: the data arrays need the same number of rows; they are {shapes}")
    n = rows.pop()
    if np.ndim(batch) == 1 and len(batch) == 2:
        size, seed = batch
        if not all(isinstance(v, int | np.integer) for v in batch) or not 1 <= size <= n or seed < 0:
            raise TracingError(f"batch = {batch!r} is not (number of rows from 1 to {n}, seed)")
        return
    table = np.asarray(batch)
    if table.ndim != 2 or table.dtype.kind not in "iu" or table.size == 0 or table.min() < 0 or table.max() >= n:
        raise TracingError(f"batch is neither (rows, seed) nor an array (steps, rows) of row numbers from 0 to {n - 1}")


def drawn_rows(
    data: Mapping[str, NDArray[Any]], batch: Any, steps: int
) -> tuple[Mapping[str, Any], dict[str, NDArray[np.float64]]]:
    """(rows of a step, by name; the same of all steps, as tables)."""
    if np.ndim(batch) == 1:
        rng = np.random.Generator(np.random.PCG64(batch[1]))
        n = len(next(iter(data.values())))
        rows = np.stack([rng.choice(n, batch[0], replace=False) for _ in range(steps)])
    elif len(batch) < steps:
        raise InputError(f"--steps: {steps} is more than the {len(batch)} steps that the batch lists rows for.")
    else:
        rows = np.asarray(batch)[:steps]
    size = sum(rows.size * a[0].size * 8 for a in data.values())
    if size > MOST_TABLE:
        raise InputError(f"--steps: the rows of {steps:,} steps take {size / 2**30:.0f} GiB; draw fewer rows or steps.")
    tables = {name: a[rows].astype(np.float64) for name, a in data.items()}
    return {name: like(data[name], given("drawn", name, t.shape[1:])) for name, t in tables.items()}, tables
