"""The code is clean: linters, formatter, types, spelling, and imports that only point down the layers."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    "import-linter": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
    "vulture": ["-m", "vulture"],
    "codespell": ["-c", "import sys, codespell_lib; sys.exit(codespell_lib.main())",
                  "README.md", "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md", ".github",
                  "docs", "deepzoom", "backends", "scripts", "benchmarks", "tests"],
}  # fmt: skip
MOST_LINES, MOST_FUNCTION_LINES = 300, 60
REASON = "# long: "
"""The start of a comment that says why a file or a function is longer."""


@pytest.mark.parametrize("tool", TOOLS)
def test_clean(tool):
    done = subprocess.run([sys.executable, *TOOLS[tool]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def sources():
    rooms = "deepzoom", "backends", "scripts", "benchmarks", "tests"
    return [p for room in rooms for p in sorted((ROOT / room).rglob("*.py"))]


def test_every_room_is_packed():
    """An installed package has all folders of code. Only a checkout works without this list."""
    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    rooms = [
        p.parent.relative_to(ROOT) for room in ("deepzoom", "backends") for p in (ROOT / room).rglob("__init__.py")
    ]
    names = {".".join(r.parts if r.parts[0] == "deepzoom" else ("deepzoom", *r.parts)) for r in rooms}
    assert names == set(packed)


def test_files_are_short():
    long = [p for p in sources() if len(lines := p.read_text().splitlines()) > MOST_LINES and not reasoned(lines, 1)]
    assert not long


def test_functions_are_short():
    long = []
    for path in sources():
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                length = node.end_lineno - node.body[0].lineno + 1
                if length > MOST_FUNCTION_LINES and not reasoned(text.splitlines(), first):
                    long.append(f"{path.relative_to(ROOT)}: {node.name} has {length} lines")
    assert not long, "\n".join(long)


def reasoned(lines, first):
    """Whether a comment just before line ``first``, or just after it, says why this is long."""
    return any(line.startswith(REASON) for line in lines[max(0, first - 2) : first + 2])
