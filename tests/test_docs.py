"""The documentation is complete and runs: it names every command and option, and every example is executed."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from deepzoom import systems
from deepzoom.cli import app
from deepzoom.landmarks import all_landmarks
from deepzoom.scene.scene import Scene
from deepzoom.systems.optimizers import EXTRAS, OPTIMIZERS
from deepzoom.tracing.numpy_functions import FUNCTIONS, UFUNCS

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), ROOT / "benchmarks" / "LOG.md", *(ROOT / "docs").rglob("*.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
GROUP = typer.main.get_command(app)


def section(command):
    return COMMANDS.split(f"## deepzoom {command}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("command", sorted(GROUP.commands))
def test_every_command_and_option_is_documented(command):
    text = section(command)
    for parameter in GROUP.commands[command].params:
        if parameter.name == "help":
            continue
        if parameter.param_type_name == "option":
            assert any(f"`{name}" in text for name in parameter.opts), f"{command} {parameter.opts}"
            assert parameter.help, f"{command} {parameter.opts}"
        else:
            assert parameter.metavar.strip("[]") in text


def test_no_option_is_documented_that_is_not_there():
    known = {name for c in GROUP.commands.values() for p in c.params for name in (*p.opts, *p.secondary_opts)}
    known |= {name for p in GROUP.params for name in p.opts} | {"--help", "-h"}
    for page in [README, *(p.read_text(encoding="utf-8") for p in (ROOT / "docs").rglob("*.md"))]:
        found = {
            o
            for line in page.splitlines()
            if "deepzoom" in line or "| `--" in line
            for o in re.findall(r"(?<![\w`-])`?(--[a-z-]+)", line)
        }
        assert found <= known, found - known


def test_every_system_and_setting_is_documented():
    text = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    for name in systems.names():
        assert f"| `{name}` |" in text and f"| `{name}` |" in README
    for key in systems.create("tanh").settings_known:
        assert f"| `{key}` |" in text
    example = re.search(r"```toml\n(.*?)```", text, re.S)
    assert Scene.from_toml(example[1]).to_toml() == example[1]


def test_every_function_of_a_step_is_documented():
    text = (ROOT / "docs" / "own-training.md").read_text(encoding="utf-8")
    names = {f.__name__.removesuffix("_") for f in (*UFUNCS, *FUNCTIONS)} - {"shape", "ndim", "size"}
    alike = {"absolute", "divide", "add", "subtract", "multiply", "negative", "positive", "fabs", "float_power", "fmax",
             "fmin", "greater", "less", "greater_equal", "less_equal", "equal", "not_equal"}  # fmt: skip
    for name in (*(names - alike), *OPTIMIZERS, *EXTRAS):
        assert re.search(rf"`(linalg\.)?{name}`", text), name


@pytest.mark.parametrize(
    "page",
    ["README.md", "docs/python.md", "docs/own-training.md", "docs/jax-pytorch.md", "docs/probe.md", "docs/fields.md"],
)
def test_python_examples_run(page, own_cache):
    if page == "docs/fields.md":
        pytest.importorskip("xarray", reason="needs the extra 'science'")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
    assert "".join(blocks).count("deepzoom.") > 2
    code = "\n".join(b for b in blocks if all(find_spec(m) for m in ("jax", "torch") if f"import {m}\n" in b))
    exec(compile(code, page, "exec"), {})


def listed(page):
    """The command lines of a page's list, split into words."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)
    return [
        shlex.split(line, comments=True)[1:]
        for line in next(b for b in blocks if "deepzoom landmarks" in b).splitlines()
    ]


def test_listed_commands_run(tmp_path, monkeypatch, own_cache):
    """Each command of the two lists runs, at a tiny size; those that stand in both, once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path / "data"))
    short, long = listed("README.md"), listed("docs/commands.md")
    assert len(short) >= 8 and len(long) >= 15
    for args in [*short, *(args for args in long if args not in short)]:
        if args[0] == "export" and not find_spec("h5netcdf"):  # of the extra science
            continue
        more = []
        if args[0] == "render" and "--dry-run" not in args:
            more = ["--size", "48x96", "--jobs", "2"]
            if "--scene" not in args:  # a published network's reference run takes long: only 40 steps here
                more += ["--steps", "40"]
        if args[0] == "zoom":
            more = ["--size", "16x16", "--steps", "40", "--to", "1e-2", "--seconds", "1", "--force"]
        result = CliRunner().invoke(app, [*args, *more])
        assert result.exit_code == 0, (args, result.output)


def test_the_first_two_lines():
    assert "python -m pip install . && deepzoom render --depth 1e-20" in README
    assert 'python -m pip install ".[test]" && python -m pytest' in README
    assert 'python -m pip install ".[test]" && python -m pytest' in (ROOT / ".ci" / "run").read_text()


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_files_that_pages_name_exist():
    """Only names with a folder of the repository count: maps.py and the like are the reader's own files."""
    named = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named |= set(re.findall(r"\b(?:backends|deepzoom|scripts|tests|benchmarks)/[\w/]*(?:\.\w+)?", text))
    assert len(named) > 60
    assert not [path for path in named if not (ROOT / path).exists()]


def test_the_gallery_shows_every_landmark_in_small_pictures():
    folder = ROOT / "docs" / "gallery"
    page = (folder / "README.md").read_text(encoding="utf-8")
    for place in all_landmarks():
        assert f"deepzoom render --at {place.name}`" in page
        assert (folder / f"{place.name}.webp").exists()
    pictures = [p for p in (ROOT / "docs").rglob("*") if p.suffix in (".png", ".webp")]
    assert sum(p.stat().st_size for p in pictures) < 6_000_000
