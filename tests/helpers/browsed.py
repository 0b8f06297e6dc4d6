"""A page of ``deepzoom explore`` in a browser that Playwright drives."""

from __future__ import annotations

import base64
import time
from typing import Any

import numpy as np
from explored import rendered
from numpy.typing import NDArray

from deepzoom.explorer.address import unpacked
from deepzoom.scene.scene import Scene


class Page:
    """A page that is open; its errors."""

    def __init__(
        self, browser: Any, address: str, width: int = 320, height: int = 240, pixel: int = 1, **options: Any
    ) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, **options)
        self.context.add_init_script(f"localStorage.setItem('pixel', '{pixel}')")
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.goto(address)
        self.finish()

    def get(self, text: str) -> Any:
        return self.page.evaluate(text)

    def wait(self, text: str, seconds: float = 300) -> None:
        until = time.perf_counter() + seconds
        while not self.get(f"!!({text})"):
            assert time.perf_counter() < until, text
            time.sleep(0.02)

    def finish(self) -> None:
        self.wait("window.deepzoom && deepzoom.done && deepzoom.picture.camera.a === 1 && !deepzoom.picture.animation")

    def shown(self) -> tuple[NDArray[np.uint8], Scene]:
        """The pixels (height, width, 3) of the canvas, and their scene."""
        self.finish()
        width, height, data = self.get(
            """(() => { const c = document.getElementById("picture"); deepzoom.picture.show();
            const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let text = "";
            for (let k = 0; k < d.length; k += 32768) text += String.fromCharCode(...d.subarray(k, k + 32768));
            return [c.width, c.height, btoa(text)]; })()"""
        )
        pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
        return pixels[..., :3], unpacked(self.get("deepzoom.scene.address"))

    def is_right(self) -> Scene:
        pixels, scene = self.shown()
        assert np.array_equal(pixels, rendered(scene))
        return scene

    def wheel(self, x: float, y: float, notches: int = 1) -> None:
        self.page.mouse.move(x, y)
        self.page.mouse.wheel(0, -100 * notches)

    def close(self) -> None:
        self.context.close()
        assert not self.errors
