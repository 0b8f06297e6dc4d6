"""One GPU: what stands in the way of using it, its memory, and kernels launched on it.

Arrays are CuPy's. Numba compiles kernels from the very functions that ``deepzoom.compiling.jit`` compiles for the CPU.
Neither CuPy nor numba.cuda is imported before a GPU is used.
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
"""Oldest driver, as CUDA counts versions: 1000 times the major one and 10 times the minor one."""
_INSTALL = "pip install 'deepzoom[cuda12]', or 'deepzoom[cuda13]' where the driver is of CUDA 13"
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
_SMALLEST = 2**26  # bytes below which no batch is worth its launch
_REGISTERS, _RESIDENT = 65536, 2048
"""32-bit registers and threads of a multiprocessor, on all GPUs with fast float64."""
_TENSOR_ROWS = {(8, 0): 8, (9, 0): 16}
"""``tensor_rows`` by compute capability: of A100, and of H100 and H200."""


class DeviceError(Exception):
    """A GPU failed; says how."""


class OutOfMemory(DeviceError):
    """An array found no room on a GPU."""


class Arrays(Protocol):
    """What jobs need of a device: ``Device``, or what stands in its place where there is none.

    tensor_rows: of float64 matrices that its tensor units multiply at once; 0 where these are not faster than its other
    units, or not there.
    """

    tensor_rows: int

    def upload(self, array: NDArray[Any]) -> Any:
        """A copy of an array on the device."""

    def zeros(self, shape: int | tuple[int, ...], dtype: Any) -> Any:
        """An array of zeros on the device."""

    def download(self, array: Any) -> NDArray[Any]:
        """A copy of a device's array here; waits until kernels that write it are done."""

    def launch(self, kernel: Any, arguments: Sequence[Any], threads: int, registers: int | None = None) -> None:
        """Run a kernel on as many threads as are resident at once, ``threads`` to a block.

        kernel: made by ``compiled.kernel``, taking its work from a queue among the arguments, which are device arrays,
        numbers, and tuples of them. registers: of a thread at most; None for as many as it needs.
        """


@dataclass(frozen=True)
class Allowed:
    """Which GPUs this process may use. number: of one, None for all; memory: bytes on each, None for all there are."""

    number: int | None = None
    memory: int | None = None

    @classmethod
    def parse(cls, number: int | None, memory: str | None) -> Allowed:
        """From --device and --device-memory. Raises InputError for what is no number of a GPU, or no size."""
        if number is not None and number < 0:
            raise InputError(f"--device: {number} is not the number of a GPU, which begin at 0.")
        return cls(number, None if memory is None else _bytes(memory))


_allowed = Allowed()


def allow(number: int | None, memory: str | None) -> None:
    """Use from now on what --device and --device-memory say. Raises InputError where that is not there."""
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
    if not size < 2**60:  # NaN too
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
    """Whether this machine's user may count on a GPU: CuPy is installed, or NVIDIA's driver."""
    return importlib.util.find_spec("cupy") is not None or shutil.which("nvidia-smi") is not None


def version(number: int) -> str:
    """CUDA's own count of a version, as text."""
    return f"{number // 1000}.{number % 1000 // 10}"


_devices: dict[tuple[int, int | None], Device] = {}
_opening = threading.Lock()


def opened() -> list[Device]:
    """The GPUs to use, where there is no obstacle; opened once in a process: they keep the kernels compiled for them.

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
    """A GPU. number: as CUDA counts; memory: bytes that arrays on it may take, None for all that is free.

    Methods may be called from several threads; all raise DeviceError, OutOfMemory where it is that.
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
        with cuda.gpus[number]:  # two threads must not be the first to ask Numba for a GPU
            pass
        self.name = found["name"].decode()
        self._multiprocessors = int(found["multiProcessorCount"])
        self.tensor_rows = _TENSOR_ROWS.get((int(found["major"]), int(found["minor"])), 0)

    def _here(self) -> _Current:
        return _Current(self._cupy, self.number)

    def upload(self, array: NDArray[Any]) -> Any:
        with self._here() as stream:
            given = np.ascontiguousarray(array)  # must last until the copy is done
            there = self._placed(lambda: self._cupy.empty(given.shape, given.dtype))
            if given.size:  # asarray would first copy it to pinned memory, which takes long to get
                there.set(given)
            stream.synchronize()  # another thread may be the first to use it
            return there

    def zeros(self, shape: int | tuple[int, ...], dtype: Any) -> Any:
        with self._here():
            return self._placed(lambda: self._cupy.zeros(shape, dtype))

    def _placed(self, allocate: Callable[[], Any]) -> Any:
        """What an allocation gives; tried again without what CuPy keeps of arrays that are gone."""
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
                needed = found.regs_per_thread  # loads it, which two threads must not do at once
            used = -(-needed // 8) * 8
            resident = min(_REGISTERS // (used * threads), _RESIDENT // threads)
            stream = cuda.per_thread_default_stream()
            dispatcher[max(1, resident) * self._multiprocessors, threads, stream](*given)
            stream.synchronize()


class _Current:
    """Makes a GPU this thread's, with a stream of the thread's own, and what goes wrong on it a DeviceError.

    With a stream for each thread none waits for another's kernel.
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
            if short:  # also where it is the kernel that found no room, which CuPy's pool may keep
                self._cupy.get_default_memory_pool().free_all_blocks()
            self._device.__exit__(None, None, None)
            raise (OutOfMemory if short else DeviceError)(text) from error
        self._device.__exit__(None, None, None)


def _for_numba(cuda: Any, value: Any) -> Any:
    """An argument as numba.cuda takes it, also inside tuples."""
    if hasattr(value, "__cuda_array_interface__"):
        return cuda.as_cuda_array(value)
    if isinstance(value, tuple):
        parts = [_for_numba(cuda, v) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value
