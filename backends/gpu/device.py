"""One GPU: why it cannot be used, its arrays, and launches of kernels.

Arrays are CuPy's. Numba compiles the kernels from the same functions that ``deepzoom.compiling.jit`` compiles for the
CPU. CuPy and numba.cuda are imported only when a GPU is used.
"""

from __future__ import annotations

import importlib.util
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from deepzoom.compiling import jit
from deepzoom.errors import InputError

_NEEDED = 12000
"""The oldest driver that works; CUDA's number of a version: 1000 times the major plus 10 times the minor one."""
_INSTALL = "pip install 'deepzoom[cuda12]', or 'deepzoom[cuda13]' where the driver is of CUDA 13"
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
_SMALLEST = 2**26  # bytes; with less memory a batch is not worth its launch
_REGISTERS, _RESIDENT = 65536, 2048
"""32-bit registers, and threads, of a multiprocessor; the same on all GPUs with fast float64."""
_TENSOR_ROWS = {(8, 0): 8, (9, 0): 16}
"""``tensor_rows`` by compute capability: 8.0 is the A100, 9.0 the H100 and H200."""


class DeviceError(Exception):
    """A GPU failed; the message says how."""


class OutOfMemory(DeviceError):
    """A GPU has too little memory for an array."""


class Arrays(Protocol):
    """What jobs need of a GPU: ``Device`` has it, and so has the CPU that takes a GPU's place in tests.

    tensor_rows: rows of the float64 matrices that its tensor cores multiply at once; 0 where it has none for float64,
    or where they are not faster than its other units.
    """

    tensor_rows: int

    def upload(self, array: NDArray[Any]) -> Any:
        """Copy an array to the GPU."""

    def zeros(self, shape: int | tuple[int, ...], dtype: Any) -> Any:
        """An array of zeros on the GPU."""

    def download(self, array: Any) -> NDArray[Any]:
        """Copy an array from the GPU; waits for the kernels that write it."""

    def launch(self, kernel: Any, arguments: Sequence[Any], threads: int, registers: int | None = None) -> None:
        """Run a kernel on as many threads as can be resident at once, ``threads`` to a block.

        kernel: made by ``jit.kernel``; it takes its pixels from a queue among its arguments. arguments: arrays on the
        GPU, numbers, and tuples of these. registers: the most that a thread may use; None for as many as it needs.
        """


@dataclass(frozen=True)
class Allowed:
    """The GPUs that this process may use. number: of one GPU, None for all; memory: bytes on each, None for all."""

    number: int | None = None
    memory: int | None = None

    @classmethod
    def parse(cls, number: int | None, memory: str | None) -> Allowed:
        """Parse --device and --device-memory. Raises InputError where they are not a GPU's number and a size."""
        if number is not None and number < 0:
            raise InputError(f"--device: {number} is not the number of a GPU, which begin at 0.")
        return cls(number, None if memory is None else _bytes(memory))


_allowed = Allowed()


def allow(number: int | None, memory: str | None) -> None:
    """From now on use what --device and --device-memory say. Raises InputError where there is no such GPU."""
    global _allowed
    _allowed = Allowed.parse(number, memory)
    missing = None if number is None else obstacle()
    if missing:
        raise InputError(f"--device: {number} cannot be used here: {missing}.")


def _bytes(text: str) -> int:
    unit = _UNITS.get(text[-1:].upper(), 0)
    try:
        size = float(text[:-1]) * unit if unit else float("nan")
    except ValueError:
        size = float("nan")
    if not size < 2**60:  # false for NaN, too
        raise InputError(f"--device-memory: {text!r} is not a size such as 8G or 500M.")
    if size < _SMALLEST:
        raise InputError(f"--device-memory: {text} is less than 64M, too little for any batch.")
    return int(size)


def obstacle() -> str | None:
    """Why no GPU can be used on this machine, or None."""
    for module, name in (("cupy", "CuPy"), ("numba_cuda", "numba-cuda")):
        if importlib.util.find_spec(module) is None:
            return f"{name} is not installed ({_INSTALL})"
    try:
        import cupy
    except ImportError as error:
        return f"CuPy cannot be imported ({str(error).strip().splitlines()[0]})"
    runtime = cupy.cuda.runtime
    try:
        driver = runtime.driverGetVersion()
        if driver == 0:
            return "there is no NVIDIA driver"
        if driver < _NEEDED:
            return f"the driver is of CUDA {version(driver)}; install one of CUDA {version(_NEEDED)} or later"
        count = runtime.getDeviceCount()
    except runtime.CUDARuntimeError as error:
        return f"the driver finds no GPU ({str(error).splitlines()[0]})"
    if count == 0:
        return "the driver finds no GPU"
    if _allowed.number is not None and _allowed.number >= count:
        there = "only GPU 0" if count == 1 else f"GPUs 0 to {count - 1}"
        return f"there is no GPU {_allowed.number}, {there}"
    return None


def expected() -> bool:
    """Whether the user may expect a GPU here: CuPy or NVIDIA's driver is installed."""
    return importlib.util.find_spec("cupy") is not None or shutil.which("nvidia-smi") is not None


def version(number: int) -> str:
    """CUDA's number of a version, as text."""
    return f"{number // 1000}.{number % 1000 // 10}"


_devices: dict[tuple[int, int | None], Device] = {}
_opening = threading.Lock()


def opened() -> list[Device]:
    """The GPUs to use, where there is no obstacle. A process opens each once, as it keeps the kernels compiled for it.

    Raises DeviceError where one cannot be opened.
    """
    import cupy

    count = cupy.cuda.runtime.getDeviceCount()
    numbers = range(count) if _allowed.number is None else [_allowed.number]
    with _opening:
        for number in numbers:
            if (number, _allowed.memory) not in _devices:
                _devices[number, _allowed.memory] = Device(number, _allowed.memory)
    return [_devices[number, _allowed.memory] for number in numbers]


class Device:
    """One GPU. number: CUDA's; memory: bytes that arrays on it may take, None for all that is free.

    Several threads may call the methods at once. All methods raise DeviceError, or OutOfMemory where memory is short.
    """

    def __init__(self, number: int = 0, memory: int | None = None) -> None:
        import cupy
        from numba import cuda

        self.number = number
        self._cupy = cupy
        self._kernels: dict[Any, Any] = {}
        self._lock = threading.Lock()
        with self._here():
            if memory is not None:
                cupy.get_default_memory_pool().set_limit(size=memory)
            found = cupy.cuda.runtime.getDeviceProperties(number)
        with cuda.gpus[number]:  # not two threads at once may be the first to ask Numba for a GPU
            pass
        self.name = found["name"].decode()
        self._multiprocessors = int(found["multiProcessorCount"])
        self.tensor_rows = _TENSOR_ROWS.get((int(found["major"]), int(found["minor"])), 0)

    def _here(self) -> _Current:
        return _Current(self._cupy, self.number)

    def upload(self, array: NDArray[Any]) -> Any:
        with self._here() as stream:
            given = np.ascontiguousarray(array)  # lives until the copy is done
            there = self._placed(lambda: self._cupy.empty(given.shape, given.dtype))
            if given.size:  # asarray would first copy it to pinned memory, which takes long to allocate
                there.set(given)
            stream.synchronize()  # another thread may be the first to use it
            return there

    def zeros(self, shape: int | tuple[int, ...], dtype: Any) -> Any:
        with self._here():
            return self._placed(lambda: self._cupy.zeros(shape, dtype))

    def _placed(self, allocate: Callable[[], Any]) -> Any:
        """Allocate; where that fails, free the memory that CuPy's pool still holds, and try again."""
        try:
            return allocate()
        except self._cupy.cuda.memory.OutOfMemoryError:
            self._cupy.get_default_memory_pool().free_all_blocks()
            return allocate()

    def download(self, array: Any) -> NDArray[Any]:
        with self._here():
            found: NDArray[Any] = self._cupy.asnumpy(array)
            return found

    def launch(self, kernel: Any, arguments: Sequence[Any], threads: int, registers: int | None = None) -> None:
        from numba import cuda

        with self._here(), cuda.gpus[self.number]:
            given = [_for_numba(cuda, a) for a in arguments]
            with self._lock:
                if (kernel, registers) not in self._kernels:
                    self._kernels[kernel, registers] = jit.gpu_kernel(kernel, registers)
                dispatcher = self._kernels[kernel, registers]
                found = dispatcher.compile(tuple(map(dispatcher.typeof_pyval, given)))
                needed = found.regs_per_thread  # loads the kernel, which two threads must not do at once
            used = -(-needed // 8) * 8
            resident = min(_REGISTERS // (used * threads), _RESIDENT // threads)
            stream = cuda.per_thread_default_stream()
            dispatcher[max(1, resident) * self._multiprocessors, threads, stream](*given)
            stream.synchronize()


class _Current:
    """Within it, a GPU is this thread's current one, with a stream of the thread's own; errors become DeviceError.

    Each thread has a stream, so that none waits for another's kernel.
    """

    def __init__(self, cupy: Any, number: int) -> None:
        self._cupy, self._device, self._stream = cupy, cupy.cuda.Device(number), cupy.cuda.Stream.ptds

    def __enter__(self) -> Any:
        self._device.__enter__()
        return self._stream.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._stream.__exit__(None, None, None)
        if isinstance(error, Exception) and not isinstance(error, DeviceError):
            text = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
            short = isinstance(error, self._cupy.cuda.memory.OutOfMemoryError) or "OUT_OF_MEMORY" in text
            if short:  # also where the kernel itself found too little memory, which CuPy's pool may hold
                self._cupy.get_default_memory_pool().free_all_blocks()
            self._device.__exit__(None, None, None)
            raise (OutOfMemory if short else DeviceError)(text) from error
        self._device.__exit__(None, None, None)


def _for_numba(cuda: Any, value: Any) -> Any:
    """An argument in the form that numba.cuda takes, also inside tuples."""
    if hasattr(value, "__cuda_array_interface__"):
        return cuda.as_cuda_array(value)
    if isinstance(value, tuple):
        parts = [_for_numba(cuda, v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value
