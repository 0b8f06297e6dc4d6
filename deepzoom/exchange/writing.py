"""Scenes as files of other programs: Kalles Fraktaler's .kfr and Fraktaler-3's .f3.toml. The readers read them back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tomli_w
from gmpy2 import mpq

from deepzoom.coordinates import Rational, format_decimal, with_digits
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene
from deepzoom.scene.shape import IDENTITY
from deepzoom.scene.view import View

from .formulas import Chain, Chains, chains_of
from .fraktaler3 import PROGRAM as FRAKTALER3
from .kalles_colours import CYCLE
from .kalles_formulas import CHAINS, with_power
from .kalles_fraktaler import PROGRAM as KALLES_FRAKTALER
from .place import Transform

_ZOOM_DIGITS, _ANGLE, _AMOUNT = 40, 10, 12
"""Digits of a zoom, and decimals of degrees and of log2 of a stretch: as many as a shape, which is rounded, has."""
_KNOWN = [with_power(chain, power) for powers, chain in CHAINS.values() for power in powers]
_MOST_KEYS = 1024
_MOST_POWER = 10
SIGNS = {"absx": "abs_x", "absy": "abs_y", "negx": "neg_x", "negy": "neg_y"}
"""Operations that may stand before a power in both programs, in their order, and Fraktaler-3's names of them."""


def transform_of(view: View) -> tuple[Rational, Transform]:
    """(height, transform) of a view: its height before the transform, and how a picture is turned and stretched."""
    if view.shape == IDENTITY:
        return view.depth, Transform(down=view.flip)
    left, (long, short), right = np.linalg.svd(view.shape.matrix)
    whole = left @ right
    turn = math.degrees(math.atan2(whole[1, 0], whole[0, 0]))
    along = math.degrees(math.atan2(left[1, 0], left[0, 0])) % 180.0
    if long <= short * (1 + 1e-11):
        return view.depth * _near_one(float(long)), Transform(round(turn, _ANGLE), down=view.flip)
    factor = 2.0 ** round(math.log2(long / short) / 2, _AMOUNT)
    height = view.depth * _near_one(float(short)) * mpq(factor)
    return height, Transform(round(turn, _ANGLE), factor, round(along, _ANGLE), view.flip)


def _near_one(span: float) -> Rational:
    """A span of a shape; shapes are rounded to 12 decimals, and most spans were 1 before."""
    return mpq(1) if abs(span - 1) < 1e-10 else mpq(span)


def kfr(scene: Scene, row: Sequence[str], bailout: float | None = None, expmap: bool = False) -> tuple[str, list[str]]:
    """(text, what it does not have) of a .kfr file. row: the palette's colours ``#rrggbb``, evenly spaced.

    bailout: the radius at which raw data end their orbits; expmap: whether the picture is an exponential map. Raises
    InputError for a system that the program does not have.
    """
    chains = _chains(scene, KALLES_FRAKTALER)
    formula = _kalles(chains.each[0][0]) if len(chains.each) == 1 else _kalles_hybrid(chains)
    if formula is None:
        raise _unknown(scene, KALLES_FRAKTALER)
    view, how = scene.view, scene.colouring
    height, transform = transform_of(view)
    sign = 1 if transform.down else -1
    colours = list(row[:-1] if len(row) > 1 and row[0] == row[-1] else row)[:_MOST_KEYS]
    keys = {
        "Re": format_decimal(view.x),
        "Im": format_decimal(view.y),
        "Zoom": _zoom(height),
        "Iterations": str(scene.steps),
        "IterDiv": repr(how.cycle / CYCLE if how.by == "cyclic" else 1.0),
        "ColorMethod": "7" if how.by == "distance" else "0",
        "ColorOffset": "0",
        "Colors": "".join(f"{_bgr(c)}," for c in colours),
        "InteriorColor": f"{_bgr(how.interior)},",
        "Smooth": "1",
        **formula,
        "Slopes": "0" if how.slope is None else "1",
        "SlopeAngle": str(round(180 - (how.slope or 0.0)) % 360),
        "RotateAngle": repr(sign * transform.turn + 0.0),
        "StretchAngle": repr(sign * transform.along + 0.0),
        "StretchAmount": repr(round(math.log2(transform.factor), _AMOUNT)),
        "ImagPointsUp": "0" if transform.down else "1",
        "TargetWidth": str(view.width),
        "TargetHeight": str(view.height),
        "Version": "2150400",
        **({} if bailout is None else {"BailoutRadiusPreset": "3", "BailoutRadiusCustom": repr(bailout)}),
        **({"ExponentialMap": "1"} if expmap else {}),
    }
    missing = [f"the colouring {how.by}"] if how.by not in ("cyclic", "distance") else []
    return "".join(f"{key}: {value}\r\n" for key, value in keys.items()), missing + _samples(view)


def _kalles(chain: Chain) -> dict[str, str] | None:
    """The keys of a chain: its type and power, or a hybrid formula of one operator; None if it is neither."""
    for kind, (powers, known) in CHAINS.items():
        power = next((p for p in powers if p <= _MOST_POWER and with_power(known, p) == chain), None)
        if power is not None:
            return {"Power": str(power), "FractalType": str(kind)}
    return _kalles_hybrid(Chains([(chain, 1)]))


def _kalles_hybrid(chains: Chains) -> dict[str, str] | None:
    """The keys of a hybrid formula; None if one of the chains is not some signs and a power."""
    groups = []
    for (*signs, last), count in chains.each:
        if not (isinstance(last, int) and last <= _MOST_POWER and signs == [s for s in SIGNS if s in signs]):
            return None
        flags = ",".join(str(int(s in signs)) for s in SIGNS)
        groups.append(f"{count}|{flags},{last},1,0;0,0,0,0,0,0,0;0")
    power, text = str(chains.each[0][0][-1]), "/".join([str(chains.begin), *groups])
    return {"Power": power, "FractalType": "0", "UseHybridFormula": "1", "HybridFormula": text}


def f3_toml(scene: Scene, bailout: float | None = None, expmap: bool = False) -> tuple[str, list[str]]:
    """(text, what it does not have) of a .f3.toml file; bailout, expmap: as of ``kfr``.

    Raises InputError for a system that the program lacks.
    """
    chains = _chains(scene, FRAKTALER3)
    if chains.begin:
        raise InputError(
            f"FILE: in {FRAKTALER3} all formulas come again, so a scene whose formulas have 'loop:' cannot be written"
            " for it; .kfr can hold it."
        )
    view = scene.view
    height, transform = transform_of(view)
    turned = {
        "reflect": transform.down,
        "rotate": -transform.turn if transform.down else transform.turn,
        "stretch_angle": round(transform.along - transform.turn, _ANGLE) if transform.factor != 1 else 0.0,
        "stretch_amount": round(100 * math.log2(transform.factor), _AMOUNT),
        "exponential_map": expmap,
    }
    ends: dict[str, float] = {"iterations": scene.steps, "maximum_reference_iterations": scene.steps}
    if bailout is not None:
        ends["escape_radius"] = bailout**2
    tables = {
        "program": "fraktaler-3",
        "version": "2",
        "location": {"real": format_decimal(view.x), "imag": format_decimal(view.y), "zoom": _zoom(height)},
        "bailout": ends,
        "image": {"width": view.width, "height": view.height},
        **({"transform": changed} if (changed := {k: v for k, v in turned.items() if v}) else {}),
        "formula": [_phase(chain) for chain, count in chains.each for _ in range(count)],
    }
    return tomli_w.dumps(tables), ["the colours", *_samples(view)]


def _chains(scene: Scene, program: str) -> Chains:
    chains = chains_of(scene.system, scene.settings, _KNOWN)
    if chains is None:
        raise _unknown(scene, program)
    return chains


def _unknown(scene: Scene, program: str) -> InputError:
    name = scene.settings.get("formula", "z**2 + c") if scene.system == "formula" else scene.system
    return InputError(f"FILE: {name[:60]} is not a formula of {program}, so the scene cannot be written for it.")


def _phase(chain: Chain) -> dict[str, object]:
    """The table of a formula: its signs and power, or its operations."""
    *before, last = chain
    if isinstance(last, int) and before == [s for s in SIGNS if s in before]:
        return {**{SIGNS[str(s)]: True for s in before}, "power": last}
    words: list[str] = []
    for operation in chain:
        if not isinstance(operation, int):
            words.append(operation)
            continue
        power = [w for digit in bin(operation)[3:] for w in (("sqr", "mul") if digit == "1" else ("sqr",))]
        words += ["store", *power] if "mul" in power else power
    return {"opcodes": " ".join([*words, "add"])}


def _samples(view: View) -> list[str]:
    return ["the samples of pixels"] if view.samples > 1 else []


def _zoom(height: Rational) -> str:
    digits, _, exponent = with_digits(4 / height, _ZOOM_DIGITS).partition("e")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}E{int(exponent or 0)}"


def _bgr(colour: str) -> str:
    return ",".join(str(int(colour[k : k + 2], 16)) for k in (5, 3, 1))
