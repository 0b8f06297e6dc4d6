"""Files that are compiled together share one namespace: a second definition of a name would replace the first."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from deepzoom import systems
from deepzoom.backends.kernels.escape_time.generated import text_of


def defined(node):
    """The names that a statement at the top of a module defines, except by importing them."""
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


@pytest.mark.parametrize("distance", [False, True])
@pytest.mark.parametrize("name", ["mandelbrot", "burning-ship", "newton", "nova", "magnet2"])
def test_each_name_is_defined_once(name, distance):
    tree = ast.parse(text_of(systems.create(name).iteration, distance))
    counts = Counter(name for node in tree.body for name in defined(node))
    assert len(counts) > 100
    assert not [name for name, count in counts.items() if count > 1]
