"""Places as people post them: lines such as ``Re = -1.25``, ``Im: 0.1``, ``Zoom: 2^100`` and ``Iterations: 10,000``.

The height is 4/Zoom. A text with the words Re, Im and Zoom is one that Kalles Fraktaler reads, so its imaginary axis
points down; with other words, such as Real and Imaginary, it points up.
"""

from __future__ import annotations

import re

from gmpy2 import mpq

from deepzoom.coordinates import Rational, parse_decimal
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

from .place import SIZE, Place, Transform, checked_depth, depth_of_zoom, shortened, steps_of, view_of

PROGRAM = "a posted text"
_WORDS = {
    "x": ("re", "real", "x", "realpart", "centerreal", "centerre", "centerx", "realcoordinate"),
    "y": ("im", "imag", "imaginary", "y", "imaginarypart", "imagpart", "centerimag", "centerim", "centery"),
    "zoom": ("zoom", "zoomlevel", "zoomfactor"),
    "height": ("height", "depth"),
    "steps": ("iterations", "iteration", "maxiterations", "maxiter", "iterationlimit", "iter", "maximumiterations"),
}
_KEYS = {word: key for key, words in _WORDS.items() for word in words}
_LINE = re.compile(r"([A-Za-z][A-Za-z _()]{0,40})[:=](.*)")
_MORE = re.compile(r"\s*\d+(?:[eE][+-]?\d+)?\s*")
_POWER = re.compile(r"(?:([\d.]+)\s*[*x\u00d7]\s*)?(\d{1,3})\s*(?:\^|\*\*)\s*([+-]?\d{1,7})")


def place(text: str, where: str) -> Place:
    """The place that a text gives. Raises InputError if it has no centre and height."""
    found, words, unread = _found(text)
    missing = [name for key, name in (("x", "Re"), ("y", "Im")) if key not in found]
    if missing or not ("zoom" in found or "height" in found):
        raise InputError(
            f"{where} is neither a scene (TOML text), a picture, a data file, nor a text with lines"
            f" 'Re: ', 'Im: ' and 'Zoom: '{f'; it has no {missing[0]}' if len(found) > 1 and missing else ''}."
        )
    x, y = (parse_decimal(found[k], f"{where}: {words[k]}") for k in "xy")
    if "zoom" in found:
        height = _of_zoom(found["zoom"], f"{where}: {words['zoom']}")
    else:
        height = parse_decimal(found["height"], f"{where}: {words['height']}")
        if height <= 0:
            raise InputError(f"{where}: {words['height']} {shortened(found['height'])} is not above zero.")
        checked_depth(height, f"{where}: {words['height']}")
    down = (words["x"].lower(), words["y"].lower()) == ("re", "im") and "zoom" in found
    view = view_of(x, y, height, SIZE, Transform(down=down), where)
    steps, beyond = steps_of(found.get("steps", "20000"), f"{where}: {words.get('steps', 'Iterations')}")
    left_out = [f"the lines {', '.join(unread[:6])}{' and more' if len(unread) > 6 else ''}"] if unread else []
    return Place(Scene("mandelbrot", view, steps), PROGRAM, (*beyond, *left_out))


def _found(text: str) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """What the lines say, by key; the word that stands for each key; and the words that say something else.

    A line of digits alone goes on with the number before it.
    """
    found: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    unread: list[str] = []
    last: str | None = None
    for line in text.removeprefix("\ufeff").splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            if last is not None and _MORE.fullmatch(line):
                found[last].append(line.strip())
            elif line.strip():
                last = None
            continue
        key = _KEYS.get(re.sub(r"[^a-z]", "", match[1].lower()))
        last = None
        if key is None:
            unread.append(match[1].strip())
        elif key not in found:
            found[key], words[key], last = [match[2].strip().replace("\u2212", "-")], match[1].strip(), key
    return {key: "".join(parts) for key, parts in found.items()}, words, unread


def _of_zoom(text: str, where: str) -> Rational:
    """The height of a zoom that may be a power, such as 2^100 or 1.5*10^30."""
    match = _POWER.fullmatch(text)
    if match is None:
        return depth_of_zoom(text.replace(",", ""), where)
    factor, base, power = parse_decimal(match[1] or "1", where), int(match[2]), int(match[3])
    if factor <= 0 or base < 2:
        raise InputError(f"{where}: {shortened(text)!r} is not a number above zero, such as 1e20.")
    if abs(power) > 700_000:
        raise InputError(f"{where}: the power of {shortened(text)!r} is beyond 700,000.")
    return checked_depth(4 / (factor * mpq(base) ** power), where)
