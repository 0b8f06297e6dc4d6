"""How a scene's values become colours: a plain value, part of the scene, and its TOML table."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepzoom.errors import InputError

COURSE = {"lyapunov": "lyapunov", "loss": "loss", "best-step": "best_step", "output": "output"}
"""Colourings by the course of training runs, and the channel of a field that each shows."""
PHASES = {"phase": "phase", "binary": "phase"}
"""Colourings by the angle of the last iterate, which comes with the distance, and the channel that each shows."""
WITH_DISTANCE = ("distance", *PHASES)
"""Colourings for which the distance and what comes with it are computed along with each pixel."""
ORBITS = {
    "stripe": "stripe", "triangle": "triangle", "trap-point": "trap_point", "trap-line": "trap_line",
    "trap-circle": "trap_circle",
}  # fmt: skip
"""Colourings by values of whole orbits that escape, and the channel of a field that each shows."""
OF_ORBITS = {**PHASES, **ORBITS}
PERIOD = "period"
"""The colouring by the period of the attracting cycle, of orbits that never end; also the channel that it shows."""
FOUND_LATER = (*ORBITS, PERIOD)
"""Colourings of maps by what pixels show when they run a second time."""
OF_TRAINING = ("horizon", *COURSE)
"""Colourings that only training systems have."""
COLOURINGS = ("rank", "cyclic", "histogram", "distance", "attractor", PERIOD, *OF_ORBITS, *OF_TRAINING)
DEFAULT_PALETTE = "Spectral"
_HEX = re.compile("#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Colouring:
    """How values become colours; see docs/colouring.md. Raises InputError for a value that is not allowed.

    by: one of ``COLOURINGS``. cycle: the period of ``cyclic``, in units of the values, above 0. slope: the direction
    that light comes from, in degrees counter-clockwise from the right; None for no shading. interior: the colour
    ``#rrggbb`` of points that never escape. colours: the colours ``#rrggbb`` of a palette file; empty for a palette of
    matplotlib. mark_unsettled: whether unsettled pixels get a colour of their own.
    """

    by: str = "rank"
    cycle: float = 16.0
    slope: float | None = None
    interior: str = "#000000"
    colours: tuple[str, ...] = ()
    mark_unsettled: bool = False

    def __post_init__(self) -> None:
        if self.by not in COLOURINGS:
            raise InputError(f"--colouring: {self.by!r} is not one of {', '.join(COLOURINGS)}.")
        if not 0 < self.cycle < math.inf:
            raise InputError(f"--cycle: {self.cycle:g} is not a number above zero, such as 16.")
        if self.slope is not None and not math.isfinite(self.slope):
            raise InputError(f"--slope: {self.slope:g} is not an angle in degrees, such as 45.")
        for option, colour in [("interior", self.interior), *(("palette", c) for c in self.colours)]:
            if not isinstance(colour, str) or not _HEX.fullmatch(colour):
                raise InputError(f"--{option}: {colour!r} is not a colour such as '#0040ff'.")

    def to_table(self) -> dict[str, Any]:
        """Everything that differs from the defaults, and the cycle if by is cyclic, as a TOML table."""
        table: dict[str, Any] = {}
        if self.colours:
            table["colours"] = list(self.colours)
        if self.by != "rank":
            table["colouring"] = self.by
        if self.by == "cyclic" or self.cycle != Colouring.cycle:
            table["cycle"] = self.cycle
        if self.slope is not None:
            table["slope"] = self.slope
        if self.interior != Colouring.interior:
            table["interior"] = self.interior
        if self.mark_unsettled:
            table["mark-unsettled"] = True
        return table

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Colouring:
        """Read a table of ``to_table`` back. Raises InputError for a value that is not allowed."""
        slope = table.get("slope")
        return cls(
            by=table.get("colouring", cls.by),
            cycle=_float(table.get("cycle", cls.cycle)),
            slope=None if slope is None else _float(slope),
            interior=table.get("interior", cls.interior),
            colours=tuple(table.get("colours", ())),
            mark_unsettled=table.get("mark-unsettled", False),
        )


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # TOML's integers can have any length
        return math.inf
