"""Tests of ``deepzoom explore`` need its extra. A server at a view of the Mandelbrot set, and a client of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

for package in ("starlette", "uvicorn", "websockets"):
    pytest.importorskip(package, reason=f"the extra 'explore' is not installed: {package} is missing")


@pytest.fixture(scope="module")
def one():
    from explored import HOME, served

    with served(HOME) as running:
        yield running


@pytest.fixture
def page(one):
    from explored import Client

    client = Client(one)
    client.hello()
    yield client
    client.close()


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = own if Path(own).exists() else shutil.which("chromium") or shutil.which("google-chrome")
        if path is None:
            pytest.skip("there is no Chromium")
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()
