"""Turns the colour options of the command line into a scene's colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

from deepzoom import systems
from deepzoom.colouring import palette_files, palettes
from deepzoom.errors import InputError
from deepzoom.scene.colours import COLOURINGS, OF_ORBITS, OF_TRAINING, PERIOD, Colouring
from deepzoom.scene.scene import Scene
from deepzoom.systems.lyapunov import NAME as LYAPUNOV


def usual(system: str) -> Colouring:
    """The colours of a new scene.

    A scene file that names no colouring is coloured by rank, whatever its system.
    """
    return Colouring("attractor" if system == "newton" or systems.is_labelled(system) else Colouring.by)


@dataclass(frozen=True)
class ColourOptions:
    """The colour options as given; None for an option that was not."""

    palette: str | None = None
    colouring: str | None = None
    cycle: str | None = None
    slope: str | None = None
    interior: str | None = None
    mark_unsettled: bool | None = None

    def applied(self, scene: Scene, counts: bool | None = None) -> Scene:
        """The scene in these colours; it keeps its own where an option was not given.

        counts: whether its pixels have iteration counts; None for what its system's name says. Raises InputError where
        the scene's system cannot be coloured like that.
        """
        palette, how, file = scene.palette, scene.colouring, None
        if self.palette is not None:
            file = palette_files.chosen(self.palette)
            palette = self.palette if file is None else file.name
            how = replace(how, colours=() if file is None else file.colours)
        if not how.colours:
            palettes.check(palette)
        if self.colouring is not None:
            cycle = how.cycle if self.colouring == "cyclic" else Colouring.cycle
            how = replace(how, by=self.colouring, cycle=cycle)
        if file is not None and file.cycle is not None and how.by == "cyclic":
            how = replace(how, cycle=file.cycle)
        if self.cycle is not None:
            if how.by != "cyclic":
                raise InputError("--cycle: this needs --colouring cyclic.")
            how = replace(how, cycle=_number(self.cycle, "--cycle", "a number above zero, such as 16"))
        if self.slope is not None:
            given = None if self.slope == "none" else _number(self.slope, "--slope", "an angle in degrees, or none")
            how = replace(how, slope=given)
        if self.interior is not None:
            how = replace(how, interior=_colour(self.interior))
        if self.mark_unsettled is not None:
            how = replace(how, mark_unsettled=self.mark_unsettled)
        if counts is None or not systems.is_own(scene.system):  # of a user's file that was not run, the data says it
            _check_attractors(scene, how)
        _check_counts(scene.system, systems.is_escape_time(scene.system) if counts is None else counts, how)
        return replace(scene, palette=palette, colouring=how)


def _number(text: str, option: str, wanted: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{option}: {text!r} is not {wanted}.") from None


def _colour(text: str) -> str:
    from matplotlib.colors import to_hex, to_rgba

    try:
        *_, opaque = to_rgba(text)
    except ValueError:
        opaque = 0.0
    if opaque < 1:
        raise InputError(f"--interior: {text!r} is not a colour; give a name such as navy, or #rrggbb.")
    return to_hex(text)


def _check_attractors(scene: Scene, how: Colouring) -> None:
    """Raise InputError where colours need attractors that a system does not have."""
    if how.by == "attractor" and systems.create(scene.system, scene.settings, scene.steps, scene.digest).ends.stop < 2:
        raise InputError(
            "--colouring: attractor works only for newton, nova, the magnets and trainings with a label, whose runs end"
            f" at attractors; give rank or cyclic for {scene.system}."
        )


def _check_counts(system: str, counts: bool, how: Colouring) -> None:
    """Raise InputError where colours need iteration counts or training runs that a system does not have."""
    if how.by in OF_TRAINING and (counts or system == LYAPUNOV):
        raise InputError(
            f"--colouring: {how.by} works only for training systems; for {system} give one of"
            f" {', '.join(c for c in COLOURINGS if c not in ('attractor', PERIOD, *OF_ORBITS, *OF_TRAINING))}."
        )
    if counts:
        return
    if how.by in ("histogram", "distance", PERIOD, *OF_ORBITS):
        raise InputError(
            f"--colouring: {how.by} needs iteration counts, which {system} does not have; give rank or cyclic."
        )
    if how.interior != Colouring.interior:
        raise InputError(f"--interior: {system} has no points that never escape; leave the option out, or give black.")
