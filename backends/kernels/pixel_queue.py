"""The queue from which threads take pixels one by one, on the CPU and on a GPU.

The threads of a kernel ``share_NAME``, one function for both, take pixels until none is left. After ``stride``
iterations a thread looks whether its pixel has ended. On a GPU 32 threads go through their instructions together, and
those whose pixels end early wait no longer than that for their next ones; a thread of the CPU waits for none.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def taken(typingctx: Any, queue: Any) -> Any:
    """The next number of a queue (1,) int64 that all threads share: each number goes to one of them."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", data, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(queue), codegen
