"""A scene: everything that a picture is made from. It is a plain value that every picture and data file contains."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import tomli_w

from deepzoom.coordinates import format_decimal
from deepzoom.errors import InputError

from . import sample_positions
from .colours import DEFAULT_PALETTE, Colouring
from .shape import IDENTITY, Shape
from .view import View

TRUST = ("off", "sample", "settle")


@dataclass(frozen=True)
class Scene:
    """Everything that a picture is made from: system, settings, view, run and colours.

    settings: the system's settings that differ from its defaults, by name. bits: of the reference; None to choose.
    palette: name of a matplotlib colour map, or of the file that ``colouring.colours`` came from. digest: hash of the
    file that defines the system (FILE.py:NAME, the file without its folder), else None. distance: whether the field
    gets distances to the set's border. horizon: whether the field of a training system gets the step at which float64
    loses each pixel; course: the last loss, best step, output and Lyapunov exponent of each
    run. trust: how many pixels are checked, one of ``TRUST``.

    Raises InputError for any other ``trust``.
    """

    system: str
    view: View
    steps: int
    settings: Mapping[str, str] = field(default_factory=dict)
    backend: str = "auto"
    bits: int | None = None
    palette: str = DEFAULT_PALETTE
    colouring: Colouring = field(default_factory=Colouring)
    digest: str | None = None
    distance: bool = False
    trust: str = "sample"
    horizon: bool = False
    course: bool = False

    def __post_init__(self) -> None:
        if self.trust not in TRUST:
            raise InputError(f"--trust: {self.trust!r} is not one of {', '.join(TRUST)}.")

    def to_toml(self) -> str:
        """The scene as TOML text; ``Scene.from_toml`` reads it back to an equal scene."""
        run: dict[str, Any] = {"steps": self.steps, "backend": self.backend}
        if self.bits is not None:
            run["bits"] = self.bits
        if self.distance:
            run["distance"] = True
        if self.horizon:
            run["horizon"] = True
        if self.course:
            run["course"] = True
        if self.trust != Scene.trust:
            run["trust"] = self.trust
        if self.view.samples > 1:
            run["samples"] = self.view.samples
        return tomli_w.dumps(
            {
                "deepzoom": {"format": FORMAT},
                "system": {
                    "name": self.system,
                    **({} if self.digest is None else {"digest": self.digest}),
                    "settings": dict(self.settings),
                },
                "view": {
                    "x": format_decimal(self.view.x),
                    "y": format_decimal(self.view.y),
                    "depth": format_decimal(self.view.depth),
                    "size": f"{self.view.width}x{self.view.height}",
                    **({"flip": True} if self.view.flip else {}),
                    **({} if self.view.shape == IDENTITY else {"shape": self.view.shape.texts()}),
                },
                "run": run,
                "colour": {"palette": self.palette, **self.colouring.to_table()},
            }
        )

    @classmethod
    def from_toml(cls, text: str, source: str = "scene") -> Scene:
        """Read a scene back from TOML text; ``source`` is its name in errors.

        Raises InputError for a text that is broken, incomplete or has unknown keys.
        """
        try:
            tables = tomllib.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError also for an integer of thousands of digits
            raise InputError(f"{source} is not valid TOML: {error}.") from None
        found = _flattened(tables, source)
        unknown = sorted(set(found) - set(_KEYS) - {k for k in found if k.startswith("system.settings.")})
        if unknown:
            raise InputError(f"{source} has an unknown key {unknown[0]!r}; known keys are {', '.join(_KEYS)}.")
        for key, (kind, required) in _KEYS.items():
            kinds = (int, float) if kind is float else kind
            if key in found and (not isinstance(found[key], kinds) or isinstance(found[key], bool) != (kind is bool)):
                raise InputError(f"{source}: {key} = {found[key]!r} should be of type {kind.__name__}.")
            if required and key not in found:
                raise InputError(f"{source} lacks the key {key!r}.")
        if found["deepzoom.format"] != FORMAT:
            raise InputError(f"{source} has format {found['deepzoom.format']}; this version reads format {FORMAT}.")
        prefix = "system.settings."
        try:
            view = View.parse(found["view.x"], found["view.y"], found["view.depth"], found["view.size"])
            shape = Shape.parse(found["view.shape"]) if "view.shape" in found else IDENTITY
            colours = {k.removeprefix("colour."): v for k, v in found.items() if k.startswith("colour.")}
            colouring = Colouring.from_table(colours)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        samples = found.get("run.samples", 1)
        if not 1 <= samples <= sample_positions.MOST_SAMPLES:
            raise InputError(
                f"{source}: samples = {samples} is not a number from 1 to {sample_positions.MOST_SAMPLES}."
            )
        view = replace(view, flip=found.get("view.flip", False), shape=shape, samples=samples)
        trust = found.get("run.trust", Scene.trust)
        if trust not in TRUST:
            raise InputError(f"{source}: trust = {trust!r} is not one of {', '.join(TRUST)}.")
        return cls(
            system=found["system.name"],
            view=view,
            steps=found["run.steps"],
            settings={k[len(prefix) :]: str(v) for k, v in found.items() if k.startswith(prefix)},
            backend=found.get("run.backend", "auto"),
            bits=found.get("run.bits"),
            palette=found.get("colour.palette", DEFAULT_PALETTE),
            colouring=colouring,
            digest=found.get("system.digest"),
            distance=found.get("run.distance", False),
            trust=trust,
            horizon=found.get("run.horizon", False),
            course=found.get("run.course", False),
        )


FORMAT = 1
_KEYS: dict[str, tuple[type, bool]] = {
    "deepzoom.format": (int, True),
    "system.name": (str, True),
    "system.digest": (str, False),
    "view.x": (str, True),
    "view.y": (str, True),
    "view.depth": (str, True),
    "view.size": (str, True),
    "view.flip": (bool, False),
    "view.shape": (list, False),
    "run.steps": (int, True),
    "run.backend": (str, False),
    "run.bits": (int, False),
    "run.distance": (bool, False),
    "run.horizon": (bool, False),
    "run.course": (bool, False),
    "run.trust": (str, False),
    "run.samples": (int, False),
    "colour.palette": (str, False),
    "colour.colours": (list, False),
    "colour.colouring": (str, False),
    "colour.cycle": (float, False),
    "colour.slope": (float, False),
    "colour.interior": (str, False),
    "colour.mark-unsettled": (bool, False),
}


def _flattened(tables: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The keys of both levels, joined by a dot; settings are one level deeper."""
    found: dict[str, Any] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InputError(f"{source} has an unknown key {name!r}.")
        for key, value in table.items():
            if (name, key) == ("system", "settings") and isinstance(value, dict):
                found.update({f"system.settings.{k}": v for k, v in value.items()})
            else:
                found[f"{name}.{key}"] = value
    return found
