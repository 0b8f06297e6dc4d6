"""The notebook runs as it stands, and shows the outputs of its code. CITATION.cff fits the package."""

from __future__ import annotations

import base64
import io
import json
import re
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deepzoom

ROOT = Path(__file__).parents[1]
NOTEBOOK = json.loads((ROOT / "docs" / "paper-row.ipynb").read_text(encoding="utf-8"))
CELLS = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
SMALL = {'"160x160", 2560': '"32x32", 1280', '"1e-6"': '"1e-4"', '"settle"': '"off"'}


def executed(changes):
    """(the notebook's names, what each cell printed), with some texts of its code changed."""
    pytest.importorskip("xarray", reason="needs the extra 'science'")
    space, printed = {}, []
    for cell in CELLS:
        code = "".join(cell["source"])
        for old, new in changes.items():
            code = code.replace(old, new)
        with redirect_stdout(io.StringIO()) as out:
            exec(compile(code, "paper-row.ipynb", "exec"), space)
        printed.append(out.getvalue())
    return space, printed


def shown(cell):
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


def numbers(text):
    return [float(n) for n in re.findall(r"\d+\.\d+", text)]


def test_the_notebook_runs_at_a_small_size(own_cache):
    space, printed = executed(SMALL)
    assert space["field"].done.shape == (32, 32) and space["descent"].pairs == 1280
    assert len(printed[-1].splitlines()) == len(shown(CELLS[-1]).splitlines()) == 3


@pytest.mark.slow
def test_the_notebook_shows_what_its_code_gives(own_cache):
    space, printed = executed({})
    for cell, text in zip(CELLS, printed, strict=True):
        if "print(data)" not in "".join(cell["source"]):  # which each version of xarray prints differently
            assert re.sub(r"\d", "", text) == re.sub(r"\d", "", shown(cell))
            np.testing.assert_allclose(numbers(text), numbers(shown(cell)), atol=0.02)
    (picture,) = (o["data"]["image/png"] for cell in CELLS for o in cell["outputs"] if "data" in o)
    pictures = base64.b64decode("".join(picture)), space["field"]._repr_png_()
    old, new = (np.asarray(Image.open(io.BytesIO(p)), dtype=np.int64) for p in pictures)
    assert np.mean(np.abs(old - new) > 2) < 0.001


def test_the_notebook_is_small_and_tells_nothing_of_a_machine():
    assert (ROOT / "docs" / "paper-row.ipynb").stat().st_size < 200_000
    assert NOTEBOOK["metadata"]["language_info"] == {"name": "python"}
    assert not any(cell["metadata"] for cell in NOTEBOOK["cells"]) and all(cell["outputs"] for cell in CELLS)


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {deepzoom.__version__}\n" in text and "\nlicense: MIT\n" in text
    assert "the deepzoom authors" in text and "the deepzoom authors" in (ROOT / "LICENSE").read_text(encoding="utf-8")
