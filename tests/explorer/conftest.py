"""Tests of ``deepzoom explore`` need its extra."""

from __future__ import annotations

import pytest

for package in ("starlette", "uvicorn", "websockets"):
    pytest.importorskip(package, reason=f"the extra 'explore' is not installed: {package} is missing")
