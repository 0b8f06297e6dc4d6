"""What a shell offers for the values of options, after ``deepzoom --install-completion``."""

from __future__ import annotations

from collections.abc import Iterable


def _fitting(names: Iterable[str], begun: str) -> list[str]:
    return [name for name in names if name.startswith(begun)]


def systems(incomplete: str) -> list[str]:
    """Names of systems that begin so."""
    from deepzoom.systems import names

    return _fitting(names(), incomplete)


def landmarks(incomplete: str) -> list[str]:
    """Names of landmarks that begin so."""
    from deepzoom.landmarks import all_landmarks, own_landmarks

    return _fitting((m.name for m in (*all_landmarks(), *own_landmarks())), incomplete)


def backends(incomplete: str) -> list[str]:
    """Names of backends that begin so."""
    from deepzoom.backends.select import names

    return _fitting(names(), incomplete)


def palettes(incomplete: str) -> list[str]:
    """Names of palettes that begin so."""
    from deepzoom.colouring.palettes import names

    return _fitting(names(), incomplete)


def colourings(incomplete: str) -> list[str]:
    """Names of colourings that begin so."""
    from deepzoom.scene.colours import COLOURINGS

    return _fitting(COLOURINGS, incomplete)
