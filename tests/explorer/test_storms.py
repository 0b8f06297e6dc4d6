"""Many pages, views that are left at once, and pages that go away: no error, and memory stays bounded."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from explored import HOME, Client, rendered, served

from deepzoom.backends.escape_time.float64 import EscapeTimeJob
from deepzoom.rendering.batches import cores
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

SLOW = Scene("mandelbrot", View.parse("-0.1", "0", "0.01", "256x256"), 1_000_000)
"""Inside the set: every pixel takes all steps."""


def ended(one, within=5.0):
    """Whether all threads of views end within some seconds."""
    until = time.perf_counter() + within
    while time.perf_counter() < until:
        if not any(t.name.startswith("view ") for t in threading.enumerate()):
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def errors(monkeypatch):
    """What threads raised."""
    found = []
    monkeypatch.setattr(threading, "excepthook", found.append)
    yield found
    assert not found


def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def test_a_view_that_is_left_stops_at_once(errors):
    with served(SLOW) as one:
        page = Client(one, (256, 256))
        page.hello()
        page.until("pixels")
        session = next(iter(one.pages.open.values()))
        run = session.run
        page.send("move", zoom=2, at=[3, 3])
        page.until("scene")
        run.thread.join(10)
        assert run.asked is not None and not run.thread.is_alive() and not run.canvas.complete
        page.close()
        assert ended(one)


def test_hardly_a_batch_begins_after_its_view_was_left(errors, monkeypatch):
    """At most the batches that wait for a thread at that moment, one and those that just end; of a thousand."""
    begun = []

    def counted(job, pixels):
        run = session.run if session.run.canvas.scene.view is job.view else first
        begun.append((run is first, run.stopped(), len(pixels)))
        return plain(job, pixels)

    plain = EscapeTimeJob.run
    with served(SLOW) as one:
        page = Client(one, (256, 256))
        page.hello()
        session = next(iter(one.pages.open.values()))
        first = session.run
        monkeypatch.setattr(EscapeTimeJob, "run", counted)
        page.until("pixels")
        page.until("pixels")
        page.send("move", zoom=2, at=[3, 3])
        page.until("scene")
        first.thread.join(60)
        after = [size for of_first, late, size in begun if of_first and late]
        assert not first.thread.is_alive() and len(after) <= cores() + 1 and sum(after) < SLOW.view.pixels / 16
        page.close()
        assert ended(one)


def test_a_page_that_goes_away_in_the_middle(errors):
    with served(SLOW) as one:
        for _ in range(5):
            page = Client(one, (256, 256))
            page.hello()
            page.until("pixels")
            page.close()
        until = time.perf_counter() + 10
        while one.pages.open and time.perf_counter() < until:
            time.sleep(0.02)
        assert not one.pages.open and ended(one)


def test_the_last_of_many_views_is_right(errors):
    """Two hundred moves without waiting: the picture is that of the last."""
    with served(HOME) as one:
        page = Client(one)
        page.hello()
        for k in range(200):
            page.send("move", pan=[(k * 7) % 5 - 2, (k * 3) % 5 - 2])
        number = page.number
        page.until("scene", number=number)
        scene = page.finish()
        assert np.array_equal(page.picture[..., :3], rendered(scene))
        page.close()
        assert ended(one)


def test_too_many_pages_are_refused(monkeypatch):
    from websockets.exceptions import ConnectionClosed

    from deepzoom.explorer import server

    monkeypatch.setattr(server, "MOST_PAGES", 2)
    with served(HOME) as one:
        pages = [Client(one) for _ in range(2)]
        for page in pages:
            page.hello()
        with pytest.raises(ConnectionClosed, match="2 pages are open"):
            Client(one).hello()
        for page in pages:
            page.close()


@pytest.mark.slow
def test_twenty_pages_and_a_thousand_views(errors):
    """Memory grows by less than 300 MB, in the second thousand of views, too."""

    def fly(one, seed, sizes):
        page = Client(one, (128, 96))
        page.hello()
        random = np.random.default_rng(seed)
        for k in range(50):
            kind = random.integers(3)
            if kind == 0:
                page.send("move", zoom=float(random.choice([0.5, 2.0])), at=[int(v) for v in random.integers(0, 96, 2)])
            elif kind == 1:
                page.send("move", pan=[int(v) for v in random.integers(-30, 30, 2)])
            else:
                page.send("change", set={"palette": str(random.choice(["magma", "viridis", "Spectral"]))})
            page.until("scene", number=page.number)
            if k % 10 == 0:
                sizes.append(memory())
        scene = page.finish()
        assert np.array_equal(page.picture[..., :3], rendered(scene))
        page.close()

    with served(HOME) as one:
        before = memory()
        for round in range(2):
            sizes: list[int] = []
            threads = [threading.Thread(target=fly, args=(one, 20 * round + k, sizes)) for k in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            print(f"round {round}: {max(sizes) / 1e6:.0f} MB, {(max(sizes) - before) / 1e6:.0f} MB more")
            assert max(sizes) - before < 300e6
        assert ended(one) and not one.pages.open
