"""Who may talk to the server: only pages that it served, on this machine or with the token."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

COOKIE = "deepzoom-token"
_LOCAL = ("localhost", "127.0.0.1", "::1")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self';"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """ASGI middleware: refuses requests of other pages and, with a token, requests without it.

    A page elsewhere can make a browser send requests here. Its ``Origin`` gives it away and, after DNS rebinding, the
    ``Host``. hosts: names beside those of this machine; empty: any, which only a server with a token allows.
    """

    def __init__(self, app: Any, token: str | None = None, hosts: tuple[str, ...] = _LOCAL) -> None:
        self.app, self._token, self._hosts = app, token, hosts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        reason = self.refusal(scope, headers)
        if reason is not None:
            await _refuse(scope, receive, send, reason)
            return
        await self.app(scope, receive, self._with_headers(scope, send))

    def refusal(self, scope: Any, headers: dict[str, str]) -> str | None:
        """Why a request is refused, or None."""
        host = headers.get("host", "")
        name = _split(f"//{host}").hostname
        if name is None or (self._hosts and name not in self._hosts):
            return f"This server is not {host or 'without a name'}."
        origin = headers.get("origin")
        if origin is None and scope["type"] == "websocket":
            return "A connection needs the header Origin."
        if origin is not None and _split(origin).netloc != host:
            return f"Pages of {origin} may not use this server."
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and scope["path"] != "/":
            return "Other pages may not use this server."
        if self._token is not None and not self._knows_token(scope, headers):
            return "The address lacks the token; open the one that 'deepzoom explore' printed."
        return None

    def _knows_token(self, scope: Any, headers: dict[str, str]) -> bool:
        assert self._token is not None
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        with suppress(CookieError):
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
            given += [] if cookie is None else [cookie.value]
        return any(secrets.compare_digest(one.encode(), self._token.encode()) for one in given)

    def _with_headers(self, scope: Any, send: Any) -> Callable[[Any], Any]:
        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
                if self._token is not None and scope["path"] == "/":
                    cookie = f"{COOKIE}={self._token}; HttpOnly; SameSite=Strict; Path=/"
                    message["headers"].append((b"set-cookie", cookie.encode()))
            await send(message)

        return sent


def _split(address: str) -> SplitResult:
    """The parts of an address; none of a text that is no address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


async def _refuse(scope: Any, receive: Any, send: Any, reason: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4403, "reason": reason[:120]})
        return
    body = reason.encode()
    await send({
        "type": "http.response.start", "status": 403,
        "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())],
    })  # fmt: skip
    await send({"type": "http.response.body", "body": body})
