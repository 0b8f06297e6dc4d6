"""The local server of ``deepzoom explore``: its page, and one connection for each page that is open."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from deepzoom.errors import InputError
from deepzoom.rendering.batches import cores
from deepzoom.scene.scene import Scene

from . import downloads
from .guard import Guard
from .run import Slots
from .session import Session
from .thumbnails import thumbnail

MOST_PAGES = 64
"""Pages that may be open at once."""
MOST_MESSAGE = 1 << 21
"""Bytes of the longest message that the server reads at all; above it, the connection ends."""
_MOST_WAITING = 512
_PAINTED = '{"type":"painted"}'
"""What a page answers to each part of a picture, once it has taken it in."""
_MOST_UNPAINTED = 2
"""Parts of pictures that may be on their way: what is sent after a move need not wait for more."""
_TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}  # fmt: skip


class Pages:
    """All open pages. first: the scene that a new page opens with."""

    def __init__(self, first: Scene) -> None:
        self.first = first
        self.open: dict[str, Session] = {}
        self.slots = Slots.of(max(2, cores()))

    async def connect(self, socket: WebSocket) -> None:
        """Serve a page until it is gone."""
        await socket.accept()
        if len(self.open) >= MOST_PAGES:
            await socket.close(1013, f"{MOST_PAGES} pages are open; close one.")
            return
        outbox = _Outbox(asyncio.get_running_loop(), socket)
        session = Session(secrets.token_urlsafe(16), outbox.send, self.first, self.slots, outbox.has_room)
        self.open[session.key] = session
        sender = asyncio.create_task(outbox.run())
        inbox: asyncio.Queue[str] = asyncio.Queue(_MOST_WAITING)

        async def answer() -> None:
            while True:
                text = await inbox.get()
                await run_in_threadpool(session.handle, text, not inbox.empty())

        answering = asyncio.create_task(answer())
        try:
            while True:
                text = await socket.receive_text()
                if text == _PAINTED:
                    outbox.painted()
                else:
                    await inbox.put(text)
        except (WebSocketDisconnect, RuntimeError, KeyError):  # also for a message that is not text
            pass
        finally:
            del self.open[session.key]
            outbox.close()
            sender.cancel()
            answering.cancel()
            await run_in_threadpool(session.close)
            with suppress(asyncio.CancelledError, Exception):
                await sender


class _Outbox:
    """Messages to a page, in order; ``send`` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: WebSocket) -> None:
        self._loop, self._socket = loop, socket
        self._queue: asyncio.Queue[str | bytes] = asyncio.Queue()
        self._closed = threading.Event()
        self._unpainted, self._changed = 0, threading.Condition()

    def send(self, data: str | bytes, stopped: Callable[[], bool] | None) -> None:
        """Send a message; given ``stopped``, as soon as the page has painted what it got, unless that is true first."""
        if stopped is not None:
            with self._changed:
                while not self.has_room():
                    self._changed.wait(0.02)
                    if stopped() or self._closed.is_set():
                        return
                self._unpainted += 1
        if self._closed.is_set():
            return
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._put, data)

    def painted(self) -> None:
        """The page has painted a part of a picture."""
        with self._changed:
            self._unpainted -= 1
            self._changed.notify()

    def has_room(self) -> bool:
        """Whether a part of a picture would be sent at once."""
        return self._unpainted < _MOST_UNPAINTED

    def _put(self, data: str | bytes) -> None:
        if self._queue.qsize() < _MOST_WAITING:
            self._queue.put_nowait(data)

    async def run(self) -> None:
        try:
            while True:
                data = await self._queue.get()
                if isinstance(data, str):
                    await self._socket.send_text(data)
                else:
                    await self._socket.send_bytes(data)
        except (WebSocketDisconnect, RuntimeError, OSError):
            self._closed.set()

    def close(self) -> None:
        self._closed.set()


def app(first: Scene, token: str | None = None, hosts: tuple[str, ...] | None = None) -> Guard:
    """The server as an ASGI application. token, hosts: as of ``Guard``; hosts None for this machine's names."""
    pages = Pages(first)

    async def page(request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        found = _page_files().get(name)
        if found is None:
            return PlainTextResponse(f"There is no file {name[:80]}.", 404)
        suffix = name[name.rfind(".") :]
        return Response(found, media_type=_TYPES[suffix])

    async def small(request: Request) -> Response:
        try:
            data = await run_in_threadpool(thumbnail, request.path_params["name"], lambda: bool(pages.slots.busy))
        except (InputError, ArithmeticError, MemoryError) as error:
            return PlainTextResponse(str(error), 404)
        return Response(data, media_type="image/png", headers={"cache-control": "max-age=3600"})

    async def download(request: Request) -> Response:
        session = pages.open.get(request.path_params["key"])
        kind = request.path_params["kind"]
        if session is not None and kind in session.files:
            return FileResponse(session.files[kind], filename=kind)
        if session is None or kind not in downloads.KINDS:
            return PlainTextResponse("There is no such page, or no such file.", 404)
        found = await run_in_threadpool(downloads.made, session.canvas, kind)
        if found is None:
            return PlainTextResponse("The picture is not finished yet; wait, and try again.", 409)
        name, media, data = found
        return Response(data, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})

    routes = [
        Route("/", page),
        Route("/page/{name}", page),
        Route("/thumbnail/{name}", small),
        Route("/session/{key}/{kind}", download),
        WebSocketRoute("/pixels", pages.connect),
    ]
    inner = Starlette(routes=routes)
    inner.state.pages = pages
    return Guard(inner, token) if hosts is None else Guard(inner, token, hosts)


def _page_files() -> dict[str, bytes]:
    """The page's files by name; read anew, because they are few and a checkout may change them."""
    folder = files(__package__) / "page"
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name[p.name.rfind(".") :] in _TYPES}


def configured(app: Any, host: str, port: int) -> Any:
    """uvicorn's configuration for an application."""
    import uvicorn

    return uvicorn.Config(
        app, host=host, port=port, log_level="error", ws="websockets-sansio", ws_max_size=MOST_MESSAGE,
        ws_per_message_deflate=False, timeout_graceful_shutdown=1, lifespan="off",
    )  # fmt: skip
