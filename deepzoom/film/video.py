"""Writes video files with PyAV, which contains FFmpeg's libraries."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepzoom.errors import InputError
from deepzoom.files import whole_path

CODECS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "h264": (("libx264", {"crf": "15", "preset": "slow", "tune": "grain"}),),
    "hevc": (("libx265", {"crf": "16", "preset": "medium", "x265-params": "log-level=error"}),),
    "av1": (
        ("libsvtav1", {"crf": "20", "preset": "6", "svtav1-params": "film-grain=0"}),
        ("libaom-av1", {"crf": "20", "cpu-used": "6"}),
    ),
}
"""The encoders of each codec and their options, which keep fine grain; the first one that is installed is used."""


CONTAINERS: dict[str, tuple[str, dict[str, str], tuple[str, ...]]] = {
    ".mp4": ("mp4", {"movflags": "use_metadata_tags+faststart"}, tuple(CODECS)),
    ".mkv": ("matroska", {}, tuple(CODECS)),
    ".webm": ("webm", {}, ("av1",)),
}
"""For each suffix of a video file: FFmpeg's name of the format, its options, and the codecs that it can hold."""
_OTHERS = (".avi", ".apng", ".gif", ".m4v", ".mov", ".mpg", ".mpeg", ".ogv", ".webp", ".wmv", ".png", ".jpg", ".jpeg")


def is_video(path: Path) -> bool:
    """Whether ``write_video`` can write a file of this name."""
    return path.suffix.lower() in CONTAINERS


def check_name(path: Path, codec: str) -> None:
    """Raise InputError for the name of a video or picture that we cannot write, or that cannot hold the codec."""
    suffix = path.suffix.lower()
    if suffix in _OTHERS and not path.is_dir():
        raise InputError(f"--out: {path} is neither a folder nor ends in {', '.join(CONTAINERS)}.")
    if is_video(path) and codec in CODECS and codec not in CONTAINERS[suffix][2]:
        raise InputError(f"--codec: a {suffix} video can hold {', '.join(CONTAINERS[suffix][2])}, not {codec}.")


def encoder(codec: str) -> tuple[str, dict[str, str]]:
    """(name, options) of an encoder. Raises InputError if the codec is unknown or has no encoder here."""
    import av

    if codec not in CODECS:
        raise InputError(f"--codec: {codec!r} is not one of {', '.join(CODECS)}.")
    for name, options in CODECS[codec]:
        if name in av.codecs_available:
            return name, options
    here = [c for c, encoders in CODECS.items() if any(name in av.codecs_available for name, _ in encoders)]
    raise InputError(f"--codec: this machine cannot encode {codec}; it can encode {', '.join(here) or 'none'}.")


def write_video(
    path: Path, pictures: Iterable[NDArray[np.float64]], size: tuple[int, int], fps: Fraction, codec: str, comment: str
) -> None:
    """Write pictures, float64 (height, width, 3) in 0 .. 1, as a video; the file appears whole or not at all.

    The path's suffix is one of ``CONTAINERS``. size: (width, height), both even. comment: stored in the file's
    metadata. An error raised by ``pictures`` is passed on.
    """
    import av
    from av.video.reformatter import Colorspace

    os.environ.setdefault("SVT_LOG", "1")  # libsvtav1 prints everything it does otherwise
    name, options = encoder(codec)
    suffix = path.suffix.lower()
    form, settings, _ = CONTAINERS[suffix]
    with (
        whole_path(path, f".tmp{suffix}") as temporary,
        av.open(str(temporary), "w", format=form, options=settings) as container,
    ):
        container.metadata["comment"] = comment
        stream: Any = container.add_stream(name, rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.colorspace = Colorspace.ITU709  # stated, because players would guess it from the size
        for rgb in pictures:
            frame = av.VideoFrame.from_ndarray(np.rint(rgb * 255).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
        container.mux(stream.encode())
