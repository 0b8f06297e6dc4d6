"""Drags: while the picture moves, dear pixels wait, so that its frames have the cores."""

from __future__ import annotations

import time

import numpy as np
import pytest
from explored import HOME, Client, rendered, served

from deepzoom.backends.escape_time.float64 import EscapeTimeJob


@pytest.fixture
def begun(monkeypatch):
    """The views of batches that have begun; every pixel takes some milliseconds."""
    found, plain = [], EscapeTimeJob.run

    def slow(job, pixels):
        found.append(job.view)
        time.sleep(0.004 * len(pixels))
        return plain(job, pixels)

    monkeypatch.setattr(EscapeTimeJob, "run", slow)
    return found


def test_dear_pixels_wait_while_the_page_is_dragged(begun):
    with served(HOME) as one:
        page = Client(one)
        page.hello()
        session = next(iter(one.pages.open.values()))
        while not session.run.dear:  # which takes pixels, and an answer to each part of the picture
            page.receive()
        page.send("drag", on=True)
        for _ in range(3):
            page.send("move", pan=[5, 1])
        page.send("point", column=3, row=2)
        page.until("point")
        time.sleep(0.2)  # what ran has ended
        before = len(begun)
        time.sleep(0.3)
        assert len(begun) == before and session.runs == 1 and session.scene.view != HOME.view
        page.send("drag", on=False)
        assert page.until("scene")["number"] == 5 and session.runs == 2  # all three moves at once
        while session.scene.view not in begun:
            page.receive()
        page.close()


def test_cheap_pixels_come_while_the_page_is_dragged():
    with served(HOME) as one:
        page = Client(one)
        page.hello()
        page.finish()
        page.send("drag", on=True)
        page.send("move", pan=[5, 1])
        page.until("scene", number=page.number)
        scene = page.finish()
        assert np.array_equal(page.picture[..., :3], rendered(scene))
        page.send("drag", on=False)
        page.close()


def test_a_page_that_comes_back_is_not_dragged(begun):
    with served(HOME) as one:
        page = Client(one)
        page.hello()
        session = next(iter(one.pages.open.values()))
        while not session.run.dear:
            page.receive()
        page.send("drag", on=True)
        page.hello()
        page.send("move", pan=[5, 1])
        page.until("scene", number=page.number)
        page.close()
