"""Launching on a GPU down to the driver's calls: arrays, streams, compiling, and the arguments of kernels.

The tests replace the driver below CuPy and numba.cuda, and leave the rest of both as it is. Kernels are compiled to
machine code.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from types import SimpleNamespace

import numpy as np
import ptx
import pytest
from small_network import SmallNetwork, quiet
from small_trainings import STEPS, small_training

from deepzoom import systems
from deepzoom.backends.escape_time.float64 import Float64Job
from deepzoom.backends.executor import Gpus
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.gpu.devices import Devices
from deepzoom.backends.gpu.pixel_per_thread import PixelPerThread
from deepzoom.backends.gpu.traced import TracedPerThread
from deepzoom.backends.kernels.gpu.pixel_per_thread import run_delta_lanes, run_plain_lanes
from deepzoom.backends.kernels.gpu.unit_per_lane_delta import run_unit_per_lane_delta
from deepzoom.backends.kernels.gpu.unit_per_lane_expansions import run_unit_per_lane_expansions
from deepzoom.backends.kernels.gpu.unit_per_lane_horizon import run_horizons
from deepzoom.backends.kernels.gpu.unit_per_lane_plain import run_unit_per_lane
from deepzoom.backends.lyapunov import LyapunovJob
from deepzoom.backends.training.batches import arrays_of, layout_of, start_weights
from deepzoom.backends.training.network_expansions import constants_of
from deepzoom.backends.training.traced_runs import TracedRuns
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem

pytestmark = pytest.mark.skipif(ptx.missing() is not None, reason=str(ptx.missing()))
CAPABILITY, REGISTERS, MULTIPROCESSORS, PIXELS = (9, 0), 200, 132, 3
SIZES = {"u64": 8, "s64": 8, "b64": 8, "f64": 8, "u8": 1, "b8": 1}


class There(np.ndarray):
    """A CuPy array, as numba.cuda sees it."""

    def set(self, values):
        self[...] = values

    @property
    def __cuda_array_interface__(self):
        data = (self.ctypes.data if self.size else 0), False
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": data,
            "strides": None,
            "version": 3,
            "stream": 2,
        }


def cupy():
    context = contextlib.nullcontext(SimpleNamespace(synchronize=quiet))
    properties = {
        "name": b"rehearsal",
        "multiProcessorCount": MULTIPROCESSORS,
        "major": CAPABILITY[0],
        "minor": CAPABILITY[1],
    }
    return SimpleNamespace(
        empty=lambda shape, dtype: np.empty(shape, dtype).view(There),
        zeros=lambda shape, dtype: np.zeros(shape, dtype).view(There),
        asnumpy=np.array,
        cuda=SimpleNamespace(
            Device=lambda number: context,
            Stream=SimpleNamespace(ptds=context),
            memory=SimpleNamespace(OutOfMemoryError=MemoryError),
            runtime=SimpleNamespace(getDeviceProperties=lambda number: properties),
        ),
    )


@pytest.fixture
def launched(monkeypatch):
    """The launches so far: (stream, configuration, arguments) of each."""
    from numba import cuda
    from numba.cuda import api, dispatcher
    from numba.cuda.cudadrv import devices, driver

    class Stream(driver.Stream):
        def synchronize(self):
            pass

    function = SimpleNamespace(
        attrs=SimpleNamespace(regs=REGISTERS), module=SimpleNamespace(initialized=True), kernel=None
    )
    context = SimpleNamespace(
        device=SimpleNamespace(compute_capability=CAPABILITY, id=0),
        create_module_image=lambda *_: SimpleNamespace(get_function=lambda name: function),
        get_per_thread_default_stream=lambda: Stream(driver.binding.CUstream(2)),
        create_external_stream=lambda pointer: Stream(driver.binding.CUstream(pointer), external=True),
    )
    found = []
    monkeypatch.setitem(sys.modules, "cupy", cupy())
    monkeypatch.setattr(cuda, "gpus", {0: contextlib.nullcontext()})
    monkeypatch.setattr(devices, "get_context", lambda *_: context)
    monkeypatch.setattr(devices._runtime, "get_or_create_context", lambda *_: context)
    monkeypatch.setattr(devices._runtime, "ensure_context", contextlib.nullcontext)
    monkeypatch.setattr(api, "current_context", lambda *_: context)
    monkeypatch.setattr(driver, "_to_core_stream", lambda stream: stream)
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: context.device)
    monkeypatch.setattr(dispatcher, "LaunchConfig", lambda **given: given)
    monkeypatch.setattr(
        dispatcher, "launch", lambda stream, config, kernel, *given: found.append((stream, config, given))
    )
    return found


def right(one, kernel, launched, registers=None, threads=128):
    """Check a launch: its arguments match the kernel's parameters in number and size, and it has as many blocks as fit.

    registers: the most that a thread may have.
    """
    (stream, config, given), dispatcher = launched.pop(), one._kernels[kernel, registers]
    assert dispatcher.targetoptions["max_registers"] == registers
    assert not launched and int(stream.handle) == 2
    assert config["block"] == (threads, 1, 1) and config["grid"] == (
        65536 // (REGISTERS * threads) * MULTIPROCESSORS,
        1,
        1,
    )
    (made,) = dispatcher.overloads.values()
    text = made.inspect_asm((*CAPABILITY, "a"))
    header = text[text.index(".entry") :]
    parameters = re.findall(r"\.param (?:\.\w+ )*?\.(\w+) \w+", header[: header.index(")")])
    sizes = [1 if isinstance(v, bool) else ctypes.sizeof(v) if isinstance(v, ctypes._SimpleCData) else 8 for v in given]
    assert sizes == [SIZES[p] for p in parameters]
    return given


def standing(network):
    weights, offsets = start_weights(network, np.zeros((PIXELS, 1))), np.zeros((PIXELS, 1))
    return weights, np.ones((PIXELS, 2)), offsets, np.zeros(PIXELS, np.int64), np.zeros((PIXELS, 4))


@pytest.mark.parametrize(("name", "tensor_units"), [("tanh", True), ("tanh", False), ("linear", True)])
def test_training(launched, monkeypatch, name, tensor_units):
    if not tensor_units:
        monkeypatch.setattr(device, "_TENSOR_ROWS", {})
    one, network = device.Device(), systems.create(name).network
    net, layout = arrays_of(network), layout_of(network)
    weights, rates, offsets, step, sums = standing(network)
    reference = unit_per_lane.ReferenceArrays(
        np.ones((3, layout.size)), layout, weights, np.ones((3, 2)), np.ones(2), np.ones(3), np.ones((4, 4))
    )
    made = unit_per_lane.UnitPerLane(net, 50, reference)
    assert made.in_tiles(one) == tensor_units
    registers = 128 if tensor_units else 168
    out = made.finish(one, *standing(network))
    right(one, run_unit_per_lane, launched, registers)
    assert len(out.measure) == PIXELS
    made.from_reference(one, 1, 3, 0.1, weights, rates, offsets, sums)
    right(one, run_unit_per_lane_delta, launched, registers)
    found = made.horizons(one, standing(network), standing(network))
    right(one, run_horizons, launched, 168 if tensor_units else None)
    assert found.dtype == np.int32 and len(found) == PIXELS
    twice = [np.repeat(v, 2, axis=1) for v in (weights, rates, offsets)]
    made.in_expansions(one, constants_of(network, 2), *twice, step, sums)
    right(one, run_unit_per_lane_expansions, launched)


def test_kernels_of_two_kinds_have_their_own_registers(launched, monkeypatch):
    """In one process, on one GPU: first a network that fits the tensor cores, then one that does not."""
    one = device.Device()
    for name, registers in (("tanh", 128), ("single-datapoint", 168)):
        network = systems.create(name).network
        unit_per_lane.UnitPerLane(arrays_of(network), 50).finish(one, *standing(network))
        right(one, run_unit_per_lane, launched, registers)


def test_large_networks(launched):
    one, network = device.Device(), SmallNetwork(1, widths=(3, 40, 2), rows=5).network
    net, layout = arrays_of(network), layout_of(network)
    weights, rates, offsets, _, sums = standing(network)
    reference = unit_per_lane.ReferenceArrays(
        np.ones((3, layout.size)), layout, weights, np.ones((3, 2)), np.ones(2), np.ones(3), np.ones((4, 4))
    )
    made = PixelPerThread(net, 50, reference, layout)
    assert len(made.finish(one, *standing(network)).measure) == PIXELS
    right(one, run_plain_lanes, launched)
    made.from_reference(one, 1, 3, 0.1, weights, rates, offsets, sums)
    right(one, run_delta_lanes, launched)


def test_traced_trainings(launched):
    one, system = device.Device(), TracedSystem("toy", small_training("toy"), {}, STEPS)
    runs, n = TracedRuns(system, quiet), system.layers[-1].stop
    reference = np.ones((3, 40)), np.ones((4, n)), np.ones(3), np.ones((4, 4)), np.array([3, 6])
    made, pair = TracedPerThread(runs, reference), np.ones((PIXELS, 2))
    made.run(one, (np.ones((PIXELS, n)), pair, np.zeros(PIXELS, np.int64), np.zeros((PIXELS, 4))), True)
    right(one, runs.kernels.module.run_pixels_lanes, launched)
    made.from_reference(one, 1, 3, np.ones((PIXELS, n)), pair, np.zeros((PIXELS, 4)), np.arange(PIXELS))
    right(one, runs.kernels.module.run_delta_lanes, launched)


@pytest.mark.parametrize("name", ["mandelbrot", "lyapunov"])
def test_classical_maps(launched, name):
    one, view, system = device.Device(), View.parse("3.2", "3.1", "1.9", "12x8"), systems.create(name, {}, 100)
    there = Gpus(Devices([one], pytest.fail), quiet)
    if name == "lyapunov":
        out = LyapunovJob(system, view, None, False, quiet, executor=there).run(np.arange(96))
    else:
        job = Float64Job(system, view, quiet, executor=there)
        out = there.run(np.arange(96), job.first)
    ((kernel, _),) = one._kernels
    given = right(one, kernel, launched)
    assert len(out.measure) == 96 and any(getattr(v, "value", None) == 64 for v in given)  # the stride
