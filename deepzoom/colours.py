"""What decides how a scene's values become colours: a plain value, part of the scene, and its TOML table."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InputError

COLOURINGS = ("rank", "cyclic", "histogram", "distance")
_HEX = re.compile("#[0-9a-f]{6}")


@dataclass(frozen=True)
class Colouring:
    """How values become colours; see docs/colouring.md.

    by: one of ``COLOURINGS``. cycle: what values go through when ``cyclic`` repeats, in their own unit, above 0. slope:
    degrees, counter-clockwise from the right, that light comes from, None without shading. interior: ``#rrggbb`` of
    points that never escaped. colours: ``#rrggbb`` of a palette file; none where the palette is matplotlib's.
    """

    by: str = "rank"
    cycle: float = 16.0
    slope: float | None = None
    interior: str = "#000000"
    colours: tuple[str, ...] = ()

    def to_table(self) -> dict[str, Any]:
        """What differs from the defaults, as a TOML table."""
        table: dict[str, Any] = {}
        if self.colours:
            table["colours"] = list(self.colours)
        if self.by != "rank":
            table["colouring"] = self.by
        if self.by == "cyclic":
            table["cycle"] = self.cycle
        if self.slope is not None:
            table["slope"] = self.slope
        if self.interior != "#000000":
            table["interior"] = self.interior
        return table

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Colouring:
        """Read ``to_table`` back. Raises InputError where a value is not right."""
        found = cls(
            by=table.get("colouring", "rank"),
            cycle=float(table.get("cycle", cls.cycle)),
            slope=None if table.get("slope") is None else float(table["slope"]),
            interior=table.get("interior", cls.interior),
            colours=tuple(table.get("colours", ())),
        )
        if found.by not in COLOURINGS:
            raise InputError(f"--colouring: {found.by!r} is none of {', '.join(COLOURINGS)}.")
        if not 0 < found.cycle < math.inf:
            raise InputError(f"--cycle: {found.cycle:g} is not above zero.")
        if found.slope is not None and not math.isfinite(found.slope):
            raise InputError(f"--slope: {found.slope:g} is no angle in degrees.")
        for colour in (found.interior, *found.colours):
            if not isinstance(colour, str) or not _HEX.fullmatch(colour):
                raise InputError(f"{colour!r} is no colour such as '#0040ff'.")
        return found
