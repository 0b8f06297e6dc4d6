"""From what was asked for on the command line to a scene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

    @property
    def turn(self) -> float:
        """Degrees of ``rotate``."""
        return 0.0 if self.rotate is None else parse_rotation(self.rotate)

    def grows(self, scene: Scene) -> bool:
        """Whether the iteration limit of its scene is still to be found: asked for, or given by no number or place.

        Raises InputError where it is asked for and the system has none.
        """
        escapes = systems.is_escape_time(scene.system)
        if self.steps == AUTO and not escapes:
            raise InputError(f"--steps: auto is for escape-time systems; give {scene.system} a number of steps.")
        bare = self.steps is None and self.scene is None and self.center is not None
        return escapes and (self.steps == AUTO or bare)

    def unfolds(self, scene: Scene) -> bool:
        """Whether the shape of its scene is still to be found: asked for, or a view of training that has none given.

        A landmark's own view has the landmark's, that of a file the file's.
        """
        if self.stretch == AUTO or not finds_shapes(scene.system, self.stretch):
            return self.stretch == AUTO
        if self.center is not None or self.pixel is not None:
            return True
        depth = scene.view.depth
        if self.scene is not None and self.at is None:
            return depth != read_scene(self.scene, "--scene").view.depth
        place = self._landmark(depth, scene.digest)
        return not place.shape or depth != place.view(None, "1x1").depth

    def to_scene(self) -> Scene:
        """The scene asked for; one to be stretched by itself is not yet (``stretch.unfolded``).

        Raises InputError where the options do not make one.
        """
        if (self.pixel is None) != (self.zoom is None) or (self.pixel is not None and self.scene is None):
            raise InputError("--pixel: J I goes with --zoom K and --scene FILE, and the other way round.")
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
        """The scene; digest: of the file that the system given stands in."""
        base = self._from_landmark(digest) if self.scene is None else self._from_file(self.scene, digest)
        changes = {"steps": self._number(), "backend": self.backend, "bits": self.bits, "trust": self.trust}
        scene = replace(base, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]
        if scene.bits is not None and not 1 <= scene.bits <= MOST_BITS:
            raise InputError(f"--bits: {scene.bits} is not a number of bits such as 256, of at most {MOST_BITS:,}.")
        scene = self.colours.applied(scene)
        if self.distance:
            if not systems.is_escape_time(scene.system):
                raise InputError(f"--distance: {scene.system} is no escape-time system; leave it out.")
            scene = replace(scene, distance=True)
        if self.horizon:
            if scene.system not in systems.PUBLISHED:
                raise InputError(f"--horizon: {scene.system} is no training system; leave it out.")
            scene = replace(scene, horizon=True)
        if self.flip:
            scene = replace(scene, view=replace(scene.view, flip=not scene.view.flip))
        if self.samples is not None:
            scene = replace(scene, view=replace(scene.view, samples=parse_samples(self.samples)))
        return replace(scene, view=replace(scene.view, shape=self._shape(scene.view.shape)))

    def _shape(self, shape: Shape) -> Shape:
        """A view's shape with the options applied: ``stretch`` begins anew, ``rotate`` turns what there is."""
        turn = self.turn
        if self.stretch == AUTO:
            return IDENTITY
        if self.stretch is not None:
            shape = parse_stretch(self.stretch)
        return shape.turned(turn) if turn else shape

    def _number(self) -> int | None:
        """The steps that were given as a number. Raises InputError for what is neither that nor "auto"."""
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
                raise InputError(f"--zoom: {self.zoom} is not above zero, such as 10.")
            if not (0 <= j < view.width and 0 <= i < view.height):
                raise InputError(
                    f"--pixel: {j:g} {i:g} is not inside the {view.width}x{view.height} picture (column, row)."
                )
            view = view.zoomed(j, i, factor)
        if self.at is not None:
            place = landmarks.get(self.at)
            if place.system != (self.system or scene.system):
                raise InputError(
                    f"--at: {place.name} is a place in {place.system}, not in {self.system or scene.system}."
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
                raise InputError("--depth: a view at --center needs its height, such as --depth 1e-3.")
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
        """The landmark asked for, or chosen by system and depth. digest: of the file that the system stands in."""
        if self.at is not None:
            place = landmarks.get(self.at)
            if self.system is not None and self.system != place.system:
                raise InputError(f"--at: {place.name} is a place in {place.system}, not in {self.system}.")
            return place
        name = self.system or systems.DEFAULT
        if name not in systems.names():
            systems.create(name, digest=digest)
        return landmarks.choose(name, depth, self.settings)


def finds_shapes(system: str, stretch: str | None) -> bool:
    """Whether ``--stretch``, given or not, has views of a system find their shapes: by default those of training do."""
    return stretch == AUTO or (stretch is None and system in systems.PUBLISHED)


def _centre(center: tuple[str, str]) -> dict[str, Any]:
    for given in center:
        if given.startswith("--"):
            raise InputError(f"--center: needs two numbers X Y, but after {center[0]!r} comes the option {given}.")
    if any("," in c for c in center):
        raise InputError(f"--center: {' '.join(center)!r} has a comma; give two numbers with a space between, X Y.")
    return {name: parse_decimal(text, f"--center {name}") for name, text in zip("xy", center, strict=True)}


def depth_of(text: str, option: str) -> Rational:
    """A view's height. Raises InputError where the text is none."""
    depth = parse_decimal(text, option)
    if depth <= 0:
        raise InputError(f"{option}: {text} is not above zero; it is a view's height, such as 1e-20.")
    return depth


def with_formula(system: str | None, settings: Sequence[str], formula: str | None) -> tuple[str | None, Sequence[str]]:
    """System and settings (``KEY=VALUE``) with a formula of the user's, which is a system of its own."""
    if formula is None:
        return system, settings
    if system not in (None, "formula"):
        raise InputError(f"--formula: it is a system of its own; leave out {system}.")
    return "formula", [*settings, f"formula={formula}"]


def settings_of(pairs: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` texts as a mapping."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--set: {pair!r} is not KEY=VALUE.")
        found[key.strip()] = value.strip()
    return found
