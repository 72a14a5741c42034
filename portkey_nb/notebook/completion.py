"""Tab completion of flags, models, configs and conversations, from what is known without a call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.notebook.options import COMMANDS, FLAGS

_DEMO_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo", "claude-sonnet", "gemini-flash", "llama-local")


@dataclass
class Known:
    """What this session has seen so far.

    Attributes
    ----------
    models : set of str
        Models that were listed or have answered.
    chats : dict
        Conversation name -> how many turns this session has added, for cells without an id.
    """

    models: set[str] = field(default_factory=lambda: set(_DEMO_MODELS))
    chats: dict[str, int] = field(default_factory=dict)


def complete(magics: Any, event: Any) -> list[str]:
    """Return what could stand at the cursor of a ``%portkey`` or ``%%portkey`` line."""
    before = str(event.text_until_cursor)
    # IPython replaces what follows the last of its own delimiters; a flag is replaced as one word.
    words = before.split()
    current = "" if before[-1:].isspace() else words[-1]
    previous = words[-1] if current == "" else words[-2] if len(words) > 1 else ""
    if previous in ("-m", "--model"):
        choices: Any = magics.known.models
    elif previous == "--config":
        choices = config_names(magics.shell.user_ns)
    elif previous == "--chat":
        choices = magics.known.chats
    elif previous == "--base-url":
        choices = ("demo", "local")
    elif current.startswith("-"):
        choices = FLAGS
    elif words and words[0] == "%portkey" and len(words) - bool(current) == 1:
        choices = [*COMMANDS, *FLAGS]
    else:
        choices = FLAGS
    return _fitting(sorted(choices), current, str(event.symbol))


def _fitting(choices: list[str], current: str, symbol: str) -> list[str]:
    """Cut what stands before IPython's own word from the choices that fit."""
    skip = len(current) - len(symbol) if current.endswith(symbol) else 0
    return [choice[skip:] for choice in choices if choice.startswith(current)]


def config_names(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of routing Configs in a notebook."""
    return [
        name
        for name, value in namespace.items()
        if re.match(r"[A-Za-z]", name) and type(value).__name__ == "Config" and hasattr(value, "redacted")
    ]
