"""``deepzoom explore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exit_codes import reported
from .shared_options import OUTPUT, RUN, VIEW, At, Center, FormulaText, Settings, SystemName, flag, with_default

if TYPE_CHECKING:
    from deepzoom.scene.scene import Scene

_LOCAL = "127.0.0.1"
_ANY = ("0.0.0.0", "::")


@reported
def explore(
    system: SystemName = None,
    at: At = None,
    center: Center = None,
    depth: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help=with_default("Height of the first view in the plane, such as 1e-3.", "the landmark's"),
            rich_help_panel=VIEW,
        ),
    ] = None,
    settings: Settings = None,
    formula: FormulaText = None,
    scene: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Open the scene of a picture, data file or TOML file.", rich_help_panel=VIEW),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=65535,
            help=with_default("Serve the page at this port; 0 for a free one.", "8020"),
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = 8020,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=with_default(
                "Let other machines open the page at this name or address; it then needs a token.", "only this machine"
            ),
            rich_help_panel=RUN,
        ),
    ] = None,
    browser: Annotated[
        bool,
        flag("--browser/--no-browser", help="Open the page in a browser.", show_default=True, rich_help_panel=OUTPUT),
    ] = True,
) -> None:
    """Explore in the browser: a page on this machine that zooms with the mouse, at any depth."""
    from deepzoom.commands.requests.scene import Request, settings_of, with_formula
    from deepzoom.errors import InputError

    system, given = with_formula(system, settings or (), formula)
    first = Request(
        system=system, at=at, center=center, depth=depth, settings=settings_of(given), scene=scene
    ).to_scene()  # fmt: skip
    try:
        import uvicorn  # noqa: F401

        import deepzoom.explorer.server  # noqa: F401
    except ImportError as error:
        if (error.name or "").startswith("deepzoom"):
            raise
        raise InputError(
            f"explore: the package {error.name} is missing; install deepzoom with its extra 'explore':"
            " python -m pip install 'deepzoom[explore]'."
        ) from None
    _serve(first, host, port, browser)


def _serve(first: Scene, host: str | None, port: int, browser: bool) -> None:
    """Serve the page until Ctrl-C."""
    import secrets
    import socket
    import threading
    import webbrowser

    import uvicorn

    from deepzoom.errors import InputError
    from deepzoom.explorer import server

    token = None if host is None else secrets.token_urlsafe(16)
    bound = socket.socket(socket.AF_INET6 if host is not None and ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host or _LOCAL, port))
        bound.listen()  # whoever reads the address can connect at once, and waits for the server
    except OSError as error:
        raise InputError(
            f"--port: {host or _LOCAL}:{port} cannot be used ({(error.strerror or str(error)).lower()}); give another"
            " --port, or 0 for a free one."
        ) from None
    port = bound.getsockname()[1]
    name = host or _LOCAL
    address = f"http://{f'[{name}]' if ':' in name else name}:{port}/" + ("" if token is None else f"?token={token}")
    typer.echo(address)
    typer.echo("Ctrl-C ends it.", err=True)
    hosts = None if host is None else () if host in _ANY else (host,)
    app = server.app(first, token, hosts)
    if browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    uvicorn.Server(server.configured(app, host or _LOCAL, port)).run(sockets=[bound])
