"""How soon the page of ``deepzoom explore`` shows new pixels after a turn of the wheel, measured in headless Chromium.

    python benchmarks/explore.py [--turns 10] [--places WORD]

Prints the median and the largest time from the wheel's event to the frame with the first new pixels, the frames a
second while the picture is dragged and, without a browser, how long a view that is left goes on. Needs Playwright and
Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
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
DRAG, EVERY = 300, 0.008
"""A drag's events, and the seconds from one to the next."""
FIRST_VIEW = 30
"""The most seconds for the first view: it need not be finished, people turn the wheel earlier."""
_ENDED = "!!(window.deepzoom && deepzoom.done)"
_FIRST = """(() => { const app = deepzoom, first = app.picture.firstPixels;
    return app.scene.run === app.number && first?.run === app.number ? first.at - app.wheelAt : null; })()"""


async def wait(page: Any, text: str, seconds: float) -> Any:
    """The value of an expression, once it is neither null nor false; None if it still is after some seconds."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        found = await page.evaluate(text)
        if found not in (None, False):
            return found
        await asyncio.sleep(0.01)
    return None


async def dragged(page: Any) -> float:
    """Frames a second while the pointer moves at the rate of a mouse; no event waits for the one before."""
    pointer = await page.context.new_cdp_session(page)
    sent = []

    def event(kind: str, k: int) -> None:
        place = {"type": kind, "x": 500 + 2 * k, "y": 380 + k, "button": "left", "buttons": 1, "clickCount": 1}
        sent.append(asyncio.create_task(pointer.send("Input.dispatchMouseEvent", place)))

    await page.mouse.move(500, 380)
    before, begun = await page.evaluate("deepzoom.picture.frames"), time.perf_counter()
    event("mousePressed", 0)
    for k in range(DRAG):
        event("mouseMoved", k)
        await asyncio.sleep(max(0.0, begun + k * EVERY - time.perf_counter()))
    frames = (await page.evaluate("deepzoom.picture.frames") - before) / (time.perf_counter() - begun)
    event("mouseReleased", DRAG)
    await asyncio.gather(*sent)
    return float(frames)


async def measure(browser: Any, options: list[str], pixel: int, turns: int) -> str:
    """A line of figures for one place."""
    command = [sys.executable, "-m", "deepzoom", "explore", *options, "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        context = await browser.new_context(viewport=SIZE)
        await context.add_init_script(f"localStorage.setItem('pixel', '{pixel}')")
        page = await context.new_page()
        await page.goto(address)
        await wait(page, _ENDED, FIRST_VIEW)
        times = []
        for turn in range(turns):
            await page.mouse.move(500 + 7 * turn, 380)
            await page.mouse.wheel(0, -100 if turn % 3 < 2 else 100)
            times.append(await wait(page, _FIRST, 60) or 60_000.0)
            await wait(page, _ENDED, 3)
        frames = await dragged(page)
        await context.close()
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


async def run(turns: int, word: str) -> None:
    """Print a line for each place whose name holds a word."""
    from playwright.async_api import async_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (options, pixel) in PLACES.items():
            if word not in name:
                continue
            line = f"{await measure(browser, options, pixel, turns)}; {left(options, pixel, turns)}"
            print(f"{name}: {line}; load {os.getloadavg()[0]:.1f}", flush=True)
        await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--places", default="", help="only those whose name holds this")
    asked = parser.parse_args()
    asyncio.run(run(asked.turns, asked.places))


if __name__ == "__main__":
    main()
