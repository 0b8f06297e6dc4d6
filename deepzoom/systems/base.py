"""What a system is: an iterated map on a plane of two parameters, with its name, axes, settings and limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from deepzoom.errors import InputError
from deepzoom.scene.view import View


@dataclass(frozen=True)
class Axis:
    """One axis of the plane. label: what it is, for figures; power_of_ten: the parameter is 10**coordinate."""

    label: str
    power_of_ten: bool


@dataclass(frozen=True)
class Setting:
    """One thing that ``--set KEY=VALUE`` changes: its default and what may be given."""

    default: str
    meaning: str


class System(ABC):
    """A system with its settings applied."""

    settings_known: ClassVar[Mapping[str, Setting]]
    resolved: ClassVar[float] = 2.0**10
    """Distance of neighbouring pixels, in units of float64's own spacing there, from which float64 serves a view: a
    coordinate's rounding then moves no pixel by more than 1/2048 of that distance."""

    def __init__(self, name: str, title: str, axes: tuple[Axis, Axis], default_steps: int) -> None:
        self.name = name
        self.title = title
        self.axes = axes
        self.default_steps = default_steps

    def remark(self) -> str | None:
        """A sentence that whoever renders it should know, or None."""
        return None

    @abstractmethod
    def key(self) -> str:
        """Hash of everything that decides a run's numbers but for its point: same key, same numbers."""

    @abstractmethod
    def check(self, view: View, steps: int) -> None:
        """Raise InputError where this system has no such runs."""


def checked_settings(name: str, known: Mapping[str, Setting], given: Mapping[str, str]) -> dict[str, str]:
    """The settings with their defaults filled in. Raises InputError for an unknown key."""
    for key in given:
        if key not in known:
            raise InputError(f"--set: {name} has no setting {key!r}; it has {', '.join(known) or 'none'}.")
    return {key: given.get(key, setting.default) for key, setting in known.items()}
