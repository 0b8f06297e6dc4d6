"""Imagina: places as text (.imt) and as bytes (.im). Size is half the view's height; the imaginary axis points up.

Both are known from the program's source alone (File.cpp), which calls the bytes a temporary format. The numbers of the
text are hexadecimal; an exponent follows "@", in decimal digits, and is one of 16.
"""

from __future__ import annotations

import math
import re
import struct

from gmpy2 import mpq, mpz

from deepzoom.coordinates import Rational
from deepzoom.errors import InputError
from deepzoom.scene.scene import Scene

from .place import SIZE, Place, Transform, checked_depth, shortened, steps_of, view_of

PROGRAM = "Imagina"
MAGIC = struct.pack("<Q", 0x000A0D56504D49FF)
_NUMBER = re.compile(r"([+-]?)(?:0[xX])?([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:@([+-]?\d{1,7}))?", re.ASCII)
_MOST_BITS = 1_000_000
"""Of a centre, whose decimals a scene holds: as many as it has binary digits behind the point."""
_FORMULAS = {"Mandelbrot": "mandelbrot", "Tricorn": "tricorn", "Burning ship": "burning-ship"}


def is_text(text: str) -> bool:
    """Whether a text is a place of this program."""
    return re.search(r"^Location[ \t]*:[ \t]*\r?$", text, re.MULTILINE) is not None


def place(text: str, where: str) -> Place:
    """The place of a .imt file. Raises InputError where it is broken."""
    keys: dict[str, str] = {}
    for line in text.removeprefix("\ufeff").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            keys.setdefault(key.strip(), value.strip())
    missing = next((k for k in ("Re", "Im", "Size") if k not in keys), None)
    if missing is not None:
        raise InputError(f"{where} has no line {missing!r}, which a place of {PROGRAM} needs.")
    formula = keys.get("Formula", "Mandelbrot")
    if formula not in _FORMULAS:
        raise InputError(f"{where}: Formula {shortened(formula)!r} of {PROGRAM} is one that deepzoom does not have.")
    x, y, size = (_hexadecimal(keys[k], f"{where}: {k}") for k in ("Re", "Im", "Size"))
    return _place(_FORMULAS[formula], x, y, size, keys.get("Iterations", "1024"), where)


def place_of_bytes(content: bytes, where: str) -> Place:
    """The place of a .im file, always one of the Mandelbrot set. Raises InputError where it is cut short."""
    try:
        _, _, at, _ = struct.unpack_from("<4Q", content)
        mantissa, exponent, limit = struct.unpack_from("<dqQ", content, at)
        x, at = _float(content, at + 24)
        y, _ = _float(content, at)
    except (struct.error, OverflowError):
        raise InputError(f"{where} is cut short.") from None
    if not 0 < mantissa < math.inf or abs(exponent) > 1 << 22:
        raise InputError(f"{where} has no height that deepzoom can read.")
    return _place("mandelbrot", x, y, mpq(mantissa) * mpq(2) ** exponent, limit, where)


def _place(system: str, x: Rational, y: Rational, half: Rational, limit: object, where: str) -> Place:
    if half <= 0:
        raise InputError(f"{where}: Size is not above zero.")
    if any(max(v.numerator.bit_length(), v.denominator.bit_length()) > _MOST_BITS for v in (x, y)):
        raise InputError(f"{where}: the centre has more than {_MOST_BITS:,} binary digits.")
    view = view_of(x, y, checked_depth(2 * half, f"{where}: Size"), SIZE, Transform(), where)
    steps, beyond = steps_of(limit, f"{where}: Iterations")
    return Place(Scene(system, view, steps), PROGRAM, tuple(beyond))


def _hexadecimal(text: str, where: str) -> Rational:
    """The exact value of a hexadecimal number such as -0.c8@-3, which is -(12/16 + 8/256)/16**3."""
    match = _NUMBER.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        raise InputError(f"{where}: {shortened(text)!r} is not a hexadecimal number such as -0.c8@-3.")
    power = int(match[4] or 0) - len(match[3] or "")
    if abs(power) > 1_000_000:
        raise InputError(f"{where}: the exponent of {shortened(text)!r} is beyond 1,000,000.")
    value = mpq(mpz(match[2] + (match[3] or ""), 16)) * mpq(16) ** power
    return -value if match[1] == "-" else value


def _float(content: bytes, at: int) -> tuple[Rational, int]:
    """A number of MPIR and where the next begins.

    The exponent (int32) counts 64-bit limbs before the point; then come the number of bytes (big-endian int32, its sign
    that of the number) and the bytes, highest first.
    """
    (exponent,) = struct.unpack_from("<i", content, at)
    (size,) = struct.unpack_from(">i", content, at + 4)
    begin, end = at + 8, at + 8 + abs(size)
    if end > len(content) or abs(exponent) > 1 << 20:
        raise struct.error
    whole = mpz(int.from_bytes(content[begin:end], "big"))
    limbs = -(-whole.bit_length() // 64)
    value = mpq(whole) * mpq(2) ** (64 * (exponent - limbs))
    return (-value if size < 0 else value), end
