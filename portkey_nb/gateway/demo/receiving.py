"""What of a request reaches its provider: the gateway drops and limits parameters, and so does the demo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portkey_nb.gateway.parameters import altered, table

__all__ = ["received"]


def received(provider: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's body as its provider gets it from the open-source gateway.

    Examples
    --------
    >>> received("anthropic", {"model": "claude-sonnet", "temperature": 1.5, "seed": 7})
    {'model': 'claude-sonnet', 'temperature': 1}
    """
    model = body.get("model")
    kept = dict(body)
    for change in altered(provider, body, model=model if isinstance(model, str) else None):
        if change.kind == "dropped":
            del kept[change.parameter]
        elif change.kind == "limited" and provider in table():
            kept[change.parameter] = table()[provider].cells[change.parameter].limit(change.value)
    return kept
