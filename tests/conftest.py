from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from small_network import KINDS, SmallNetwork

os.environ.setdefault("MPLBACKEND", "Agg")
# no test depends on the machine's speed, nor on how fast Hypothesis makes its examples
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config):
    # compiling makes millions of objects that stay; looking for garbage among them takes a tenth of the time
    gc.set_threshold(50_000, 20, 100)
    # compiled kernels are kept between test runs; reference runs are computed anew
    folder = Path(str(config.rootpath)) / ".pytest_cache" / "deepzoom"
    os.environ["DEEPZOOM_CACHE"] = str(folder)
    # no test sees the user's own landmarks, or those of another worker's tests
    os.environ["DEEPZOOM_DATA"] = str(folder / f"data{os.environ.get('PYTEST_XDIST_WORKER', '')}")
    # workers keep all processors busy
    from deepzoom.compiling import ahead

    ahead._processors = lambda: 1
    if not hasattr(config, "workerinput"):
        from deepzoom import cache

        cache.clear("references")


def pytest_collection_modifyitems(items):
    gpu = [item for item in items if item.get_closest_marker("gpu")]
    if gpu:
        from deepzoom.backends.gpu import device

        missing = device.obstacle()
        for item in gpu:
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"no GPU: {missing}"))


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """The folder of an empty cache of reference runs for this test alone."""
    from deepzoom import cache

    monkeypatch.setattr(cache, "_references", lambda: tmp_path / "references")
    return tmp_path / "references"


@pytest.fixture(params=KINDS, ids=[k.replace(" ", "-") for k in KINDS])
def small(request):
    """One small network of each kind."""
    return SmallNetwork(sum(map(ord, request.param)), **KINDS[request.param])
