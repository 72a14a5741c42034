"""From a cell's body to messages: plain text, role markers or a list, with ``{{references}}`` filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portkey_nb.errors import PromptError
from portkey_nb.notebook.messages import read_list, split_markers
from portkey_nb.notebook.references import References

__all__ = ["Prompt", "compose"]

_VARIABLE_LIMIT = 10_000
"""Characters of an inserted text that the run log keeps."""


@dataclass(frozen=True)
class Prompt:
    """What a cell says.

    Attributes
    ----------
    messages : list of dict
        As they will be sent.
    template : str
        The body as written.
    vars : dict[str, str]
        Reference -> the text that went in, long ones cut with a word on their length.
    prompt : str
        The text of the last user message, as sent.
    system : str or None
        The text of the system messages, as sent.
    own_system : bool
        Whether the body itself has a system or developer message.
    """

    messages: list[dict[str, Any]]
    template: str
    vars: dict[str, Any]
    prompt: str
    system: str | None
    own_system: bool = False


def compose(
    body: str,
    namespace: Mapping[str, Any],
    *,
    raw: bool = False,
    as_messages: bool = False,
    system: str | None = None,
) -> Prompt:
    """Make messages of a cell's body.

    Parameters
    ----------
    body : str
        Plain text is one user message and arrives byte for byte, but for one newline at its end: IPython puts it
        there itself. A body whose first line is just ``system:``, ``developer:``, ``user:`` or ``assistant:`` is a
        list of messages, each begun by such a line (none inside a closed code fence); blank lines beside these
        lines are layout.
    namespace : mapping
        The notebook's variables, for ``{{references}}``. They are filled in after the body is taken apart, so no
        value can end a message or begin another.
    raw : bool
        Leave references as they are.
    as_messages : bool
        The body is a YAML or JSON list of ``role`` and ``content``.
    system : str, optional
        Goes before the messages, references filled in, unless the body has a system or developer message.

    Raises
    ------
    PromptError
        In one line: nothing to send, no user message, a message without text, a list that cannot be read, a
        reference that leads to nothing.
    """
    template = body.removesuffix("\n").removesuffix("\r") if body.endswith("\n") else body
    if not template.strip():
        raise PromptError("the prompt is empty; write it in the lines below %%portkey")
    references = References(namespace)
    # A list keeps its last newline: in YAML it may belong to a block of text.
    parts = read_list(body) if as_messages else split_markers(template)
    messages = []
    for message, place in parts:
        if not raw and "content" in message:
            message = {**message, "content": _filled(message["content"], references, place)}
        _check_said(message, place)
        messages.append(message)
    if not any(message["role"] == "user" for message in messages):
        raise PromptError("the prompt has no user message; add one, in the cell begun by a line that is just `user:`")
    ruled = any(message["role"] in {"system", "developer"} for message in messages)
    if system is not None and system.strip() and not ruled:
        messages.insert(0, {"role": "system", "content": system if raw else references.expand(system)})
    rules = [_text_of(message) for message in messages if message["role"] == "system"]
    return Prompt(
        messages=messages,
        template=template,
        vars={reference: _shortened(text) for reference, text in references.used.items()},
        prompt=[_text_of(message) for message in messages if message["role"] == "user"][-1],
        system="\n\n".join(rules) if rules else None,
        own_system=ruled,
    )


def _filled(content: Any, references: References, place: str) -> Any:
    try:
        return expand_values(content, references)
    except RecursionError:
        pass
    raise PromptError(f"{place} is nested too deeply; write its parts as one flat list")


def expand_values(content: Any, references: References) -> Any:
    """Fill in the references of every text in a value, however deep in its lists and mappings."""
    if isinstance(content, str):
        return references.expand(content)
    if isinstance(content, list):
        return [expand_values(each, references) for each in content]
    if isinstance(content, dict):
        return {key: expand_values(each, references) for key, each in content.items()}
    return content


def _check_said(message: dict[str, Any], place: str) -> None:
    content = message.get("content")
    blank = not content.strip() if isinstance(content, str) else content == []
    if blank and not message.get("tool_calls"):
        raise PromptError(f"{place} is empty; give it text, or take it out")


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return content or ""


def _shortened(text: str) -> str:
    if len(text) <= _VARIABLE_LIMIT:
        return text
    return f"{text[:_VARIABLE_LIMIT]}… ({len(text):,} characters in all)"
