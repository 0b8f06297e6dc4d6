"""What the arrays of a field are, in the words of the CF conventions (cfconventions.org): the only table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepzoom.rendering.field import Field
from deepzoom.systems.lyapunov import NAME as LYAPUNOV


@dataclass(frozen=True)
class Channel:
    """One array. flags: names of its values from -1 on, if it only has those. comment: what else a reader must know."""

    long_name: str
    units: str = "1"
    comment: str = ""
    flags: Sequence[str] = ()

    def attributes(self, kind: np.dtype[Any]) -> dict[str, Any]:
        """Attributes of a variable with this dtype."""
        found: dict[str, Any] = {"long_name": self.long_name}
        if self.flags:
            found["flag_values"] = np.arange(-1, len(self.flags) - 1).astype(kind)
            found["flag_meanings"] = " ".join(self.flags)
        elif kind != np.bool_:
            found["units"] = self.units
        return found | ({"comment": self.comment} if self.comment else {})


CHANNELS = {
    "measure": Channel(
        "signed convergence measure",
        comment="-sum(v) of a converged run, +sum(1/v) of any other, with v the loss over the first loss",
    ),
    "fate": Channel("fate of the run", flags=("converged", "undecided", "diverged")),
    "trust": Channel("whether more precision leaves the result as it is", flags=("unsettled", "unchecked", "settled")),
    "done": Channel("whether the pixel was computed", comment="if not, all other values of this pixel mean nothing"),
    "iterations": Channel("number of iterations until the orbit ended", comment="0: the limit was reached"),
    "attractor": Channel("number of the attractor that was reached, from 1 on", comment="0: none"),
    "distance": Channel("estimated distance from the border of the set", "pixel", "-1: there is none"),
    "direction": Channel(
        "direction away from the border of the set, counter-clockwise from x", "turn", "-1: there is none"
    ),
    "phase": Channel("angle of the last iterate", "turn", "-1: there is none"),
    "rung": Channel("number of retries in higher precision"),
    "horizon": Channel(
        "step at which float64 lost the pixel",
        comment="the number of steps: float64 never lost it; -1: not known",
    ),
    "lyapunov": Channel(
        "finite-time Lyapunov exponent", "1", "natural logarithm of the growth per step; NaN: not known"
    ),
    "loss": Channel("last finite loss", comment="NaN: not known; inf: no loss was finite"),
    "best_step": Channel("step with the lowest loss", comment="-1: not known; the number of steps: no loss was finite"),
    "output": Channel("output of the trained network for the probe input", comment="NaN: not known"),
    "stripe": Channel("average of stripes along the orbit", comment="NaN: not known"),
    "triangle": Channel("average of the triangle inequality along the orbit", comment="NaN: not known"),
    "trap_point": Channel("least distance of an iterate from the origin", comment="NaN: not known"),
    "trap_line": Channel("least distance of an iterate from the imaginary axis", comment="NaN: not known"),
    "trap_circle": Channel("least distance of an iterate from the unit circle", comment="NaN: not known"),
    "period": Channel("period of the attracting cycle", comment="0: none is proven; -1: not known"),
}
_OF_MAPS = {
    "measure": Channel("smooth iteration count", comment="-1: there is none"),
    "fate": Channel("fate of the orbit", flags=("converged", "undecided", "diverged_or_escaped")),
}
_OF_LYAPUNOV = {
    "measure": Channel("Lyapunov exponent", comment="the largest float64: the orbit left; minus it: minus infinity"),
    "fate": Channel("order or chaos", flags=("order", "undecided", "chaos")),
}


def of(field: Field) -> dict[str, Channel]:
    """The channels that a field has, in order."""
    own: dict[str, Channel] = _OF_LYAPUNOV if field.scene.system == LYAPUNOV else {}
    if field.iterations is not None:
        own = _OF_MAPS
    return {name: own.get(name) or CHANNELS[name] for name in field.channels}
