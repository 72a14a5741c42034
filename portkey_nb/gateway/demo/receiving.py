"""What of a request reaches its provider: the gateway drops and limits parameters, and so does the demo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["received"]

_WITHOUT_FORMAT = frozenset({"anthropic", "mistral-ai", "bedrock"})


def received(provider: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's body as its provider gets it from the gateway."""
    dropped = {"response_format"} if provider in _WITHOUT_FORMAT else set()
    return {name: value for name, value in body.items() if name not in dropped}
