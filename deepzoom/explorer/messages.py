"""Messages of a page: JSON objects with a type and, for what makes a view, its number."""

from __future__ import annotations

import json
from typing import Any


def parsed(text: str) -> dict[str, Any]:
    """A message of a page. Raises ValueError for a text that is none."""
    message = json.loads(text)
    if not isinstance(message, dict) or not isinstance(message.get("number", 0), int):
        raise ValueError
    return message


def about(message: Any) -> dict[str, Any]:
    """What a refused message was about."""
    if not isinstance(message, dict):
        return {}
    found = {"kind": message.get("type"), "number": message.get("number")}
    return found | ({"names": list(message["set"])} if isinstance(message.get("set"), dict) else {})
