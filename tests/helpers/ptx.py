"""Kernels compiled for a GPU on a machine that has none: NVVM makes PTX of them, and ptxas machine code of that.

Both come with numba-cuda: ``pip install "numba-cuda[cu12]"``, or ``"numba-cuda[cu13]" nvidia-cuda-nvcc``.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch


def missing() -> str | None:
    """Why no kernel can be compiled here, or None."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed"
    return None if ptxas() is not None else "ptxas is not installed"


def ptxas() -> Path | None:
    """The first ptxas among NVIDIA's Python packages, or None."""
    spec = importlib.util.find_spec("nvidia")
    folders = [] if spec is None else [Path(p) for p in spec.submodule_search_locations or ()]
    return next((p for folder in folders for p in sorted(folder.glob("*/bin/ptxas"))), None)


def compiled(kernel: Any, arguments: Sequence[Any], capability: tuple[int, int] = (9, 0)) -> str:
    """The PTX of a kernel, which is one of Numba's dispatchers, for arguments as the CPU's kernel takes them."""
    import numba
    from numba import cuda

    device = types.SimpleNamespace(compute_capability=capability)
    signature = tuple(numba.typeof(a) for a in arguments)
    with patch("numba.cuda.dispatcher.get_current_device", lambda: device):
        ptx, _ = cuda.compile(kernel.py_func, signature, device=False, abi="numba", cc=capability)
    return ptx


def figures(
    ptx: str, folder: str | Path, capability: tuple[int, int] = (9, 0), most: int = 255
) -> tuple[int, int, int]:
    """(registers, bytes of spills, bytes of stack) of a thread, as ptxas reports them; most: registers allowed."""
    source = Path(folder) / "kernel.ptx"
    source.write_text(ptx)
    arch = f"sm_{capability[0]}{capability[1]}"
    done = subprocess.run(
        [
            str(ptxas()),
            "-v",
            f"--gpu-name={arch}",
            f"--maxrregcount={most}",
            str(source),
            "-o",
            str(source.with_suffix(".cubin")),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    text = done.stderr + done.stdout
    spills = sum(int(n) for n in re.findall(r"(\d+) bytes spill", text))
    return _number(r"Used (\d+) registers", text), spills, _number(r"(\d+) bytes stack", text)


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    assert found is not None, text
    return int(found[1])
