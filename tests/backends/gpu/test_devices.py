"""GPUs as jobs see them: obstacles, short memory and failures. No GPU is needed."""

import importlib.util
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from stand_in import StandIn

from deepzoom.backends.base import ReadOut
from deepzoom.backends.gpu import device
from deepzoom.backends.gpu.device import Allowed, DeviceError, OutOfMemory
from deepzoom.backends.gpu.devices import Devices
from deepzoom.backends.select import select
from deepzoom.errors import InputError
from deepzoom.scene.view import View
from deepzoom.systems import create


def squares(pixels):
    return ReadOut(pixels.astype(float) ** 2, np.ones(len(pixels), np.int8), np.zeros(len(pixels), np.int8))


def broken(one, pixels):
    raise DeviceError("it broke")


def never(*_):
    raise AssertionError("not on the CPU")


def test_what_is_missing_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert device.obstacle() == (
        "CuPy is not installed (pip install 'deepzoom[cuda12]', or 'deepzoom[cuda13]' where the driver is of CUDA 13)"
    )


class Runtime:
    """What CuPy says about a driver."""

    class CUDARuntimeError(Exception):
        pass

    def __init__(self, driver, count):
        self.driver, self.count = driver, count

    def driverGetVersion(self):
        return self.driver

    def getDeviceCount(self):
        if self.count is None:
            raise self.CUDARuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return self.count


def cupy(monkeypatch, runtime):
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))


@pytest.mark.parametrize(
    ("driver", "count", "number", "expected"),
    [
        (0, 0, None, "there is no NVIDIA driver"),
        (11040, 1, None, "the driver is of CUDA 11.4; install one of CUDA 12.0 or later"),
        (12040, None, None, "the driver finds no GPU (cudaErrorNoDevice: no CUDA-capable device is detected)"),
        (12040, 1, 3, "there is no GPU 3, only GPU 0"),
        (13000, 4, 4, "there is no GPU 4, GPUs 0 to 3"),
        (13000, 4, 3, None),
    ],
)
def test_drivers(monkeypatch, driver, count, number, expected):
    cupy(monkeypatch, Runtime(driver, count))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(device, "_allowed", Allowed(number))
    assert device.obstacle() == expected


def test_gpus_are_opened_once_and_one_where_it_is_named(monkeypatch):
    cupy(monkeypatch, Runtime(12040, 3))
    monkeypatch.setattr(device, "Device", lambda number, memory: SimpleNamespace(number=number, memory=memory))
    monkeypatch.setattr(device, "_devices", {})
    monkeypatch.setattr(device, "_allowed", Allowed())
    first = device.opened()
    assert [one.number for one in first] == [0, 1, 2] and all(a is b for a, b in zip(first, device.opened()))
    monkeypatch.setattr(device, "_allowed", Allowed(1, 2**30))
    assert [(one.number, one.memory) for one in device.opened()] == [(1, 2**30)]


@pytest.mark.parametrize("text", ["8", "G", "lots", "-1G", "nanG", "infG", "1e30G", "63M"])
def test_sizes_that_are_none(text):
    with pytest.raises(InputError, match="--device-memory"):
        Allowed.parse(None, text)


def test_sizes():
    assert Allowed.parse(None, "1.5G").memory == 3 * 2**29
    assert Allowed.parse(2, "100m") == Allowed(2, 100 * 2**20)
    with pytest.raises(InputError, match="--device: -1"):
        Allowed.parse(-1, None)


@pytest.mark.parametrize(
    ("error", "raised", "freed"),
    [
        (MemoryError("of CuPy's pool"), OutOfMemory, 1),
        (RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: the API call failed\nmore"), OutOfMemory, 1),
        (RuntimeError("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal address"), DeviceError, 0),
        (OutOfMemory("as it is"), OutOfMemory, 0),
        (KeyboardInterrupt(), KeyboardInterrupt, 0),
    ],
)
def test_what_goes_wrong_on_a_gpu(error, raised, freed):
    """If a kernel finds no room, batches get smaller, too. First the pool gives back what it keeps."""
    done = []
    pool = SimpleNamespace(free_all_blocks=lambda: done.append("freed"))
    entered = {name: Entered(done, name) for name in ("device", "stream")}
    cuda = SimpleNamespace(
        Device=lambda number: entered["device"],
        Stream=SimpleNamespace(ptds=entered["stream"]),
        memory=SimpleNamespace(OutOfMemoryError=MemoryError),
    )
    cupy = SimpleNamespace(cuda=cuda, get_default_memory_pool=lambda: pool)
    with pytest.raises(raised) as caught, device._Current(cupy, 0):
        raise error
    assert type(caught.value) is raised and "more" not in str(caught.value)
    assert done == ["+device", "+stream", "-stream", *["freed"] * freed, "-device"]


class Entered:
    def __init__(self, done, name):
        self.done, self.name = done, name

    def __enter__(self):
        self.done.append(f"+{self.name}")
        return self

    def __exit__(self, *_):
        self.done.append(f"-{self.name}")


def test_short_memory_halves_batches():
    sizes = []

    def call(one, pixels):
        sizes.append(len(pixels))
        if len(pixels) > 1000:
            raise OutOfMemory("too many")
        return squares(pixels)

    pixels = np.arange(5000)
    found = Devices([StandIn()], never).run(pixels, call, never, ReadOut.joined)
    assert np.array_equal(found.measure, pixels.astype(float) ** 2)
    assert sizes[0] == 5000 and sum(s for s in sizes if s <= 1000) == 5000


def test_no_memory_at_all_goes_to_the_cpu_and_says_so():
    said = []
    devices = Devices([StandIn()], said.append)

    def call(one, pixels):
        one.memory = 100
        one.upload(np.zeros(len(pixels)))

    pixels = np.arange(3000)
    for _ in range(2):
        assert np.array_equal(devices.run(pixels, call, squares, ReadOut.joined).measure, squares(pixels).measure)
    assert len(said) == 1 and said[0].startswith(
        "Running on the CPU from here on: too little memory on the GPU (OutOfMemory"
    )


def test_a_gpu_that_fails_is_left_and_the_others_go_on():
    said, used = [], []
    bad, good = StandIn(), StandIn()

    def call(one, pixels):
        used.append(one)
        if one is bad or len(used) > 4:
            raise DeviceError("it broke")
        return squares(pixels)

    devices = Devices([bad, good], said.append)
    for _ in range(3):
        devices.run(np.arange(10), call, never, ReadOut.joined)
    assert used == [bad, good, good, good] and not said
    devices.run(np.arange(10), broken, squares, ReadOut.joined)
    devices.run(np.arange(10), call, squares, ReadOut.joined)
    assert said == ["Running on the CPU from here on: the GPU failed (it broke)."]


def test_backends_say_why_not(monkeypatch):
    from typer.testing import CliRunner

    from deepzoom.cli import app

    monkeypatch.setattr(device, "obstacle", lambda: "CuPy is not installed (so)")
    listed = CliRunner().invoke(app, ["backends"]).stdout
    for name in ("gpu-float64", "gpu-perturbation"):
        assert name in listed
    assert listed.count("no: CuPy") == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--backend", "gpu-float64"], "--backend: gpu-float64 cannot run here: no such thing."),
        (["--device", "0"], "--device: 0 cannot be used here: no such thing."),
        (["--device", "-2"], "--device: -2 is not the number of a GPU, which begin at 0."),
        (["--device-memory", "much"], "--device-memory: 'much' is not a size such as 8G or 500M."),
    ],
)
def test_what_cannot_be_is_one_sentence(monkeypatch, tmp_path, options, expected):
    from typer.testing import CliRunner

    from deepzoom.cli import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(device, "obstacle", lambda: "no such thing")
    monkeypatch.setattr(device, "_allowed", Allowed())
    result = CliRunner().invoke(app, ["render", "--size", "16x16", *options])
    assert result.exit_code == 2 and result.stderr.strip().endswith(expected)
    assert not list(tmp_path.iterdir())


def test_auto_takes_a_gpu_where_the_work_pays(monkeypatch):
    def chosen(system, depth, size, steps):
        view = View.parse("0.5", "0.25", depth, size)
        return select("auto", view, create(system), steps)[0].name

    monkeypatch.setattr(device, "obstacle", lambda: None)
    assert chosen("tanh", "1", "64x64", 500) == "gpu-float64"
    assert chosen("tanh", "1", "63x63", 500) == "cpu-float64"
    assert chosen("tanh", "1e-20", "64x64", 500) == "gpu-perturbation"
    assert chosen("mandelbrot", "1e-20", "256x256", 1000) == "cpu-perturbation"
    assert chosen("mandelbrot", "1e-20", "1920x1080", 1000) == "gpu-perturbation"
    monkeypatch.setattr(device, "obstacle", lambda: "the driver is old")
    assert chosen("tanh", "1", "64x64", 500) == "cpu-float64"


@pytest.mark.parametrize(
    ("expected", "size", "said"), [(True, "64x64", True), (False, "64x64", False), (True, "9x9", False)]
)
def test_auto_says_why_a_gpu_that_would_pay_is_not_used(monkeypatch, expected, size, said):
    monkeypatch.setattr(device, "obstacle", lambda: "the driver is old")
    monkeypatch.setattr(device, "expected", lambda: expected)
    chosen, why = select("auto", View.parse("0.5", "0.25", "1", size), create("tanh"), 500)
    assert chosen.name == "cpu-float64"
    assert why.endswith("a GPU would pay, but the driver is old") == said
