"""Tests of ``deepzoom explore`` need its extra. A server at a view of the Mandelbrot set, and a client of it."""

from __future__ import annotations

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
