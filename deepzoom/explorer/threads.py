"""What the threads of a view share: how often they paint, and their priority."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

FRAME_SECONDS, FRAME_SHARE = 0.06, 3.0
"""The least time between two frames, in seconds and in times that the last one took."""


def be_nice() -> None:
    """Let the browser and the server run first: the threads that this one starts are nice, too."""
    if hasattr(os, "setpriority") and sys.platform == "linux":  # elsewhere this would be the whole process
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + 3)
