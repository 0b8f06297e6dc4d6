"""Computes keyframes on a Dask cluster. Each keyframe is a task: if a worker dies, only its current ones are lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deepzoom import cache, systems
from deepzoom.errors import InputError, Stopped
from deepzoom.rendering import render as rendering
from deepzoom.rendering.batches import Observer
from deepzoom.rendering.field import Field
from deepzoom.scene.scene import Scene

from .keyframes import Keyframes
from .zoom_path import Descent

_CONNECT_SECONDS = 10
_POLL_SECONDS = 0.5
_AHEAD = 2
"""Keyframes sent to each worker at a time, so that no worker is idle."""


def connected(address: str, scene: Scene) -> Any:
    """A client of the cluster. Raises InputError (--scheduler) if there is none or it cannot make the system."""
    if systems.is_own(scene.system):
        raise InputError(f"--scheduler: {scene.system} is in a file that workers cannot read; leave the option out.")
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--scheduler: Dask is not installed; pip install 'deepzoom[cluster]'.") from None
    try:
        return Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError):
        raise InputError(
            f"--scheduler: no cluster answers at {address}; give an address such as tcp://host:8786."
        ) from None


def compute(client: Any, keyframes: Keyframes, numbers: list[int], observer: Observer) -> Iterator[int]:
    """Compute some keyframes on a cluster and save them as they arrive; yields the number of each.

    Every worker gets the references that this process has used, once. Raises Stopped if the observer stops it.
    """
    from distributed import wait

    client.register_plugin(_references())
    left = iter(numbers)
    running: dict[Any, int] = {}
    try:
        while True:
            room = _AHEAD * max(1, len(client.scheduler_info()["workers"]))
            while len(running) < room and (k := next(left, None)) is not None:
                running[client.submit(_rendered, keyframes.descent, k, pure=False)] = k
            if not running:
                return
            try:
                done = wait(list(running), timeout=_POLL_SECONDS, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                done = set()
            for future in done:
                k = running.pop(future)
                field: Field = future.result()
                keyframes.keep(k, field)
                yield k
            if observer.stopped():
                raise Stopped
    finally:
        client.cancel(list(running))


def _rendered(descent: Descent, k: int) -> Field:
    """Render a keyframe, on a worker."""
    from distributed import get_worker

    return rendering.render(descent.keyframe(k), jobs=get_worker().state.nthreads, wanted=descent.new(k)).field


def _references() -> Any:
    """A plugin that puts the references of this process into each worker's cache, also if the worker joins later."""
    from distributed import WorkerPlugin

    class References(WorkerPlugin):  # type: ignore[misc]
        name = "deepzoom-references"

        def __init__(self, entries: dict[str, Any]) -> None:
            self.entries = entries

        def setup(self, worker: Any) -> None:
            for key, arrays in self.entries.items():
                if cache.load(key) is None:
                    cache.save(key, arrays)

    entries = {key: cache.load(key) for key in sorted(cache.used)}
    return References({key: arrays for key, arrays in entries.items() if arrays is not None})
