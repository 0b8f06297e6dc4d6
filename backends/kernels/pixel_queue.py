"""The queue from which threads take pixels one by one, on the CPU and on a GPU.

The threads of a kernel ``share_NAME``, one function for CPU and GPU, take pixels until none is left. After ``stride``
iterations a thread looks whether its pixel has ended. On a GPU the 32 threads of a warp run in step: a thread whose
pixel ends early waits for the next look before it takes another. A CPU thread waits for no other.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from deepzoom.compiling.jit import inner


@intrinsic
def taken(typingctx: Any, queue: Any) -> Any:
    """The next number of a queue (1,) int64 that all threads share; each number goes to one thread."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", data, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(queue), codegen


@inner
def next_unfinished(queue, step, steps):  # type: ignore[no-untyped-def]
    """The next pixel of a queue that has steps left; -1 where there is none. step (P,): the step of each."""
    while True:
        pixel = taken(queue)
        if pixel >= step.size:
            return -1
        if step[pixel] < steps:
            return pixel
