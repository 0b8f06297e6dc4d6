"""The published table in the docs is that of the results, each from its command."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "paper_table.py"))


def test_the_table_is_that_of_the_results():
    results, page = json.loads(SCRIPT["RESULTS"].read_text("utf-8")), SCRIPT["PAGE"].read_text("utf-8")
    assert SCRIPT["with_table"](page, results) == page
    rows = [r for row in SCRIPT["ROWS"] for r in (*(SCRIPT["frames"](row) if row.published else ()), row)]
    assert [row.name for row in rows] == list(results)
    for row in rows:
        facts, words = results[row.name], row.options.split()
        to = float(words[words.index("--to") + 1])
        assert facts["seed"] == 0 and facts["trust"] == ("off" if "--trust off" in row.options else "settle")
        assert to <= 10 ** facts["log10_distance"][-1] / float(facts["depth"]) < 4 * to
