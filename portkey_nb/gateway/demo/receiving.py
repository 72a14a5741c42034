"""What of a request reaches its provider: the gateway drops and limits parameters, and so does the demo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["received"]

_DROPPED = {
    "anthropic": frozenset({"response_format", "reasoning_effort", "logprobs", "top_logprobs"}),
    "openai": frozenset({"thinking"}),
    "mistral-ai": frozenset({"response_format"}),
    "bedrock": frozenset({"response_format"}),
}


def received(provider: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's body as its provider gets it from the gateway."""
    dropped = _DROPPED.get(provider, frozenset())
    return {name: value for name, value in body.items() if name not in dropped}
