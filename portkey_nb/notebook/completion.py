"""Tab completion of flags, models, configs and conversations, from what is known without a call."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from portkey_nb.gateway.taping import PACES
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


def matcher(magics: Any) -> Any:
    """Return an IPython matcher for the lines of our magics; it leaves no room for Python's own names there."""

    @context_matcher()  # type: ignore[untyped-decorator]
    def portkey(context: Any) -> Any:
        line = context.line_with_cursor[: _column(context)]
        first_line = context.cursor_line == 0
        if not re.match(r"\s*%portkey\s" if not first_line else r"\s*%%?portkey\s", line):
            return {"completions": [], "suppress": False}
        current, choices = _choices(magics, line)
        found = [SimpleCompletion(choice, type="param") for choice in sorted(choices) if choice.startswith(current)]
        return {"completions": found, "matched_fragment": current, "suppress": True, "ordered": True}

    portkey.__module__ = __name__
    return portkey


def _column(context: Any) -> int:
    lines = context.full_text[: context.cursor_position].split("\n")
    return len(lines[-1])


def _choices(magics: Any, before: str) -> tuple[str, Collection[str]]:
    """Return the word at the cursor, and what could stand there."""
    words = before.split()
    current = "" if before[-1:].isspace() else words[-1]
    earlier = words[:-1] if current else words
    previous = earlier[-1]
    if previous in ("-m", "--model"):
        return current, magics.known.models
    if previous == "--config":
        return current, config_names(magics.shell.user_ns)
    if previous in ("--tools", "--schema", "--image"):
        return current, fitting(previous, magics.shell.user_ns)
    if previous == "--chat" or earlier in (["%portkey", "chat"], ["%portkey", "reset"]):
        return current, set(magics.known.chats)
    if earlier in (["%portkey", "record"], ["%portkey", "replay"]):
        return current, ["off", *files(current)]
    if earlier[:2] == ["%portkey", "replay"]:
        return current, PACES if previous == "--pace" else ("--pace",) if len(earlier) == 3 else ()
    if previous == "--base-url":
        return current, ("demo", "local")
    if earlier == ["%portkey"] and not current.startswith("-"):
        return current, COMMANDS
    if earlier[0] == "%portkey" and len(earlier) > 1 and earlier[1] in COMMANDS:
        return current, ()
    return current, FLAGS


def fitting(flag: str, namespace: Mapping[str, Any]) -> list[str]:
    """Return the variables that a flag could name: functions, classes and schemas, or images."""
    kinds: dict[str, Callable[[Any], bool]] = {
        "--tools": lambda value: inspect.isroutine(value) and not inspect.isbuiltin(value),
        "--schema": lambda value: inspect.isclass(value) or (isinstance(value, Mapping) and "type" in value),
        "--image": lambda value: isinstance(value, bytes) or hasattr(value, "savefig") or hasattr(value, "getbands"),
    }
    fits = kinds[flag]
    return [name for name, value in list(namespace.items()) if re.match(r"[A-Za-z]", name) and fits(value)]


def files(begun: str) -> list[str]:
    """Return the recordings, and the folders, that a path could go on with."""
    folder, _, _ = begun.rpartition("/")
    try:
        found = [entry for entry in os.scandir(os.path.expanduser(folder) or ".") if not entry.name.startswith(".")]
        before = f"{folder}/" if folder else ""
        return [
            f"{before}{entry.name}{'/' if entry.is_dir() else ''}"
            for entry in found
            if entry.is_dir() or entry.name.endswith(".jsonl")
        ]
    except OSError:
        return []


def config_names(namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of routing Configs in a notebook, which may run a cell meanwhile."""
    return [
        name
        for name, value in list(namespace.items())
        if re.match(r"[A-Za-z]", name) and type(value).__name__ == "Config" and hasattr(value, "redacted")
    ]
