"""From the options of ``deepzoom nucleus`` and ``deepzoom misiurewicz`` to the view to search, and back to commands."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from deepzoom import systems
from deepzoom.coordinates import Rational, format_decimal
from deepzoom.errors import InputError
from deepzoom.rendering import render as rendering
from deepzoom.scene.scene import Scene
from deepzoom.systems.escape_time import EscapeTimeSystem

from .scene import Request, settings_of


class Search:
    """A view in which a special point of an escape-time system is looked for.

    Raises InputError if the options do not name such a view. what: the name of the points, for messages.
    """

    scene: Scene
    system: EscapeTimeSystem

    def __init__(
        self, what: str, system: str | None, at: str | None, center: tuple[str, str] | None, depth: str | None,
        settings: Sequence[str] | None, steps: int | None,
    ) -> None:  # fmt: skip
        self._given = system
        given = settings_of(settings or ())
        self.scene = Request(system, at, center, depth, "256x256", steps, settings=given).to_scene()
        if not systems.is_escape_time(self.scene.system):
            raise InputError(
                f"SYSTEM: {self.scene.system} has no {what}; give an escape-time system such as mandelbrot."
            )
        planned = rendering.plan(self.scene)
        assert isinstance(planned.system, EscapeTimeSystem)
        self.system = planned.system

    def command(self, name: str, x: Rational, y: Rational, *options: str) -> str:
        """A command line that shows the point (x, y)."""
        words = ["deepzoom", name, self._given or self.scene.system]
        for key, value in self.scene.settings.items():
            words += ["--set", f"{key}={value}"]
        words += ["--center", format_decimal(x), format_decimal(y), *options]
        return shlex.join([*words, *(["--flip"] if self.scene.view.flip else [])])
