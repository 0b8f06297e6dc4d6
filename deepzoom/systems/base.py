"""The base class of all systems: an iterated map on a plane of two parameters, with name, axes, settings and limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from deepzoom.errors import InputError
from deepzoom.scene.view import View

Kind = Literal["escape-time", "lyapunov", "network", "traced"]
"""Kinds of systems. Each has kernels of its own: the networks of the published experiments by hand, traced trainings
from their graph.
"""


@dataclass(frozen=True)
class Axis:
    """One axis of the plane. label: its name, for figures. power_of_ten: whether the parameter is 10**coordinate."""

    label: str
    power_of_ten: bool


@dataclass(frozen=True)
class Setting:
    """A setting that ``--set KEY=VALUE`` changes: its default and its meaning."""

    default: str
    meaning: str


class System(ABC):
    """A system with its settings applied. steps: of training, or the iteration limit."""

    kind: ClassVar[Kind]
    steps: int
    ends: range = range(0)
    """The numbers of the ends that runs can have: attractors from 1 on, 0 for what reaches none of them."""
    home: tuple[str, str, str] | None = None
    """The first view, x, y and depth as decimal texts, of a system without landmarks."""
    settings_known: Mapping[str, Setting]
    resolved: ClassVar[float] = 2.0**10
    """Float64 can render a view if neighbouring pixels are at least so many float64 spacings apart.

    Rounding a coordinate then moves no pixel by more than 1/2048 of that distance.
    """

    def __init__(self, name: str, title: str, axes: tuple[Axis, Axis], default_steps: int) -> None:
        self.name = name
        self.title = title
        self.axes = axes
        self.default_steps = default_steps

    def remark(self) -> str | None:
        """A sentence that the user should read before a render, or None."""
        return None

    @abstractmethod
    def key(self) -> str:
        """A hash of everything, apart from the point, that decides the numbers of a run: same key, same numbers."""

    @abstractmethod
    def check(self, view: View, steps: int) -> None:
        """Raise InputError if the system cannot run this view with so many steps."""


def checked_settings(name: str, known: Mapping[str, Setting], given: Mapping[str, str]) -> dict[str, str]:
    """The given settings, completed with the defaults. Raises InputError for an unknown key."""
    for key in given:
        if key not in known:
            raise InputError(f"--set: {name} has no setting {key!r}; it has {', '.join(known) or 'none'}.")
    return {key: given.get(key, setting.default) for key, setting in known.items()}
