from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPZOOM_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
