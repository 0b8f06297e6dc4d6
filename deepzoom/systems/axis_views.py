"""Where the first view of a training lies, by the hyperparameters of its axes."""

from __future__ import annotations

LOG = "log10:"
_RATES = {"rmsprop": 0.5, "adam": 0.5, "adamw": 0.5, "lion": 0.0, "sign": 0.0}
"""log10 of a rate in the middle of the picture, for optimizers whose step does not grow with the gradient."""
_OTHER_RATES = 1.5
_LOG10 = {"eps": -2.0, "decay": -1.0, "offset": 1.5}
"""log10 of other hyperparameters; 0 if not listed."""
_LINEAR = {"momentum": 0.5, "beta1": 0.5, "beta2": 0.5, "init-scale": 1.0, "data-scale": 1.0}
"""Hyperparameters on linear axes; 0 if not listed."""
_LOG10_SPAN, _LINEAR_SPAN = 9.0, 2.0


def home(axes: tuple[str, str], optimizer: str) -> tuple[float, float, float]:
    """The centre and the height of the first view. axes: ``NAME`` or ``log10:NAME``."""
    rate = _RATES.get(optimizer, _OTHER_RATES)
    centre = []
    for axis in axes:
        name = axis.removeprefix(LOG)
        if axis.startswith(LOG):
            centre.append(rate if name.startswith("rate") else _LOG10.get(name, 0.0))
        else:
            centre.append(round(10.0**rate, 3) if name.startswith("rate") else _LINEAR.get(name, 0.0))
    return centre[0], centre[1], _LOG10_SPAN if all(a.startswith(LOG) for a in axes) else _LINEAR_SPAN
