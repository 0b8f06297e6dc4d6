"""A server of ``deepzoom explore`` in a thread, and a client that speaks to it as a page does."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import uvicorn
from numpy.typing import NDArray
from websockets.sync.client import connect

from deepzoom.colouring.colour import coloured
from deepzoom.explorer import server
from deepzoom.explorer.address import unpacked
from deepzoom.explorer.canvas import TILE
from deepzoom.rendering.render import render
from deepzoom.scene.scene import Scene
from deepzoom.scene.view import View

HOME = Scene("mandelbrot", View.parse("-0.75", "0.1", "2.5", "32x24"), 200)
"""A view that a server opens with."""


class Served:
    """A running server. pages: its open pages; port: where it listens."""

    def __init__(
        self, first: Scene, token: str | None = None, hosts: tuple[str, ...] | None = None, port: int = 0
    ) -> None:
        self.app = server.app(first, token, hosts)
        self.pages: server.Pages = self.app.app.state.pages
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(server.configured(self.app, "127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()


@contextmanager
def served(first: Scene, token: str | None = None, hosts: tuple[str, ...] | None = None) -> Iterator[Served]:
    """A server until the end of the block."""
    one = Served(first, token, hosts)
    try:
        yield one
    finally:
        one.stop()


class Client:
    """A page without a browser. picture (height, width, 4): what it shows of the newest view."""

    def __init__(self, one: Served, size: tuple[int, int] = (32, 24), **options: Any) -> None:
        options.setdefault("origin", one.address)
        self._open = ExitStack()
        address = f"ws://127.0.0.1:{one.port}/pixels"
        self.socket = self._open.enter_context(
            connect(address, max_size=None, proxy=None, ping_interval=None, **options)
        )
        self.number = 0
        self.scene: dict[str, Any] = {}
        self.done: set[int] = set()
        self.size = size
        self.picture: NDArray[np.uint8] = np.zeros((size[1], size[0], 4), np.uint8)

    def send(self, kind: str, /, **message: Any) -> int:
        self.number += 1
        self.socket.send(json.dumps({"type": kind, "number": self.number, **message}))
        return self.number

    def hello(self, **more: Any) -> dict[str, Any]:
        self.send("hello", size=list(self.size), **more)
        return self.until("scene")

    def receive(self, timeout: float = 120.0) -> dict[str, Any]:
        """The next message; a part of a picture is of type "pixels"."""
        data = self.socket.recv(timeout=timeout)
        if isinstance(data, str):
            message: dict[str, Any] = json.loads(data)
            if message["type"] == "scene":
                self.scene = message
            elif message["type"] == "done":
                self.done.add(message["run"])
            return message
        length = int.from_bytes(data[:4], "little")
        head = json.loads(data[4 : 4 + length])
        rgba = np.frombuffer(data[4 + length + -length % 4 :], np.uint8)
        if "corners" not in head:
            self.picture[:] = rgba.reshape(self.picture.shape)
        else:
            stride = head["stride"]
            for (left, top), tile in zip(head["corners"], rgba.reshape(-1, TILE, TILE, 4), strict=True):
                part = self.picture[top : top + TILE * stride, left : left + TILE * stride]
                blocks = tile.repeat(stride, axis=0).repeat(stride, axis=1)[: part.shape[0], : part.shape[1]]
                part[:] = np.where(blocks[..., 3:] > 0, blocks, part)
        self.socket.send('{"type":"painted"}')
        return {"type": "pixels", **head}

    def until(self, kind: str, /, **wanted: Any) -> dict[str, Any]:
        """The next message of a kind, with some values."""
        while True:
            message = self.receive()
            if message["type"] == kind and all(message.get(k) == v for k, v in wanted.items()):
                return message

    def finish(self) -> Scene:
        """Wait for the end of the newest view, which may have come already; its scene."""
        while self.scene["run"] not in self.done:
            self.receive()
        return self.shown

    @property
    def shown(self) -> Scene:
        return unpacked(self.scene["address"])

    def close(self) -> None:
        self._open.close()


def rendered(scene: Scene) -> NDArray[np.uint8]:
    """The bytes (height, width, 3) of ``deepzoom render``'s picture."""
    return np.rint(coloured(render(scene).field) * 255).astype(np.uint8)
