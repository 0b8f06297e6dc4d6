"""``deepzoom doctor``: what a bug report needs to say of the machine."""

from __future__ import annotations

import re

from .exit_codes import reported


@reported
def doctor() -> None:
    """Print what a bug report needs: versions of packages, processor, GPU, and cache."""
    from deepzoom import __version__, cache
    from deepzoom.commands.terminal.table import table

    contents = ", ".join(f"{n} files of {k} ({b / 2**20:,.1f} MiB)" for k, (n, b) in cache.contents().items())
    table(("deepzoom", __version__), [
        ("Python", _python()),
        ("processor", _processor()),
        ("kernels", _kernels()),
        ("GPU", _gpu()),
        ("cache", f"{cache.folder()}: {contents}"),
        *_packages(),
    ])  # fmt: skip


def _python() -> str:
    import platform
    import sys

    free = not getattr(sys, "_is_gil_enabled", lambda: True)()
    name = f"{platform.python_implementation()} {platform.python_version()}{', free-threaded' if free else ''}"
    return f"{name}, on {platform.platform()}"


def _processor() -> str:
    """Its name, and how many threads deepzoom uses."""
    import platform
    from pathlib import Path

    from deepzoom.rendering.batches import cores

    try:
        named = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        named = None
    return f"{named[1] if named else platform.processor() or platform.machine()}, {cores()} threads"


def _kernels() -> str:
    """The processor for which Numba compiles, and how many float64 values one of its instructions takes."""
    import llvmlite.binding
    from numba import config

    name = config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    features = config.CPU_FEATURES
    if features is None:
        features = llvmlite.binding.get_host_cpu_features().flatten()
    known = set(features.split(","))
    kind, width = next(
        (kind, width) for flag, kind, width in (
            ("+avx512f", "AVX-512", 8), ("+avx2", "AVX2", 4), ("+avx", "AVX", 4), ("", "vectors of 128 bits", 2),
        ) if not flag or flag in known
    )  # fmt: skip
    return f"for {name}, {kind}: {width} float64 values at once"


def _gpu() -> str:
    from deepzoom.backends.gpu import device

    obstacle = device.obstacle()
    if obstacle is not None:
        return f"none: {obstacle}"
    import cupy

    driver = device.version(cupy.cuda.runtime.driverGetVersion())
    return f"{', '.join(d.name for d in device.opened())}, a driver of CUDA {driver}"


def _packages() -> list[tuple[str, str]]:
    """(name, version) of each package that deepzoom needs or can use, as far as it is installed."""
    from importlib import metadata

    try:
        needs = metadata.requires("deepzoom") or []
    except metadata.PackageNotFoundError:
        needs = []
    names = {re.split(r"[^\w.-]", need, maxsplit=1)[0] for need in needs} | {"llvmlite"}
    found = []
    for name in sorted(names - {"deepzoom"}, key=str.lower):
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return found
