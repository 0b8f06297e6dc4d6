"""How soon the page of ``deepzoom explore`` shows new pixels after a turn of the wheel, measured in headless Chromium.

    python benchmarks/explore.py [--turns 10] [--places WORD]

Prints the median and the largest time from the wheel's event to the frame with the first new pixels, the frames a
second while the picture is dragged and, without a browser, how long a view that is left goes on. Needs Playwright and
Chromium.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from statistics import median
from typing import Any

from deepzoom.commands.requests.scene import Request
from deepzoom.explorer.run import Slots
from deepzoom.explorer.session import Session

SIZE = {"width": 1280, "height": 800}
DEEP = ["--at", "mandelbrot-e50"]
PLACES = {
    "mandelbrot at home": (["mandelbrot"], 1),
    "mandelbrot at 1e-10": ([*DEEP, "--depth", "1e-10"], 1),
    "mandelbrot at 1e-50": (DEEP, 1),
    "tanh at 1e-20": (["tanh", "--depth", "1e-20"], 8),
}
"""Options of ``deepzoom explore``, and the size of a pixel."""
FIRST_VIEW = 30
"""The most seconds for the first view: it need not be finished, people turn the wheel earlier."""
_ENDED = "!!(window.deepzoom && deepzoom.done)"
_FIRST = """(() => { const app = deepzoom, first = app.picture.firstPixels;
    return app.scene.run === app.number && first?.run === app.number ? first.at - app.wheelAt : null; })()"""


def wait(page: Any, text: str, seconds: float) -> Any:
    """The value of an expression, once it is neither null nor false; None if it still is after some seconds."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        found = page.evaluate(text)
        if found not in (None, False):
            return found
        time.sleep(0.01)
    return None


def measure(browser: Any, options: list[str], pixel: int, turns: int) -> str:
    """A line of figures for one place."""
    command = [sys.executable, "-m", "deepzoom", "explore", *options, "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        context = browser.new_context(viewport=SIZE)
        context.add_init_script(f"localStorage.setItem('pixel', '{pixel}')")
        page = context.new_page()
        page.goto(address)
        wait(page, _ENDED, FIRST_VIEW)
        times = []
        for turn in range(turns):
            page.mouse.move(500 + 7 * turn, 380)
            page.mouse.wheel(0, -100 if turn % 3 < 2 else 100)
            times.append(wait(page, _FIRST, 60) or 60_000.0)
            wait(page, _ENDED, 3)
        begun, before = time.perf_counter(), page.evaluate("deepzoom.picture.frames")
        page.mouse.down()
        for step in range(150):
            page.mouse.move(500 + 3 * step, 380 + step)
        page.mouse.up()
        frames = (page.evaluate("deepzoom.picture.frames") - before) / (time.perf_counter() - begun)
        context.close()
        server.terminate()
    return f"first pixels: median {median(times):.0f} ms, most {max(times):.0f} ms; dragging: {frames:.0f} frames/s"


def left(options: list[str], pixel: int, turns: int) -> str:
    """How long views go on that are left after half a second."""
    words = options if options[0].startswith("--") else ["--system", *options]
    given = {word[2:]: value for word, value in zip(words[::2], words[1::2], strict=True)}
    size = SIZE["width"] // pixel, SIZE["height"] // pixel
    scene = Request(**given, size=f"{size[0]}x{size[1]}").to_scene()
    session = Session("", lambda data, stopped: None, scene, Slots.of(2))
    session.handle(json.dumps({"type": "hello", "number": 0, "size": size}))
    times = []
    for turn in range(turns):
        time.sleep(0.5)
        run = session.run
        assert run is not None
        zoom = 2 if turn % 3 < 2 else 0.5
        session.handle(
            json.dumps({"type": "move", "number": turn + 1, "zoom": zoom, "at": [size[0] // 3, size[1] // 2]})
        )
        run.thread.join()
        if not run.canvas.complete:
            times.append(1000 * run.waited)
    session.close()
    return (
        f"left views: {len(times)}, median {median(times):.0f} ms, most {max(times):.0f} ms" if times else "none left"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--places", default="", help="only those whose name holds this")
    asked = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (options, pixel) in PLACES.items():
            if asked.places not in name:
                continue
            line = f"{measure(browser, options, pixel, asked.turns)}; {left(options, pixel, asked.turns)}"
            print(f"{name}: {line}; load {os.getloadavg()[0]:.1f}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
