"""What a simulated model says to a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portkey_nb.gateway.demo.chance import Chance
from portkey_nb.gateway.demo.models import DemoModel
from portkey_nb.gateway.demo.tokens import plain_text


def compose(messages: Sequence[Mapping[str, Any]], model: DemoModel, chance: Chance, *, json_mode: bool = False) -> str:
    """Return the text of one reply."""
    asked = plain_text(messages[-1].get("content"))
    return f"You said: {asked}"
