"""Indices into arrays: sums of loop variables times whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ROW = "row"
"""The loop variable that counts the data rows before the present block."""


@dataclass(frozen=True)
class Index:
    """``constant + sum(factor * variable)``."""

    constant: int = 0
    factors: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, variable: str, factor: int = 1) -> Index:
        return cls(0, {variable: factor})

    def __add__(self, other: Index | int) -> Index:
        if isinstance(other, int):
            return Index(self.constant + other, self.factors)
        factors = dict(self.factors)
        for v, f in other.factors.items():
            factors[v] = factors.get(v, 0) + f
        return Index(self.constant + other.constant, {v: f for v, f in factors.items() if f})

    def __mul__(self, factor: int) -> Index:
        return Index(self.constant * factor, {v: f * factor for v, f in self.factors.items() if f * factor})

    def without(self, *variables: str) -> Index:
        """The index where these variables are 0."""
        return Index(self.constant, {v: f for v, f in self.factors.items() if v not in variables})

    def factor(self, variable: str) -> int:
        return self.factors.get(variable, 0)

    def text(self) -> str:
        """The index as Python code."""
        parts = [v if f == 1 else f"{f} * {v}" for v, f in sorted(self.factors.items())]
        if self.constant or not parts:
            parts.append(str(self.constant))
        return " + ".join(parts)


ZERO = Index()


def flat(index: tuple[Index, ...], shape: tuple[int, ...]) -> Index:
    """The place of an element in an array without gaps."""
    place, stride = ZERO, 1
    for i, n in zip(reversed(index), reversed(shape)):
        place = place + i * stride
        stride *= n
    return place


def spread_index(index: tuple[Index, ...], shape: tuple[int, ...]) -> tuple[Index, ...]:
    """The element of an array of some shape that stands at an index of what it is broadcast to."""
    return tuple(ZERO if d == 1 else i for i, d in zip(index[len(index) - len(shape) :], shape, strict=True))
