"""Training pixels on a real GPU against the CPU's."""

import numpy as np
import pytest
from small_network import KINDS, SmallNetwork, quiet, system_of
from small_trainings import STEPS, small_training
from warp_products import EIGHT, FOUR, WARP, product

from deepzoom import landmarks, systems
from deepzoom.backends.cpu_float64 import CpuFloat64
from deepzoom.backends.cpu_perturbation import CpuPerturbation
from deepzoom.backends.gpu import device, unit_per_lane
from deepzoom.backends.gpu_float64 import GpuFloat64
from deepzoom.backends.gpu_perturbation import GpuPerturbation
from deepzoom.backends.training.batches import arrays_of, start_weights
from deepzoom.scene.view import View
from deepzoom.systems.traced_system import TracedSystem

pytestmark = pytest.mark.gpu
SYSTEMS = ("tanh", "linear", "relu", "single-datapoint", "minibatch", "weight-init")


def agree(gpu, cpu, pixels):
    """Check that fates are equal if the CPU's second run agrees with its first, and that measures agree to 1e-9
    if rounding has not grown in either program's second run.

    Returns both shares of pixels.
    """
    mine, theirs, again = gpu.run(pixels), cpu.run(pixels), cpu.shadow(pixels)
    settled, smooth = again.agrees(theirs), again.agrees(theirs, 1e-12) & gpu.shadow(pixels).agrees(mine, 1e-12)
    assert np.array_equal(mine.fate[settled], theirs.fate[settled])
    np.testing.assert_allclose(mine.measure[smooth], theirs.measure[smooth], rtol=1e-9)
    return settled.mean(), smooth.mean()


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("steps", [60, 500])
def test_published_windows(name, steps):
    """Runs before rounding has grown, and runs of published length, where it decides most pixels of these windows."""
    place = landmarks.get(f"{name}-published")
    view = View.parse(place.x, place.y, place.depth, "48x48")
    system = systems.create(name, steps=steps)
    settled, _ = agree(*(b().job(system, view, None, quiet, quiet) for b in (GpuFloat64, CpuFloat64)), np.arange(2304))
    assert settled > 0.9 or steps > 60


@pytest.mark.parametrize("name", SYSTEMS)
def test_deep_views(name, own_cache):
    place = landmarks.choose(name, View.parse("0", "0", "1e-20", "1x1").depth, {})
    view = View.parse(place.x, place.y, "1e-20", "32x32")
    system = systems.create(name, steps=place.steps)
    agree(*(b().job(system, view, None, quiet, quiet) for b in (GpuPerturbation, CpuPerturbation)), np.arange(1024))


@pytest.mark.parametrize("name", ["tanh", "relu"])
@pytest.mark.parametrize("depth", ["7.8e-7", "1e-20"])
def test_without_tensor_units(name, depth, own_cache, monkeypatch):
    """The kernels for GPUs without tensor cores agree with the CPU and with the kernels that use them."""
    place = landmarks.choose(name, View.parse("0", "0", "1e-20", "1x1").depth, {})
    view, pixels = View.parse(place.x, place.y, depth, "32x32"), np.arange(1024)
    system = systems.create(name, steps=60 if depth == "7.8e-7" else place.steps)
    both = (GpuFloat64, CpuFloat64) if depth == "7.8e-7" else (GpuPerturbation, CpuPerturbation)
    tiles = both[0]().job(system, view, None, quiet, quiet).run(pixels)
    for one in device.opened():
        monkeypatch.setattr(one, "tensor_rows", 0)
    gpu, cpu = (b().job(system, view, None, quiet, quiet) for b in both)
    agree(gpu, cpu, pixels)
    settled = cpu.shadow(pixels).agrees(cpu.run(pixels))
    assert np.array_equal(tiles.fate[settled], gpu.run(pixels).fate[settled])


@pytest.mark.parametrize("kind", ["deep tanh", "deep relu", "deep minibatch"])
@pytest.mark.parametrize("depth", ["1e-3", "1e-30"])
def test_networks_of_more_layers(kind, depth, own_cache):
    view = View.parse("-0.61803398874989", "-0.3141592653589793", depth, "48x48")
    system = system_of(SmallNetwork(sum(map(ord, kind)), **KINDS[kind]))
    both = (GpuFloat64, CpuFloat64) if depth == "1e-3" else (GpuPerturbation, CpuPerturbation)
    gpu, cpu = (b().job(system, view, None, quiet, quiet) for b in both)
    settled, _ = agree(gpu, cpu, np.arange(2304))
    assert settled > 0.9 and gpu._devices.count >= 1


@pytest.mark.parametrize("name", ["adam", "every", "classes", "toy"])
@pytest.mark.parametrize("depth", ["0.3", "1e-20"])
def test_traced_trainings(name, depth, own_cache):
    """Pixels, second runs and horizons; none runs on the CPU."""
    view, system = View.parse("-1.18", "-0.31", depth, "48x48"), TracedSystem(name, small_training(name), {}, STEPS)
    both = (GpuFloat64, CpuFloat64) if depth == "0.3" else (GpuPerturbation, CpuPerturbation)
    gpu, cpu = (b().job(system, view, None, quiet, quiet) for b in both)
    settled, _ = agree(gpu, cpu, np.arange(2304))
    assert settled > 0.9 and (gpu.horizon(np.arange(64)) == cpu.horizon(np.arange(64))).mean() > 0.9
    assert gpu._devices.count >= 1


def test_products_by_tensor_units():
    """Each lane holds the elements that the kernels expect."""
    one, rng = device.Device(), np.random.default_rng(1)
    if not one.tensor_rows:
        pytest.skip("this GPU's tensor units are not made for float64")
    a, b, c = rng.normal(size=(16, 16)), rng.normal(size=(16, 8)), rng.normal(size=(16, 8))
    there = one.zeros(128, np.float64)
    given = *(one.upload(v.ravel()) for v in (a, b, c)), there, WARP, FOUR, EIGHT, (1.0,) * one.tensor_rows
    one.launch(product, given, 32)
    np.testing.assert_allclose(one.download(there).reshape(16, 8), c + a @ b, rtol=1e-13, atol=1e-13)


def test_every_batch_size():
    """Fewer pixels than a block has groups, and more than all groups hold."""
    network = systems.create("tanh").network
    net, one = arrays_of(network), device.Device()
    for pixels in (1, 7, 33, 40_000):
        rates = np.full((pixels, 2), 1e-3) * np.linspace(1, 2, pixels)[:, None]
        weights, none = start_weights(network, np.zeros((1, 1))), np.zeros((pixels, 1))
        out = unit_per_lane.UnitPerLane(net, 5).finish(
            one, weights, rates, none, np.zeros(pixels, np.int64), np.zeros((pixels, 4))
        )
        last = unit_per_lane.UnitPerLane(net, 5).finish(
            one, weights, rates[-1:], none[:1], np.zeros(1, np.int64), np.zeros((1, 4))
        )
        assert out.measure[-1] == last.measure[0] and np.all(out.measure != 0)


def test_memory_stays_under_what_was_given():
    import cupy

    most = 64 * 2**20
    one = device.Device(0, most)
    pool = cupy.get_default_memory_pool()
    try:
        with pytest.raises(device.OutOfMemory):
            one.zeros(most // 8 + 2**20, np.float64)
        network = systems.create("tanh").network
        job = GpuFloat64().job(systems.create("tanh"), View.parse("1", "1", "1", "512x512"), None, quiet, pytest.fail)
        assert len(network.x) == 272 and np.isfinite(job.run(np.arange(2**18)).measure).all()
        assert pool.total_bytes() <= most
    finally:
        pool.set_limit(size=0)
        pool.free_all_blocks()
