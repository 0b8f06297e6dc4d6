"""Kernels that run without Numba: machine code cached on disk, loaded by llvmlite, called with numbers and addresses.

Importing Numba and letting it load a cached kernel takes half a second, which is most of a small warm render. A kernel
can do without if it takes only numbers, arrays and tuples of them, returns nothing, and calls only the C library. For
such a kernel, Numba's machine code is cached a second time, with two additions: an entry that takes all arguments from
one block of memory, so that this module needs to know no calling convention, and functions that allocate arrays.
Every other kernel, and every kernel on its first run, is called through Numba, whose code is the same.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from deepzoom.files import whole_file

from . import jit
from .llvm_entry import ENTRY, NO_MEMORY, OWNED, entry_text, owned

_ARRAY = "PPqqP"
"""An array as arguments: its owner, twice (none: it is borrowed), size, bytes per item and address. Shape and strides
follow."""
_GOOD = (0, -2)
"""Status of Numba's code if it raised nothing: with a value, and with None."""
_OF_NUMBA = ("numba", "NRT_", "Py", "_Py")


def layout(arguments: tuple[Any, ...]) -> tuple[str, str] | None:
    """(types, format for ``struct``) of a kernel's arguments; None if they contain anything that is not supported.

    Arguments with equal types have one signature in Numba.
    """
    types, formats = [], []
    for a in arguments:
        if type(a) is tuple:
            inside = layout(a)
            if inside is None:
                return None
            types.append(f"({inside[0]})")
            formats.append(inside[1])
        elif type(a) is np.ndarray:
            if not (a.flags.c_contiguous and a.flags.aligned and a.dtype.isnative and a.dtype.kind in "biuf"):
                return None
            types.append(f"{a.dtype.str}{a.ndim}{'' if a.flags.writeable else 'r'}")
            formats.append(_ARRAY + 2 * a.ndim * "q")
        elif isinstance(a, (bool, np.bool_)):
            types.append("?")
            formats.append("?")
        elif isinstance(a, (int, np.int64)) and -(1 << 63) <= a < 1 << 63:
            types.append("q")
            formats.append("q")
        elif isinstance(a, float):
            types.append("d")
            formats.append("d")
        else:
            return None
    return " ".join(types), "".join(formats)


def _flat(arguments: tuple[Any, ...], into: list[Any]) -> list[Any]:
    """The arguments as numbers and addresses, in the order of ``layout``."""
    for a in arguments:
        if type(a) is tuple:
            _flat(a, into)
        elif type(a) is np.ndarray:
            into += (0, 0, a.size, a.itemsize, a.ctypes.data, *a.shape, *a.strides)
        else:
            into.append(a)
    return into


class Kernel:
    """A kernel with a name, called like Numba's; ``found`` imports Numba's kernel when it is needed."""

    def __init__(self, name: str, found: Callable[[], Any]) -> None:
        self._name, self._found = name, found
        self._entries: dict[str, Callable[[bytes], int] | None] = {}
        self._dispatcher: Any = None
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of_numba(), name)

    def __call__(self, *arguments: Any) -> None:
        known = layout(arguments)
        if known is None:
            self._of_numba()(*arguments)
            return
        types, flat = known
        with self._lock:
            if types not in self._entries:
                self._entries[types] = _loaded(self._path(types))
        entry = self._entries[types]
        if entry is None:
            self._by_numba(types, flat, arguments)
            return
        # every argument takes eight bytes
        numbers = struct.pack("".join(f"{c}7x" if c == "?" else c for c in flat), *_flat(arguments, []))
        status = entry(numbers)
        if status == NO_MEMORY:
            raise MemoryError
        if status not in _GOOD:
            raise RuntimeError(f"the kernel {self._name} ended with status {status}")

    def _of_numba(self) -> Any:
        if self._dispatcher is None:
            self._dispatcher = self._found()
        return self._dispatcher

    def _by_numba(self, types: str, flat: str, arguments: tuple[Any, ...]) -> None:
        """Call the kernel through Numba, and cache its code for other processes if possible."""
        kernel = self._of_numba()
        kernel(*arguments)
        with self._lock:
            path = self._path(types)
            if path is not None and not os.path.exists(path):
                # if caching fails, or another version of Numba lacks these parts, the next call uses Numba again
                with suppress(OSError, AttributeError, NameError, RuntimeError):
                    _save(path, kernel, flat, arguments)

    def _path(self, types: str) -> Path | None:
        machine = _machine()
        if machine is None:
            return None
        key = hashlib.sha256(f"{machine}\n{types}".encode()).hexdigest()[:16]
        return jit.folder() / "alone" / f"{self._name}-{key}.o"


@lru_cache(maxsize=1)
def _machine() -> str | None:
    """Everything that decides which code Numba makes for the same source and types; None if that is not known."""
    # tested on Linux only: elsewhere a symbol that the loader lacks would end the process
    if sys.platform != "linux" or struct.calcsize("P") != 8 or Path(".numba_config.yaml").exists():
        return None
    import llvmlite
    import llvmlite.binding as llvm

    chosen = sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_") and k != "NUMBA_CACHE_DIR")
    host = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    own = jit.source_digest("compiling/machine_code.py", "compiling/llvm_entry.py")
    return "\n".join((own, llvmlite.__version__, llvm.get_default_triple(), *host, *chosen))


def _loaded(path: Path | None) -> Callable[[bytes], int] | None:
    """The entry of cached code; None if there is none or it cannot run here. Broken files are removed."""
    if path is None:
        return None
    try:
        head, code = path.read_bytes().split(b"\n", 1)
        facts = json.loads(head)
        calls = list(map(str, facts["calls"]))
        if facts["sha256"] != hashlib.sha256(code).hexdigest():
            raise ValueError
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):
        with suppress(OSError):
            path.unlink()
        return None
    import llvmlite.binding as llvm

    engine = _engine()
    if any(llvm.address_of_symbol(name) is None for name in calls):
        return None
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(ENTRY)
    if not address:
        return None
    entry: Any = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p)(address)
    entry.engine = engine  # lives as long as what it holds is called
    return entry


def _engine() -> Any:
    """What holds one kernel's code."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


def _save(path: Path, kernel: Any, flat: str, arguments: tuple[Any, ...]) -> None:
    """Cache the code that Numba has just called, if it can run without Numba."""
    import llvmlite.binding as llvm

    done = getattr(kernel, "overloads", {}).get(tuple(kernel.typeof_pyval(a) for a in arguments))
    if done is None or str(done.signature.return_type) != "none":
        return
    machine = done.library.codegen._tm
    module = llvm.parse_bitcode(done.library._get_module_for_linking().as_bitcode())
    text = entry_text(module.get_function(done.fndesc.llvm_func_name), flat)
    if text is None:
        return
    if any(f.name == "NRT_MemInfo_alloc_aligned" for f in module.functions) and owned() != OWNED:
        return
    module.link_in(llvm.parse_assembly(text))
    for function in module.functions:
        if not function.is_declaration and function.name != ENTRY:
            function.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.PipelineTuningOptions(speed_level=0)))
    names = [f.name for f in module.functions if f.is_declaration]
    calls = [name for name in names if not name.startswith("llvm.")]
    if any(name.startswith(_OF_NUMBA) for name in calls) or any(v.is_declaration for v in module.global_variables):
        return
    # LLVM may turn these into calls: llvm.log.f64 into log; others, such as llvm.is.fpclass.f64, it always inlines
    maybe = ("memcpy", "memset", "memmove", *(n.split(".")[1] for n in names if n.startswith("llvm.")))
    calls += [name for name in maybe if llvm.address_of_symbol(name) is not None]
    code = machine.emit_object(module)
    facts = {"sha256": hashlib.sha256(code).hexdigest(), "calls": sorted(set(calls))}
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(json.dumps(facts).encode() + b"\n" + code)
