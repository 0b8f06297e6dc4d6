"""What releases need: workflows, the documentation site, the recipe and the image say what pyproject.toml says."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def parsed(path):
    """A YAML file. Its key ``on`` is a word, not the truth value that YAML 1.1 takes it for."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in found.items()}


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


@pytest.fixture(scope="module")
def site_pages():
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "scripts" / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_workflows_ask_for_little(path):
    """Each reads the repository only, stops what is outdated, ends by itself, and pins actions by major version."""
    workflow = parsed(path)
    assert workflow["name"] == path.stem and workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow["on"]
    assert "concurrency" in workflow or "workflow_call" in workflow["on"]
    for name, job in workflow["jobs"].items():
        assert "uses" in job or job["timeout-minutes"] <= 240, name
        rights = job.get("permissions", {})
        assert set(rights) <= {"id-token", "pages"} and (not rights or "environment" in job), name
        assert "uses" not in job or (ROOT / job["uses"]).exists()
    for step in steps(workflow):
        assert "uses" not in step or re.search(r"@(v\d+|release/v\d+)$", step["uses"]), step
        assert "${{" not in step.get("run", ""), "no text from outside in a command"
        assert "checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] is False


def test_workflows_run_sessions_that_exist():
    code = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {node.name for node in code.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    named = set()
    for path in WORKFLOWS:
        for name, job in parsed(path)["jobs"].items():
            matrix = job.get("strategy", {}).get("matrix", {})
            choices = [*matrix.get("session", []), *(e.get("session", "") for e in matrix.get("include", []))]
            for step in job.get("steps", []):
                named |= set(re.findall(r"nox -s (\w+)", step.get("run", "")))
                if "${SESSION}" in step.get("run", ""):
                    assert choices, name
                    named |= set(choices)
    assert named == sessions


def test_all_systems_and_pythons_are_tested():
    matrix = parsed(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    systems = {*matrix["os"], *(entry["os"] for entry in matrix["include"])}
    wheels = parsed(ROOT / ".github" / "workflows" / "build.yml")["jobs"]["wheel"]["strategy"]["matrix"]["os"]
    assert systems == set(wheels) and len(systems) == 6
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert matrix["python"][0] == oldest and "{}.{}".format(*sys.version_info) in matrix["python"]
    assert matrix["python"] == re.findall(r"Python :: (\d\.\d+)", "\n".join(PROJECT["classifiers"]))
    special = parsed(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["special"]["strategy"]["matrix"]["include"]
    assert {"session": "lowest", "python": oldest} in special


@pytest.mark.parametrize(
    "name", ["dependabot.yml", *(f"ISSUE_TEMPLATE/{n}.yml" for n in ("bug", "wrong-pixel", "idea"))]
)
def test_forms_parse(name):
    form = parsed(ROOT / ".github" / name)
    if "body" not in form:
        assert {u["package-ecosystem"] for u in form["updates"]} == {"github-actions", "pip", "docker"}
        return
    assert form["name"] and form["description"]
    for part in form["body"]:
        assert part["type"] in ("markdown", "textarea")
        assert part["attributes"].get("value" if part["type"] == "markdown" else "label")


def entries(nav):
    """All pages of the site's navigation."""
    found = []
    for entry in nav:
        for target in entry.values() if isinstance(entry, dict) else [entry]:
            found += entries(target) if isinstance(target, list) else [target]
    return found


def test_the_site_shows_every_page_once(site_pages):
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    made = {"options.md", "landmarks.md", "api.md", *site_pages.MOVED.values()} - {"CITATION.cff"}
    assert not pages & made
    shown = entries(SITE["nav"])
    assert len(shown) == len(set(shown)) and set(shown) == pages | made, "mkdocs.yml's nav lists each page of docs/"
    assert all((ROOT / source).exists() for source in site_pages.MOVED)
    assert {p.name for p in ROOT.glob("*.md")} <= set(site_pages.MOVED)


def test_links_lead_to_the_same_file_on_the_site(site_pages):
    old = "[a](docs/trust.md#x) ![b](docs/gallery/c.webp) [d](CHANGELOG.md) [e](https://e.org/f.md) [g](#h)"
    new = "[a](trust.md#x) ![b](gallery/c.webp) [d](changelog.md) [e](https://e.org/f.md) [g](#h)"
    assert site_pages.with_links(old, "index.md") == new
    assert site_pages.with_links("[a](../benchmarks/LOG.md)", "gpu.md") == "[a](measurements.md)"
    assert site_pages.with_links("[a](../../README.md)", "gallery/README.md") == "[a](../index.md)"
    assert site_pages.with_links("[a](../docs/gpu.md)", "measurements.md") == "[a](gpu.md)"
    assert site_pages.with_links("[a](../noxfile.py)", "gpu.md") == "[a](../noxfile.py)"


def test_the_site_names_every_command_landmark_and_public_name(site_pages):
    import deepzoom
    from deepzoom.cli import app
    from deepzoom.landmarks import all_landmarks

    options, places, names = site_pages.options_page(), site_pages.landmarks_page(), site_pages.api_page()
    assert options.count("\n## ") == len(app.registered_commands)
    assert "| `--trust off\\|sample\\|settle` |" in options
    for place in all_landmarks():
        assert f"\n### {place.name}\n" in places and f'\nx = "{place.x}"\ny = "{place.y}"\n' in places
    assert all(f"::: deepzoom.{name}\n" in names for name in deepzoom.__all__ if not name.startswith("_"))
    for name in site_pages.FURTHER:
        module, _, attribute = f"deepzoom.{name}".rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_the_recipe_asks_for_what_pyproject_asks_for():
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == PROJECT["version"]
    assert recipe["about"]["summary"] == PROJECT["description"] and recipe["about"]["license"] == PROJECT["license"]
    wanted = {f"python {PROJECT['requires-python']}"}
    for requirement in PROJECT["dependencies"]:
        name, bound = re.fullmatch(r"([\w-]+)(>=[\w.]+)", requirement).groups()
        wanted.add(f"{'matplotlib-base' if name == 'matplotlib' else name} {bound}")  # without a window system
    assert set(recipe["requirements"]["run"]) == wanted
    (script,) = PROJECT["scripts"].items()
    assert recipe["build"]["python"]["entry_points"] == [" = ".join(script)]
    (setuptools,) = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert setuptools.replace(">=", " >=") in recipe["requirements"]["host"]


def test_the_image_installs_the_wheel_and_nothing_else():
    """So its dependencies are those of pyproject.toml, and what the build reads is not left out of its context."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM python:(\d+\.\d+)-slim", text, re.M)
    matrix = parsed(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert len(bases) == 2 and len(set(bases)) == 1 and bases[0] in matrix["python"]
    installs = re.findall(r"pip install (.*)", text)
    assert [[word for word in line.split() if not word.startswith(("-", ":"))] for line in installs] == [
        ["/wheels/*.whl"]
    ]
    kept = set(re.findall(r"^!(.+)", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.M))
    assert kept == {"backends", "deepzoom", "pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]}


def test_the_sdist_takes_every_file():
    """MANIFEST.in names each folder and file of the repository's root, so that none is forgotten."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    named = {word for line in lines if line.startswith(("graft", "include")) for word in line.split()[1:]}
    named |= {"MANIFEST.in", "pyproject.toml"} | {p.name for p in ROOT.glob("*.md")}
    assert {path.split("/")[0] for path in listed.stdout.splitlines()} <= named
