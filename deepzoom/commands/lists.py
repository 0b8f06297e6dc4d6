"""``deepzoom systems``, ``landmarks`` and ``backends``: the lists of what a user can choose."""

from __future__ import annotations

from typing import Annotated

import typer

from .exit_codes import reported


@reported
def list_systems() -> None:
    """List the systems and their settings (--set)."""
    from deepzoom import systems
    from deepzoom.commands.terminal.table import table

    rows = [systems.create(name) for name in systems.names()]
    table(("system", "what it is", "x", "y", "steps"), [
        (s.name, s.title, s.axes[0].label, s.axes[1].label, str(s.default_steps)) for s in rows
    ])  # fmt: skip
    settings: dict[tuple[str, str, str], list[str]] = {}
    for system in rows:
        for key, setting in system.settings_known.items():
            settings.setdefault((key, setting.meaning, setting.default or "the system's"), []).append(system.name)
    training = set(systems.PUBLISHED)
    table(("--set", "meaning", "default", "systems"), [
        (*setting, "training" if set(names) == training else ", ".join(names)) for setting, names in settings.items()
    ])  # fmt: skip


@reported
def list_landmarks(
    system: Annotated[str | None, typer.Argument(metavar="SYSTEM", help="List only this system's landmarks.")] = None,
) -> None:
    """List the landmarks (places worth seeing, for --at): the built-in ones, then your own."""
    from deepzoom import systems
    from deepzoom.commands.terminal.table import table
    from deepzoom.landmarks import all_landmarks, own_landmarks

    if system is not None and system not in systems.names():
        systems.create(system)
    table(("landmark", "depth", "reaches", "steps", "what you see"), [
        (m.name + (" *" if m.default else ""), m.depth, m.reaches, str(m.steps),
         m.note if m.name.startswith(m.system) else f"{m.system}: {m.note}")
        for m in (*all_landmarks(), *own_landmarks()) if system in (None, m.system)
    ])  # fmt: skip
    typer.echo("* the default place of 'deepzoom render SYSTEM'")


@reported
def list_backends() -> None:
    """List the backends, and whether each can run on this machine."""
    from deepzoom.backends import select
    from deepzoom.commands.terminal.table import table

    found = [(b.name, b.title, b.obstacle()) for b in map(select.made, select.names()[1:])]
    table(("backend", "what it does", "here"), [(n, t, "yes" if o is None else f"no: {o}") for n, t, o in found])
