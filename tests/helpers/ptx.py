"""Kernels compiled for a GPU where there is none: to PTX by NVVM, and by ptxas to machine code, for its figures.

Both come with numba-cuda: ``pip install "numba-cuda[cu12]"``, or ``"numba-cuda[cu13]" nvidia-cuda-nvcc``.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import types
from pathlib import Path
from unittest.mock import patch


def missing():
    """Why no kernel can be compiled here, or None."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed"
    return None if ptxas() is not None else "ptxas is not installed"


def ptxas():
    spec = importlib.util.find_spec("nvidia")
    folders = [] if spec is None else [Path(p) for p in spec.submodule_search_locations]
    return next((p for folder in folders for p in sorted(folder.glob("*/bin/ptxas"))), None)


def compiled(kernel, arguments, capability=(9, 0)):
    """PTX of a kernel (a dispatcher) for arguments such as it is called with on the CPU."""
    import numba
    from numba import cuda

    device = types.SimpleNamespace(compute_capability=capability)
    signature = tuple(numba.typeof(a) for a in arguments)
    with patch("numba.cuda.dispatcher.get_current_device", lambda: device):
        ptx, _ = cuda.compile(kernel.py_func, signature, device=False, abi="numba", cc=capability)
    return ptx


def figures(ptx, folder, capability=(9, 0), most=255):
    """(registers, bytes of spills, bytes of stack) that ptxas reports, for at most so many registers."""
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
    return int(re.search(r"Used (\d+) registers", text)[1]), spills, int(re.search(r"(\d+) bytes stack", text)[1])
