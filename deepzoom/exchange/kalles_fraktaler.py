"""Kalles Fraktaler 2+: places (.kfr) and the comments of its pictures, lines of ``Key: value``.

The view's height is 4/Zoom. Unless ImagPointsUp is 1, the imaginary axis points down. A picture is turned, then
stretched, then turned upside down. Keys and defaults: the program's Settings.tab and manual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from deepzoom.coordinates import parse_decimal
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

from . import kalles_colours, kalles_hybrids
from .formulas import System, system_of
from .kalles_formulas import CHAINS, TEXTS, with_power
from .place import SIZE, Place, Transform, depth_of_zoom, number_of, shortened, steps_of, view_of

PROGRAM = "Kalles Fraktaler"

_COMPUTING = frozenset({
    "Version", "SettingsVersion", "Period", "OpenResetsParameters", "ImageWidth", "ImageHeight", "TargetWidth",
    "TargetHeight", "TextureMerge", "TexturePower", "TextureRatio", "TextureFile", "TextureResize", "FactorAR",
    "FactorAI", "ReferenceStrictZero", "UseOpenGL", "GLSL", "UseSRGB",
})  # fmt: skip
"""Keys that say how the program works, or something about a part that is listed, rather than what is seen."""
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}", re.ASCII)


def keys_of(text: str) -> dict[str, str]:
    """The keys of a file and their values; the first of a key counts, as in the program."""
    found: dict[str, str] = {}
    for line in text.removeprefix("\ufeff").splitlines():
        key, colon, value = line.partition(":")
        if colon and _KEY.fullmatch(key.strip()):
            found.setdefault(key.strip(), value.strip())
    return found


def is_place(keys: Mapping[str, str]) -> bool:
    """Whether a file has a place, not only colours."""
    return all(k in keys for k in ("Re", "Im", "Zoom"))


def place(text: str, where: str, name: str, size: tuple[int, int] | None = None) -> Place:
    """The place of a .kfr file or of a picture's comment. size: of that picture; name: of the file, for its colours.

    Raises InputError for a file that is broken, incomplete, or of a formula that deepzoom does not have.
    """
    keys = keys_of(text)
    for key in ("Re", "Im", "Zoom"):
        if key not in keys:
            raise InputError(
                f"{where} has no line {key!r}, which a place of {PROGRAM} needs."
                + (" It has colours: give it to --palette." if "Colors" in keys else "")
            )
    x, y = (parse_decimal(keys[k], f"{where}: {k}") for k in ("Re", "Im"))
    height = depth_of_zoom(keys["Zoom"], f"{where}: Zoom")
    system, settings = _system(keys, where)
    steps, beyond = steps_of(keys.get("Iterations", "200"), f"{where}: Iterations")
    view = view_of(x, y, height, size or _size(keys, where), _transform(keys, where), where)
    colours = kalles_colours.colours(keys, where)
    scene = Scene(system, view, steps, settings)
    if colours is not None:
        scene = Scene(system, view, steps, settings, palette=name, colouring=colours.colouring())
    return Place(scene, PROGRAM, (*beyond, *_left_out(keys), *kalles_colours.left_out(keys)))


def _system(keys: Mapping[str, str], where: str) -> System:
    if _is_on(keys, "UseHybridFormula"):
        return _hybrid(keys.get("HybridFormula", ""), keys, f"{where}: HybridFormula")
    kind, power = (
        _whole(keys.get(k, default), f"{where}: {k}") for k, default in (("FractalType", "0"), ("Power", "2"))
    )
    if kind in TEXTS:
        return _written(TEXTS[kind], keys, where)
    if kind not in CHAINS:
        raise InputError(f"{where}: FractalType {kind} of {PROGRAM} is a formula that deepzoom does not have.")
    powers, chain = CHAINS[kind]
    if len(powers) == 1:
        power = powers[0]
    if power not in powers:
        raise InputError(f"{where}: Power {power} of FractalType {kind} is not from {powers[0]} to {powers[-1]}.")
    return system_of(with_power(chain, power), where, _start(keys, where))


def _written(text: str, keys: Mapping[str, str], where: str) -> System:
    """The system of a formula's text, with the file's FactorA in it."""
    factor = [keys.get(k, default) for k, default in (("FactorAR", "1"), ("FactorAI", "0"))]
    if "{a}" in text and not all(abs(parse_decimal(t, f"{where}: FactorA")) < 10**50 for t in factor):
        raise InputError(f"{where}: FactorA is beyond 1e50.")
    return _own(text.replace("{a}", f"({factor[0]} + {factor[1]}*i)"), _start(keys, where))


def _own(formula: str, start: tuple[str, str]) -> System:
    settings = {"formula": formula}
    return "formula", settings if start == ("0", "0") else {**settings, "z0x": start[0], "z0y": start[1]}


def _hybrid(text: str, keys: Mapping[str, str], where: str) -> System:
    chain, start = kalles_hybrids.chain_of_hybrid(text), _start(keys, where)
    return system_of(chain, where, start) if chain else _own(kalles_hybrids.hybrid(text, where), start)


def _start(keys: Mapping[str, str], where: str) -> tuple[str, str]:
    """z_0, as two decimal texts."""
    for key in ("SeedR", "SeedI"):
        parse_decimal(keys.get(key, "0"), f"{where}: {key}")
    return keys.get("SeedR", "0"), keys.get("SeedI", "0")


def float_of(text: str) -> float | None:
    """A number, or None for a text that is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _transform(keys: Mapping[str, str], where: str) -> Transform:
    """The picture's turn and stretch.

    With x right and y down from the middle, the point is (re, im) = G T(s) diag(f, 1/f) T(-s) T(r) (x, y): T turns from
    x to y, r is RotateAngle, s is StretchAngle, f is 2**StretchAmount, and G changes the sign of im if ImagPointsUp.
    With y up instead, the angles have the other sign.
    """
    turn, along, amount = (
        number_of(keys.get(k, "0"), f"{where}: {k}") for k in ("RotateAngle", "StretchAngle", "StretchAmount")
    )
    if abs(amount) > 1000:
        raise InputError(f"{where}: StretchAmount {keys['StretchAmount']} is not from -1000 to 1000.")
    down = not _is_on(keys, "ImagPointsUp")
    sign = 1 if down else -1
    return Transform(sign * turn, 2.0**amount, sign * along, down)


def _size(keys: Mapping[str, str], where: str) -> tuple[int, int]:
    """The picture's size, where settings stand beside the place."""
    if "TargetWidth" not in keys or "TargetHeight" not in keys:
        return SIZE
    width, height = (_whole(keys[k], f"{where}: {k}") for k in ("TargetWidth", "TargetHeight"))
    return (width, height) if 1 <= width <= 1 << 14 and 1 <= height <= 1 << 14 else SIZE


def _left_out(keys: Mapping[str, str]) -> list[str]:
    """What of the place a scene has no room for."""
    found = []
    if float_of(keys.get("Rotate", "0")) != 0 or float_of(keys.get("Ratio", "360")) != 360:
        found.append("Rotate and Ratio of an old version, which the program itself now ignores")
    if _differs(keys, BailoutRadiusPreset="0") or _differs(keys, real="1", imag="1"):
        found.append("the bailout (an orbit has escaped at |z| > 2, or 100 for a formula)")
    elif keys.get("BailoutNormPreset", "1") not in ("0", "1"):
        found.append("the norm of the bailout")
    if _differs(keys, SmoothingMethod="0") or keys.get("SmoothMethod", "0") in ("1", "2"):
        found.append("linear smoothing (deepzoom's counts are logarithmic)")
    if _differs(keys, TriangleInequalityAverage="0"):
        found.append("the triangle inequality average")
    if _differs(keys, JitterSeed="0"):
        found.append("jitter")
    if _differs(keys, ExponentialMap="0"):
        found.append("the exponential map")
    unknown = sorted(k for k in keys if k not in _KNOWN and k not in _COMPUTING and k not in kalles_colours.KEYS)
    if unknown:
        found.append("settings of the program: " + ", ".join(unknown[:8]) + (" and more" if len(unknown) > 8 else ""))
    return found


_KNOWN = frozenset({
    "Re", "Im", "Zoom", "Iterations", "FractalType", "Power", "SeedR", "SeedI", "UseHybridFormula", "HybridFormula",
    "RotateAngle", "StretchAngle", "StretchAmount", "ImagPointsUp", "Rotate", "Ratio", "BailoutRadiusPreset",
    "BailoutRadiusCustom", "BailoutNormPreset", "BailoutNormCustom", "real", "imag", "SmoothingMethod", "SmoothMethod",
    "TriangleInequalityAverage", "JitterSeed", "ExponentialMap",
})  # fmt: skip


def _differs(keys: Mapping[str, str], **defaults: str) -> bool:
    """Whether a key is there and is not at its default, a number."""
    return any(float_of(keys.get(k, d)) != float(d) for k, d in defaults.items())


def _is_on(keys: Mapping[str, str], key: str) -> bool:
    return float_of(keys.get(key, "0")) not in (0, None)


def _whole(text: str, where: str) -> int:
    number = parse_decimal(text, where)
    if number.denominator != 1 or abs(number) > 10**9:
        raise InputError(f"{where}: {shortened(text)!r} is not a whole number.")
    return int(number)
