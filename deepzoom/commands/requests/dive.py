"""Turns the options of ``deepzoom dive`` into its first view, and checks the name that the place is saved under."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from deepzoom import landmarks, systems
from deepzoom.coordinates import Rational, parse_decimal
from deepzoom.diving.blocks import LEAST_SIZE
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

from .scene import AUTO, Request, depth_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


def to_dive(request: Request, begin: str | None, end: str | None) -> tuple[Scene, Rational]:
    """(first view, depth to reach). Without a place, the first view is that of the system's widest landmark.

    Raises InputError where the options do not make a dive.
    """
    if end is None:
        raise InputError("--to: a dive needs the depth to reach, such as --to 1e-20.")
    if request.stretch not in (None, AUTO, "off"):
        raise InputError(
            f"--stretch: {request.stretch} is neither auto nor off; a dive finds the stretch of each view."
        )
    if begin is None and request.center is not None:
        raise InputError("--from: a dive from --center needs the depth of its first view, such as --from 1e-3.")
    depth = depth_of(end, "--to")
    if begin is not None:
        depth_of(begin, "--from")
    if request.at is None and request.center is None:
        request = replace(request, at=_widest(request.system or systems.DEFAULT, request.settings))
    scene = replace(request, depth=begin).to_scene()
    view = scene.view
    if not depth < view.depth:
        first = f"--from {begin}" if begin is not None else f"the first view, {request.at or scene.system}"
        raise InputError(f"--to: {end} is not deeper than {first}; give a smaller depth.")
    if min(view.width, view.height) < LEAST_SIZE:
        raise InputError(
            f"--size: {view.width}x{view.height} is too small to find borders in; give at least"
            f" {LEAST_SIZE}x{LEAST_SIZE}."
        )
    return scene, depth


def _widest(system: str, settings: Mapping[str, str]) -> str | None:
    """The name of a system's landmark of the largest depth, with these settings if there is one."""
    own = landmarks.with_settings(system, settings) or landmarks.fitting(system, settings)
    return max(own, key=lambda m: parse_decimal(m.depth, "depth")).name if own else None


def check_name(name: str, force: bool) -> None:
    """Raise InputError where a landmark cannot be saved under a name."""
    if not _NAME.fullmatch(name):
        raise InputError(f"--save: {name!r} is not a name; use letters, digits, '.', '_' and '-', as in my-place.")
    if any(m.name == name for m in landmarks.all_landmarks()):
        raise InputError(f"--save: {name} is a curated landmark; give another name.")
    if not force and any(m.name == name for m in landmarks.own_landmarks()):
        raise InputError(f"--save: you already have a landmark {name}; give another name, or --force to replace it.")
