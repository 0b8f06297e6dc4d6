"""From the options of ``deepzoom zoom`` to a film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from deepzoom import systems
from deepzoom.coordinates import format_decimal, parse_decimal
from deepzoom.errors import InputError
from deepzoom.film.keyframes import found, has_channel
from deepzoom.film.output import DEFAULT_FPS
from deepzoom.film.raw_octaves import count as octaves
from deepzoom.film.tour import Tour
from deepzoom.film.way_points import WayPoints, read
from deepzoom.film.zoom_path import Descent, Film
from deepzoom.rendering.stretch import ratios
from deepzoom.scene.colours import COURSE, FOUND_LATER, PHASES
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import parse_size

from .scene import Request, depth_of, finds_shapes

MOST_FRAMES, MOST_BYTES, MOST_RUNS = 100_000, 200 << 30, 10_000_000_000
"""A film above any of these needs ``--yes``."""
Prepared = Callable[[Request, Scene], Scene]


@dataclass(frozen=True)
class FilmRequest:
    """The options of ``deepzoom zoom`` that make a film; None for an option that was not given.

    raw: whether it is a sequence of raw data, a file for each octave.
    """

    scene: Request = field(default_factory=Request)
    begin: str | None = None
    end: str | None = None
    frames: int | None = None
    fps: str | None = None
    seconds: str | None = None
    quality: float = 1.0
    from_data: Path | None = None
    raw: bool = False
    path: Path | None = None

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return DEFAULT_FPS if self.fps is None else _positive(self.fps, "--fps", "30")

    def count(self) -> int:
        """The number of frames, or 0 for raw data. Raises InputError if it is not given, given twice, or below 2."""
        if self.raw:
            for option in ("frames", "fps", "seconds"):
                if getattr(self, option) is not None:
                    raise InputError(f"--{option}: raw data have a file for each octave; leave the option out.")
            return 0
        if self.path is not None:
            return self._along(self.path)
        if self.frames is not None:
            if self.seconds is not None:
                raise InputError("--frames: give either --frames or --seconds, not both.")
            number, given = self.frames, f"--frames: {self.frames} is too few"
        elif self.seconds is not None:
            number = round(_positive(self.seconds, "--seconds", "60") * self.rate)
            given = f"--seconds: {self.seconds} at {float(self.rate):g} frames per second makes {number} frames"
        else:
            raise InputError("--frames: give the number of frames, or the length with --seconds.")
        if number < 2:
            raise InputError(f"{given}; a film needs at least 2.")
        return number

    @cached_property
    def _way(self) -> WayPoints | None:
        """The way-points. Raises InputError if there are options that they replace."""
        if self.path is None:
            return None
        if self.raw:
            raise InputError("--path: raw data have a file for each octave, and no way-points; leave the option out.")
        for option, given in {"from": self.begin, "to": self.end, "seconds": self.seconds}.items():
            if given is not None:
                raise InputError(f"--{option}: way-points have depths and times; leave the option out with --path.")
        return read(self.path)

    def _along(self, path: Path) -> int:
        """The number of frames along way-points."""
        assert self._way is not None
        number = self.frames if self.frames is not None else round(self._way.seconds * float(self.rate))
        if number < 2:
            raise InputError(f"--path: {path} makes {number} frames; a film needs at least 2.")
        return number

    def _depths(self) -> tuple[str | None, str | None]:
        """The depths of the first and the last keyframe, as texts; None where not given."""
        if self._way is None:
            return self.begin, self.end
        return format_decimal(self._way.begin), format_decimal(self._way.end)

    def to_film(self, prepared: Prepared = lambda request, scene: scene) -> Film | Tour:
        """The film asked for. ``prepared`` finds the shape and the iteration limit of its deepest scenes.

        Raises InputError if the options do not make a film.
        """
        count = self.count()
        if self._way is not None and len(self._way.zooms) > 1:
            return self._tour(self._way, count, prepared)
        if self.from_data is not None:
            return self._from_data(self.from_data, count)
        first, last = self._depths()
        if first is None or last is None:
            raise InputError(f"--{'from' if first is None else 'to'}: a film needs two depths, --from D0 and --to D1.")
        begin, end = depth_of(first, "--from"), depth_of(last, "--to")
        if not end < begin:
            raise InputError(f"--to: {last} is not deeper than --from {first}; give a smaller depth.")
        scene = self._scene(self.scene, last, self._way, prepared)
        view = scene.view
        samples = max(1, round(self.quality))
        follows = finds_shapes(scene.system, self.scene.stretch)
        descent = Descent.of(scene, begin, self.quality, ratios if follows else None)
        count = count or octaves(descent.octaves)
        return Film(descent, begin, end, count, view.width, view.height, samples, self._shares(count))

    def _scene(self, request: Request, depth: str, way: WayPoints | None, prepared: Prepared) -> Scene:
        """The deepest scene of a zoom, at the centre of its way-points if they have one."""
        scene = self._filmed(replace(request, depth=depth).to_scene())
        center = None if way is None else way.points[0].center
        if center is None:
            return prepared(request, scene)
        x, y = center
        own = replace(request, at=None, scene=None, center=(format_decimal(x), format_decimal(y)))
        return prepared(own, replace(scene, view=replace(scene.view, x=x, y=y)))

    def _shares(self, count: int) -> tuple[float, ...]:
        return () if self._way is None else tuple(share for _, share in self._way.shots(count))

    def _tour(self, way: WayPoints, count: int, prepared: Prepared) -> Tour:
        """The film along way-points with several centres: unstretched, with one iteration limit."""
        if self.from_data is not None:
            raise InputError(
                "--from-data: this does not work with several centres; for other colours, give --resume and the --out"
                " of a film that was made with --keep-data."
            )
        turned = {"--stretch": self.scene.stretch not in (None, "off"), "--rotate": self.scene.rotate is not None}
        for option, given in turned.items():
            if given:
                raise InputError(f"{option}: a film with several centres has square views; leave the option out.")
        request = replace(self.scene, stretch="off")
        scenes = [self._scene(request, format_decimal(zoom.end), zoom, prepared) for zoom in way.zooms]
        steps = max(scene.steps for scene in scenes)
        zooms = [
            Descent.of(replace(scene, steps=steps), zoom.begin, self.quality)
            for scene, zoom in zip(scenes, way.zooms, strict=True)
        ]
        size = scenes[0].view.width, scenes[0].view.height
        depths = [zoom.points[0].depth for zoom in way.zooms[1:]]
        return Tour.of(zooms, depths, way.shots(count), size, max(1, round(self.quality)))

    def _from_data(self, folder: Path, count: int) -> Film:
        given = self.scene
        other = {
            "--at": given.at, "--center": given.center, "--steps": given.steps, "--backend": given.backend,
            "--bits": given.bits, "--stretch": given.stretch, "--rotate": given.rotate, "--scene": given.scene,
            "--trust": given.trust, "--set": given.settings or None, "--flip": given.flip or None,
            "--samples": given.samples,
        }  # fmt: skip
        for option, value in other.items():
            if value is not None:
                raise InputError(f"{option}: this cannot change the keyframes in {folder}; leave the option out.")
        if given.system is not None and systems.is_own(given.system):
            systems.load(given.system)
        elif given.system is not None:
            raise InputError(f"SYSTEM: the keyframes in {folder} name their system; leave it out.")
        descent = found(folder)
        descent = replace(descent, scene=self._filmed(given.colours.applied(descent.scene)))
        by = descent.scene.colouring.by
        shown = {**COURSE, **PHASES}
        if by in shown and not has_channel(folder, shown[by]):
            raise InputError(f"--colouring: the keyframes in {folder} do not hold {by}; make the film anew with it.")
        view = descent.scene.view
        first, last = self._depths()
        begin = descent.begin if first is None else depth_of(first, "--from")
        end = view.depth if last is None else depth_of(last, "--to")
        if not view.depth <= end < begin <= descent.begin:
            raise InputError(
                f"--to: the keyframes in {folder} go from {format_decimal(descent.begin)} to"
                f" {format_decimal(view.depth)}; give depths between these, --to the deeper one."
            )
        width, height = (view.width, view.height) if given.size is None else parse_size(given.size)
        if width * view.height > view.width * height:
            raise InputError(
                f"--size: {width}x{height} has a wider shape than the keyframes ({view.width}x{view.height}); give a"
                " narrower size."
            )
        if self.raw and (begin, end) != (descent.begin, view.depth):
            raise InputError("--from: raw data show all of the keyframes; leave --from and --to out.")
        count = count or octaves(descent.octaves)
        samples = max(1, round(view.height / height))
        return Film(descent, begin, end, count, width, height, samples, self._shares(count))

    def _filmed(self, scene: Scene) -> Scene:
        """The scene of a film, with what its colours show. Raises InputError for colours that films do not have."""
        if scene.colouring.by in ("horizon", *FOUND_LATER):
            raise InputError(f"--colouring: {scene.colouring.by} does not work for films; give rank or cyclic.")
        measured = self.raw and self.from_data is None and systems.is_escape_time(scene.system)
        return replace(scene, horizon=False, course=False, distance=scene.distance or measured)


def _positive(text: str, option: str, example: str) -> Fraction:
    value = parse_decimal(text, option)
    if not 0 < value < 10**9:
        raise InputError(f"{option}: {text} is not a number above zero, such as {example}.")
    return Fraction(int(value.numerator), int(value.denominator))
