"""Landmarks: places worth seeing. One TOML file per system lists the curated ones; the user's own are in another."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import platformdirs
import tomli_w

from deepzoom.coordinates import Rational, parse_decimal
from deepzoom.errors import InputError, similar
from deepzoom.files import whole_file
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View
from deepzoom.systems import is_training


@dataclass(frozen=True)
class Landmark:
    """A place worth seeing. x, y, depth: decimal texts. reaches: the smallest depth at which it shows structure.

    shape: of the view at the landmark's own depth, four decimal texts; empty if the view is not stretched, or if its
    stretch is still to be found.
    """

    name: str
    system: str
    x: str
    y: str
    depth: str
    reaches: str
    steps: int
    note: str
    default: bool = False
    flip: bool = False
    shape: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def view(self, depth: str | None, size: str | tuple[int, int]) -> View:
        """The view here at a depth (decimal text; None for the landmark's own). Raises InputError for a wrong depth."""
        view = replace(View.parse(self.x, self.y, depth or self.depth, size), flip=self.flip)
        if self.shape and view.depth == parse_decimal(self.depth, "depth"):
            view = replace(view, shape=Shape.parse(self.shape))
        return view

    def serves(self, depth: Rational) -> bool:
        """Whether a view of this depth shows structure here."""
        return bool(depth >= parse_decimal(self.reaches, "reaches"))


@lru_cache(maxsize=1)
def all_landmarks() -> tuple[Landmark, ...]:
    """All curated landmarks, system by system, in the order of their files."""
    found = []
    for path in sorted(files(__package__).iterdir(), key=lambda p: p.name):
        if path.name.endswith(".toml"):
            found += [Landmark(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["landmark"]]
    return tuple(found)


def folder() -> Path:
    """The folder of the user's own landmarks: ``$DEEPZOOM_DATA``, else the platform's folder for user data."""
    chosen = os.environ.get("DEEPZOOM_DATA")
    return Path(chosen) if chosen else platformdirs.user_data_path("deepzoom", appauthor=False)


def own_file() -> Path:
    """The file of the user's own landmarks, in the same format as the curated ones."""
    return folder() / "landmarks.toml"


def own_landmarks() -> tuple[Landmark, ...]:
    """The user's own landmarks. Raises InputError if their file is broken."""
    try:
        text = own_file().read_text(encoding="utf-8")
        return tuple(Landmark(**entry) for entry in tomllib.loads(text)["landmark"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"--at: {own_file()} is not a file of landmarks ({error}); repair it or move it away."
        ) from None


def keep(landmark: Landmark) -> None:
    """Save a landmark in the user's own file, where it replaces one of the same name.

    Raises InputError if that file is broken, and OSError if it cannot be written.
    """
    all_own = [asdict(m) for m in (*(m for m in own_landmarks() if m.name != landmark.name), landmark)]
    folder().mkdir(parents=True, exist_ok=True)
    with whole_file(own_file()) as file:
        file.write(tomli_w.dumps({"landmark": all_own}).encode())


def get(name: str) -> Landmark:
    """The landmark of that name. Raises InputError if there is none."""
    known = (*all_landmarks(), *own_landmarks())
    for landmark in known:
        if landmark.name == name:
            return landmark
    near = similar(name, (landmark.name for landmark in known))
    raise InputError(f"--at: there is no landmark {name!r}{near}; 'deepzoom landmarks' lists all.")


def fitting(system: str, settings: Mapping[str, str]) -> list[Landmark]:
    """The curated landmarks of a system that show its map with these settings.

    Settings of an escape-time map that are not given are taken from the landmark; training needs them given.
    """

    def fits(place: Landmark) -> bool:
        own = is_training(system)
        return all(settings.get(k, None if own else v) == v for k, v in place.settings.items())

    return [m for m in all_landmarks() if m.system == system and fits(m)]


def with_settings(system: str, settings: Mapping[str, str]) -> list[Landmark]:
    """The curated landmarks of a system with exactly these settings."""
    return [m for m in all_landmarks() if m.system == system and m.settings == settings]


def choose(
    system: str, depth: Rational | None, settings: Mapping[str, str] | None = None, exactly: bool = False
) -> Landmark:
    """The system's default landmark if it reaches the depth, else the shallowest that does.

    Landmarks with other settings than those given are left out, because their map is a different one. exactly: also
    those without one of the settings given. Raises InputError if no landmark reaches the depth.
    """
    given = settings or {}
    own = with_settings(system, given) if exactly else fitting(system, given)
    if not own:
        raise InputError(f"--center: {system} has no landmark; give --center X Y and --depth.")
    default = next((m for m in own if m.default), own[0])
    if depth is None or default.serves(depth):
        return default
    reaching = [m for m in own if m.serves(depth)]
    if not reaching:
        deepest = min(own, key=lambda m: parse_decimal(m.reaches, "reaches"))
        raise InputError(
            f"--depth: no landmark of {system} reaches that deep; the deepest, {deepest.name}, reaches"
            f" {deepest.reaches}; give --center X Y with enough digits."
        )
    return max(reaching, key=lambda m: parse_decimal(m.reaches, "reaches"))
