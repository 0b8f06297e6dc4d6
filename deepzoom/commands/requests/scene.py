"""Turns the options of the command line into a scene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from deepzoom import landmarks, systems
from deepzoom.coordinates import Rational, parse_decimal
from deepzoom.errors import InputError
from deepzoom.landmarks import Landmark
from deepzoom.pictures.png import read_scene
from deepzoom.scene.sample_positions import parse_samples
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY, Shape, parse_rotation, parse_stretch
from deepzoom.scene.view import View, parse_size

from .colours import ColourOptions, usual

DEFAULT_SIZE = "256x256"
AUTO = "auto"
MOST_BITS = 10_000_000


@dataclass(frozen=True)
class Request:
    """The options of ``deepzoom render`` that decide a scene; None where one was not given. steps: also "auto"."""

    system: str | None = None
    at: str | None = None
    center: tuple[str, str] | None = None
    depth: str | None = None
    size: str | None = None
    steps: int | str | None = None
    backend: str | None = None
    bits: int | None = None
    colours: ColourOptions = field(default_factory=ColourOptions)
    settings: Mapping[str, str] = field(default_factory=dict)
    scene: Path | None = None
    pixel: tuple[float, float] | None = None
    zoom: str | None = None
    flip: bool = False
    distance: bool = False
    stretch: str | None = None
    rotate: str | None = None
    trust: str | None = None
    horizon: bool = False
    samples: str | None = None
    course: bool = False

    @property
    def turn(self) -> float:
        """Degrees of ``rotate``."""
        return 0.0 if self.rotate is None else parse_rotation(self.rotate)

    def grows(self, scene: Scene) -> bool:
        """Whether the iteration limit is still to be found: by ``--steps auto``, or as no number or place gives it.

        Raises InputError for ``--steps auto`` with a system that is not of escape time.
        """
        escapes = systems.is_escape_time(scene.system)
        if self.steps == AUTO and not escapes:
            raise InputError(
                f"--steps: auto works only for escape-time systems; give a number of steps for {scene.system}."
            )
        bare = self.steps is None and self.scene is None and self.center is not None
        return escapes and (self.steps == AUTO or bare)

    def unfolds(self, scene: Scene) -> bool:
        """Whether the shape is still to be found: by ``--stretch auto``, or for a view of training without a shape.

        A landmark's own view has the landmark's shape, and the view of a file has the file's.
        """
        if self.stretch == AUTO or not finds_shapes(scene.system, self.stretch):
            return self.stretch == AUTO
        if self.center is not None or self.pixel is not None:
            return True
        depth = scene.view.depth
        if self.scene is not None and self.at is None:
            return depth != read_scene(self.scene, "--scene").view.depth
        place = replace(self, system=scene.system)._landmark(depth, scene.digest)  # a file's name, without its folder
        return not place.shape or depth != place.view(None, "1x1").depth

    def to_scene(self) -> Scene:
        """The scene asked for, before any stretch is found for it (``stretch.unfolded`` does that later).

        Raises InputError where the options do not make one.
        """
        if (self.pixel is None) != (self.zoom is None) or (self.pixel is not None and self.scene is None):
            raise InputError("--pixel: give --pixel J I and --zoom K together, and with --scene FILE.")
        if self.center is not None:
            _centre(self.center)
        if self.system is not None and systems.is_own(self.system):
            own = systems.load(self.system)
            scene = replace(self, system=own.name)._made(own.digest)
        else:
            scene = self._made(None)
        if systems.is_own(scene.system):
            scene = replace(scene, digest=systems.loaded(scene.system, scene.digest).digest)
        return scene

    def _made(self, digest: str | None) -> Scene:
        """The scene; digest: of the file that holds the given system."""
        base = self._from_landmark(digest) if self.scene is None else self._from_file(self.scene, digest)
        changes = {"steps": self._number(), "backend": self.backend, "bits": self.bits, "trust": self.trust}
        scene = replace(base, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]
        if scene.bits is not None and not 1 <= scene.bits <= MOST_BITS:
            raise InputError(f"--bits: {scene.bits} is not a number of bits from 1 to {MOST_BITS:,}, such as 256.")
        scene = self.colours.applied(scene)
        if self.distance:
            if not systems.is_escape_time(scene.system):
                raise InputError(f"--distance: {scene.system} is not an escape-time system; leave the option out.")
            scene = replace(scene, distance=True)
        for option, wanted in (("horizon", self.horizon), ("course", self.course)):
            if wanted:
                if not systems.is_training(scene.system):
                    raise InputError(f"--{option}: {scene.system} is not a training system; leave the option out.")
                scene = replace(scene, **{option: True})  # type: ignore[arg-type]
        if self.flip:
            scene = replace(scene, view=replace(scene.view, flip=not scene.view.flip))
        if self.samples is not None:
            scene = replace(scene, view=replace(scene.view, samples=parse_samples(self.samples)))
        return replace(scene, view=replace(scene.view, shape=self._shape(scene.view.shape)))

    def _shape(self, shape: Shape) -> Shape:
        """A view's shape with the options applied: ``stretch`` replaces it, ``rotate`` turns it."""
        turn = self.turn
        if self.stretch == AUTO:
            return IDENTITY
        if self.stretch is not None:
            shape = parse_stretch(self.stretch)
        return shape.turned(turn) if turn else shape

    def _number(self) -> int | None:
        """The steps, if given as a number. Raises InputError for what is neither a number nor "auto"."""
        if self.steps is None or self.steps == AUTO:
            return None
        text = str(self.steps)
        if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 4000:
            raise InputError(f"--steps: {text[:40]!r} is neither a whole number such as 20000 nor auto.")
        return int(text)

    def _from_file(self, path: Path, digest: str | None) -> Scene:
        scene = read_scene(path, "--scene")
        view = scene.view
        if self.pixel is not None and self.zoom is not None:
            j, i = self.pixel
            factor = parse_decimal(self.zoom, "--zoom")
            if factor <= 0:
                raise InputError(f"--zoom: {self.zoom} is not a number above zero, such as 10.")
            if not (0 <= j < view.width and 0 <= i < view.height):
                raise InputError(
                    f"--pixel: {j:g} {i:g} is outside the {view.width}x{view.height} picture; give a column below"
                    f" {view.width} and a row below {view.height}."
                )
            view = view.zoomed(j, i, factor)
        if self.at is not None:
            place = landmarks.get(self.at)
            if place.system != (self.system or scene.system):
                raise InputError(
                    f"--at: {place.name} is a landmark of {place.system}, not of {self.system or scene.system}."
                )
            scene = replace(scene, steps=place.steps, settings=dict(place.settings))
            view = replace(place.view(self.depth, (view.width, view.height)), samples=view.samples)
        if self.center is not None:
            view = replace(view, **_centre(self.center))
        if self.depth is not None:
            view = replace(view, depth=View.parse("0", "0", self.depth, "1x1").depth)
        if self.size is not None:
            width, height = parse_size(self.size)
            view = replace(view, width=width, height=height)
        settings = {**scene.settings, **self.settings}
        if self.system not in (None, scene.system):
            scene = replace(scene, system=self.system, digest=digest)
        return replace(scene, view=view, settings=settings)

    def _from_landmark(self, digest: str | None) -> Scene:
        size = self.size or DEFAULT_SIZE
        if self.at is not None and self.center is not None:
            raise InputError("--center: give either --at or --center, not both.")
        if self.center is not None:
            if self.depth is None:
                raise InputError("--depth: a view with --center needs a depth too, such as --depth 1e-3.")
            view = View.parse(*self.center, self.depth, size)
            name = self.system or systems.DEFAULT
            number = self._number()
            steps = number if number is not None else systems.create(name, self.settings).default_steps
            return Scene(name, view, steps, dict(self.settings), colouring=usual(name), digest=digest)
        depth = None if self.depth is None else View.parse("0", "0", self.depth, "1x1").depth
        place = self._landmark(depth, digest)
        view = place.view(self.depth, size)
        settings = {**place.settings, **self.settings}
        return Scene(place.system, view, self._number() or place.steps, settings, colouring=usual(place.system))

    def _landmark(self, depth: Rational | None, digest: str | None) -> Landmark:
        """The landmark asked for, or chosen by system and depth. digest: of the file that holds the system."""
        if self.at is not None:
            place = landmarks.get(self.at)
            if self.system is not None and self.system != place.system:
                raise InputError(f"--at: {place.name} is a landmark of {place.system}, not of {self.system}.")
            return place
        name = self.system or systems.DEFAULT
        own = systems.create(name, self.settings, digest=digest)
        if own.home is not None and not landmarks.with_settings(name, self.settings):
            return Landmark(name, name, *own.home, reaches="0", steps=own.default_steps, note=own.title)
        return landmarks.choose(name, depth, self.settings, exactly=own.home is not None)


def finds_shapes(system: str, stretch: str | None) -> bool:
    """Whether the shape of a system's views is to be found, by ``--stretch auto`` or, in training, by default."""
    return stretch == AUTO or (stretch is None and systems.is_training(system))


def _centre(center: tuple[str, str]) -> dict[str, Any]:
    check_centre(center)
    return {name: parse_decimal(text, f"--center {name}") for name, text in zip("xy", center, strict=True)}


def check_centre(center: Sequence[str]) -> None:
    """Raise InputError if the words after ``--center`` have a comma, or are less than two numbers before an option."""
    numbers = list(takewhile(lambda word: not word.startswith("--"), center))
    if any("," in number for number in numbers):
        raise InputError(
            f"--center: {' '.join(numbers)!r} has a comma; give two numbers with a space between them, X Y."
        )
    if len(numbers) < len(center):
        raise InputError(
            f"--center: this needs two numbers X Y, but {' '.join(numbers)!r} is followed by {center[len(numbers)]}."
        )


def depth_of(text: str, option: str) -> Rational:
    """A view's height, from its text. Raises InputError where that is not a number above zero."""
    depth = parse_decimal(text, option)
    if depth <= 0:
        raise InputError(f"{option}: {text} is not above zero; give a view's height, such as 1e-20.")
    return depth


def with_formula(system: str | None, settings: Sequence[str], formula: str | None) -> tuple[str | None, Sequence[str]]:
    """System and settings (``KEY=VALUE``), with the user's formula if there is one: it is a system of its own."""
    if formula is None:
        return system, settings
    if system not in (None, "formula"):
        raise InputError(f"--formula: a formula is a system of its own; leave out {system}.")
    return "formula", [*settings, f"formula={formula}"]


def settings_of(pairs: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--set: {pair!r} is not KEY=VALUE, such as activation=relu.")
        found[key.strip()] = value.strip()
    return found
