"""The output files of a render, and what exists of them already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from deepzoom import systems
from deepzoom.coordinates import in_a_name
from deepzoom.errors import InputError
from deepzoom.files import check_output
from deepzoom.rendering.field import Field
from deepzoom.scene.colours import Colouring
from deepzoom.scene.scene import Scene

from .exr import check_package
from .png import read_scene


@dataclass(frozen=True)
class Outputs:
    """The output files of a render: the picture, the data file or None, and the files of an unfinished render.

    numbered: the scene that the picture's name was made from; None if the user gave the name.
    """

    picture: Path
    data: Path | None
    numbered: Scene | None = None

    @property
    def partial(self) -> Path:
        return self.picture.with_suffix(".partial.npz")

    @property
    def partial_picture(self) -> Path:
        return self.picture.with_suffix(".partial.png")

    @classmethod
    def chosen(cls, scene: Scene, out: Path | None, data: Path | None, force: bool, resume: bool) -> Outputs:
        """The files asked for, or a numbered name. Raises InputError for a file that cannot be written.

        With resume, files may exist if they are of this very scene: a render that was killed at its end leaves them.
        """
        if out is not None and out.suffix.lower() not in (".png", ".exr"):
            raise InputError(f"--out: {out} does not end in .png or .exr.")
        if out is not None and out.suffix.lower() == ".exr":
            check_package("--out")
        if data is not None and data.suffix.lower() != ".npz":
            raise InputError(f"--data: {data} does not end in .npz.")
        outputs = cls(out or _numbered(scene, resume), data, scene if out is None else None)
        check_output(outputs.picture, "--out", force or (resume and _of_scene(outputs.picture, scene)))
        if data is not None:
            check_output(data, "--data", force or (resume and _of_scene(data, scene)))
            if data.resolve() == outputs.partial.resolve():
                raise InputError(f"--data: {data} is where an unfinished render is saved; give another name.")
        if outputs.partial.exists() and not (resume or force):
            raise InputError(
                f"--out: {outputs.partial} holds an unfinished render of this name; continue it with --resume, or"
                " start over with --force."
            )
        return outputs

    def saved(self, scene: Scene) -> Field | None:
        """The saved part of an unfinished render of this scene, or None. Raises InputError if it is of another."""
        if not self.partial.exists():
            return None
        field = Field.load(self.partial, "--resume")
        if not same_run(field.scene, scene):
            raise InputError(f"--resume: {self.partial} belongs to another scene; give that scene, or another --out.")
        made_from = field.made.get("system")
        if made_from not in (None, systems.create(scene.system, scene.settings, scene.steps, scene.digest).key()):
            raise InputError(
                f"--resume: {self.partial} was made from other data than --set data gives now; give the same data,"
                " or another --out."
            )
        field.scene = scene
        return field

    def finished(self, scene: Scene) -> bool:
        """Whether all files exist and are of this very scene, colours included."""
        files = [self.picture] if self.data is None else [self.picture, self.data]
        return not self.partial.exists() and all(_of_scene(path, scene) for path in files)

    def free_picture(self) -> Path:
        """The picture's name; if another render has taken a numbered name in the meantime, the next free one."""
        if self.numbered is not None and self.picture.exists():
            return _numbered(self.numbered, False)
        return self.picture

    def remove_partial(self) -> None:
        self.partial.unlink(missing_ok=True)
        self.partial_picture.unlink(missing_ok=True)


def _of_scene(path: Path, scene: Scene) -> bool:
    """Whether a picture or data file was made from this very scene."""
    try:
        return (
            path.exists() and (Field.load(path).scene if path.suffix.lower() == ".npz" else read_scene(path)) == scene
        )
    except InputError:
        return False


def same_run(a: Scene, b: Scene) -> bool:
    """Whether two scenes compute the same pixels: they may differ in colours, trust, horizons and courses."""

    def run(scene: Scene) -> Scene:
        return replace(scene, palette="", colouring=Colouring(), trust=Scene.trust, horizon=False, course=False)

    return run(a) == run(b)


def _numbered(scene: Scene, resume: bool) -> Path:
    """The first free name made from system and depth; with resume, that of an unfinished render of this scene."""
    stem = f"{scene.system.rpartition(':')[2]}-{in_a_name(scene.view.depth)}"
    for number in range(1, 100000):
        path = Path(f"{stem}-{number:03}.png")
        partial = Outputs(path, None).partial
        if resume and partial.exists() and same_run(Field.load(partial).scene, scene):
            return path
        if not path.exists() and not partial.exists():
            return path
    raise InputError("--out: all numbered names are taken; give a name.")
