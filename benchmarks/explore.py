"""How soon the page of ``deepzoom explore`` shows new pixels after a turn of the wheel, measured in headless Chromium.

    python benchmarks/explore.py [--turns 10]

Prints the median and the largest time from the wheel's event to the frame with the first new pixels, and the frames a
second while the picture is dragged. Needs Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from statistics import median
from typing import Any

SIZE = {"width": 1280, "height": 800}
DEEP = ["--at", "mandelbrot-e50"]
PLACES = {
    "mandelbrot at home": (["mandelbrot"], 1),
    "mandelbrot at 1e-10": ([*DEEP, "--depth", "1e-10"], 1),
    "mandelbrot at 1e-50": (DEEP, 1),
    "tanh at 1e-20": (["tanh", "--depth", "1e-20"], 8),
}
"""Options of ``deepzoom explore``, and the size of a pixel."""
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
        wait(page, _ENDED, 300)
        times = []
        for turn in range(turns):
            page.mouse.move(500 + 7 * turn, 380)
            page.mouse.wheel(0, -100 if turn % 3 < 2 else 100)
            times.append(wait(page, _FIRST, 60) or 60_000.0)
            wait(page, _ENDED, 3)
        begun, before = time.perf_counter(), page.evaluate("deepzoom.picture.frames")
        page.mouse.down()
        for step in range(90):
            page.mouse.move(500 + 3 * step, 380 + step)
            time.sleep(0.01)
        page.mouse.up()
        frames = (page.evaluate("deepzoom.picture.frames") - before) / (time.perf_counter() - begun)
        context.close()
        server.terminate()
    return f"first pixels: median {median(times):.0f} ms, most {max(times):.0f} ms; dragging: {frames:.0f} frames/s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10)
    turns = parser.parse_args().turns
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (options, pixel) in PLACES.items():
            line = measure(browser, options, pixel, turns)
            print(f"{name}: {line}; load {os.getloadavg()[0]:.1f}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
