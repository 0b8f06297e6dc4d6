"""Curated places: one TOML file per system, each with one ``[[landmark]]`` table per place; and the user's own."""

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
from deepzoom.errors import InputError
from deepzoom.files import whole_file
from deepzoom.scene.shape import Shape
from deepzoom.scene.view import View


@dataclass(frozen=True)
class Landmark:
    """A place worth seeing. x, y, depth: decimal texts; reaches: the smallest depth to which it shows structure.

    shape: of its view at its own depth, four decimal texts; none where it has none.
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
        """The view of a depth (decimal text; None for its own) here. Raises InputError where it makes none."""
        view = replace(View.parse(self.x, self.y, depth or self.depth, size), flip=self.flip)
        if self.shape and view.depth == parse_decimal(self.depth, "depth"):
            view = replace(view, shape=Shape.parse(self.shape))
        return view

    def serves(self, depth: Rational) -> bool:
        """Whether a view of this depth shows structure here."""
        return bool(depth >= parse_decimal(self.reaches, "reaches"))


@lru_cache(maxsize=1)
def all_landmarks() -> tuple[Landmark, ...]:
    """All curated landmarks, by system in the order of their files."""
    found = []
    for path in sorted(files(__package__).iterdir(), key=lambda p: p.name):
        if path.name.endswith(".toml"):
            found += [Landmark(**entry) for entry in tomllib.loads(path.read_text(encoding="utf-8"))["landmark"]]
    return tuple(found)


def folder() -> Path:
    """The folder of the user's own places: ``$DEEPZOOM_DATA``, else the platform's place for data."""
    chosen = os.environ.get("DEEPZOOM_DATA")
    return Path(chosen) if chosen else platformdirs.user_data_path("deepzoom", appauthor=False)


def own_file() -> Path:
    """The file of the user's own landmarks, of the curated ones' format."""
    return folder() / "landmarks.toml"


def own_landmarks() -> tuple[Landmark, ...]:
    """The user's own landmarks. Raises InputError where their file is broken."""
    try:
        text = own_file().read_text(encoding="utf-8")
        return tuple(Landmark(**entry) for entry in tomllib.loads(text)["landmark"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"--at: {own_file()} is no file of landmarks ({error}); mend it or move it away.") from None


def keep(landmark: Landmark) -> None:
    """Write a landmark into the user's own file, in place of one of its name. Raises InputError as ``own_landmarks``.

    Also OSError where the file cannot be written.
    """
    kept = [asdict(m) for m in (*(m for m in own_landmarks() if m.name != landmark.name), landmark)]
    folder().mkdir(parents=True, exist_ok=True)
    with whole_file(own_file()) as file:
        file.write(tomli_w.dumps({"landmark": kept}).encode())


def get(name: str) -> Landmark:
    """The landmark of that name. Raises InputError where there is none."""
    for landmark in (*all_landmarks(), *own_landmarks()):
        if landmark.name == name:
            return landmark
    raise InputError(f"--at: there is no landmark {name!r}; `deepzoom landmarks` lists them.")


def choose(system: str, depth: Rational | None, settings: Mapping[str, str] | None = None) -> Landmark:
    """The system's default landmark where it reaches the depth, else the shallowest that does, else InputError.

    Places of the system with other settings than those given are passed over: there the map is another one.
    """
    given = settings or {}
    own = [
        m for m in all_landmarks() if m.system == system and all(given.get(k, v) == v for k, v in m.settings.items())
    ]
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
            f" {deepest.reaches}. Give --center X Y with enough digits."
        )
    return max(reaching, key=lambda m: parse_decimal(m.reaches, "reaches"))
