"""A generated step in parts does what its lines do one after the other."""

import re

import numba
import numpy as np

from deepzoom.backends.kernels.traced.parts import MOST_LINES, Parts
from deepzoom.compiling.jit import inner


def update(k, count, length=8):
    """Lines that read and write a few places; of equal counts and lengths, only their places and names differ."""
    lines = [f"    v{100 * k} = load(LANES * ({3 * k})) * 1.5e-05", f"    for i0 in range({count}):"]
    lines += [f"        v{100 * k + j + 1} = v{100 * k + j} + load(LANES * (i0 + {k + j}))" for j in range(length)]
    return [*lines, f"        store(LANES * (2 * i0 + {50 + 10 * k}), v{100 * k + length} * rows)"]


def ran(lines, functions=()):
    text = "\n".join([*functions, "def step(lanes, rows):", *lines])
    lanes = list(np.random.default_rng(0).normal(size=200))
    names = {"direct_inner": lambda f: f, "UNIT": 1, "LANES": 1, "load": lanes.__getitem__, "store": lanes.__setitem__}
    exec(text, names)
    names["step"](lanes, 4)
    return lanes


def test_parts_do_the_same_as_lines():
    tasks = [update(1, 4), update(2, 4), [f"    store({k}, {k}.0)" for k in range(MOST_LINES)], update(3, 4)]
    tasks += [["    store(7, load(8))"], update(4, 6), update(5, 4), ["    store(190, 1e5 * rows)"]]
    parts = Parts("step", "lanes, rows", ())
    calls = parts.calls(tasks, "")
    assert ran(calls, parts.functions) == ran([line for task in tasks for line in task])
    assert len({re.search(r"step_\d+", line)[0] for line in calls}) == len(parts.functions) == 4
    assert sum(line.startswith("    step_0(") for line in calls) == 4
    assert max(function.count("\n") for function in parts.functions) <= MOST_LINES + 1


def test_a_short_step_is_one_function():
    task = ["    store(0, 1.0)", "    store(1, 2.0 * load(0))"]
    parts = Parts("step", "lanes, rows", ())
    assert parts.calls([task, update(1, 4)], "") == [*task, *update(1, 4)] and not parts.functions


@inner
def _doubled(x):
    return 2.0 * x


def test_only_kernels_have_machine_code():
    @numba.njit
    def kernel(x):
        return _doubled(x) + 1.0

    assert kernel(3.0) == 7.0
    (part,) = _doubled.overloads.values()
    assert part.library.get_pointer_to_function(part.fndesc.llvm_func_name) == 0
