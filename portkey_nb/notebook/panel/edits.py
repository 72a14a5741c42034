"""Editing a conversation's messages: which of them an entry stands for, and the list as it reads afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portkey_nb.engine.transcript import Row
from portkey_nb.errors import PromptError
from portkey_nb.gateway.conversation import Conversation

ROLES = ("user", "assistant", "system", "developer")
"""What an added or edited message may be; `tool` needs the call that it answers."""

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Span:
    """A row, and the messages of the present branch that it stands for: ``start`` up to but not including ``stop``."""

    row: Row
    start: int
    stop: int


def branch_messages(conversation: Conversation) -> Messages:
    """Return the messages of the present branch, without the system prompt."""
    return conversation.with_system(None).messages()


def spans(conversation: Conversation, rows: Sequence[Row]) -> list[Span]:
    """Return the rows of the present branch with the messages that each stands for."""
    first: dict[str, int] = {}
    count = 0
    for turn in conversation.path():
        first[turn.turn_id] = count
        count += len(turn.messages)
    found: list[Span] = []
    for row in rows:
        stop = first[row.turn_id] + row.place + 1
        follows = bool(found) and found[-1].row.turn_id == row.turn_id
        found.append(Span(row, found[-1].stop if follows else first[row.turn_id], stop))
    return found


def with_text(message: Mapping[str, Any], role: str, text: str) -> dict[str, Any]:
    """Return a message with another role and text; a user's images stay.

    Raises
    ------
    PromptError
        For an unknown role.

    Examples
    --------
    >>> with_text({"role": "user", "content": "one"}, "system", "two")
    {'role': 'system', 'content': 'two'}
    """
    if role not in ROLES:
        raise PromptError(f"role is {role!r:.60}; it is one of {', '.join(ROLES)}")
    content = message.get("content")
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    kept = [dict(part) for part in parts if not isinstance(part.get("text"), str)]
    if role != "user" or not kept:
        return {"role": role, "content": text}
    return {"role": role, "content": [*([{"type": "text", "text": text}] if text.strip() else []), *kept]}


def edited(messages: Messages, span: Span, role: str, text: str) -> Messages:
    """Return the messages with one of them rewritten; tools that led to an answer stay with it."""
    last = messages[span.stop - 1]
    fresh = with_text(last, role, text)
    before = messages[: span.stop - 1] if role == "assistant" else messages[: span.start]
    return [*before, fresh, *messages[span.stop :]]


def added(messages: Messages, after: Span | None, role: str, text: str) -> Messages:
    """Return the messages with one more, behind another or at the beginning."""
    at = after.stop if after is not None else 0
    return [*messages[:at], with_text({}, role, text), *messages[at:]]


def removed(messages: Messages, span: Span) -> Messages:
    """Return the messages without those of one entry."""
    return [*messages[: span.start], *messages[span.stop :]]


def moved(messages: Messages, found: Sequence[Span], place: int, by: int) -> Messages:
    """Return the messages with one entry moved up (by < 0) or down among the others."""
    target = max(0, min(len(found) - 1, place + by))
    order = [*found[:place], *found[place + 1 :]]
    order.insert(target, found[place])
    return [message for span in order for message in messages[span.start : span.stop]]


def system_first(messages: Messages, system: str | None) -> tuple[str | None, Messages]:
    """Take system messages at the beginning for the system prompt, or for more of it.

    Examples
    --------
    >>> system_first([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], None)
    ('Be brief.', [{'role': 'user', 'content': 'Hi'}])
    """
    said = [system] if system else []
    while messages and messages[0].get("role") == "system" and isinstance(messages[0].get("content"), str):
        said.append(messages[0]["content"])
        messages = messages[1:]
    return "\n\n".join(said) or None, messages


def rewritten(
    command: Mapping[str, Any], conversation: Conversation, entries: Mapping[str, Span]
) -> tuple[str | None, Messages]:
    """Return the system prompt and the messages as they read after an edit of the page.

    Parameters
    ----------
    command : mapping
        ``do`` is ``edit``, ``add``, ``move`` or ``remove``.
    conversation : Conversation
    entries : mapping
        Entry's id -> what it stands for, in order.

    Raises
    ------
    PromptError
        When there is no such entry, or the role is unknown.
    """
    messages, do = branch_messages(conversation), command.get("do")
    role, text = str(command.get("role", "user")), str(command.get("text", ""))
    if do == "add":
        after = command.get("after")
        found = added(messages, None if after is None else entry(entries, after), role, text)
    elif do == "edit":
        found = edited(messages, entry(entries, command.get("id")), role, text)
    elif do == "move":
        order = list(entries.values())
        found = moved(messages, order, order.index(entry(entries, command.get("id"))), _step(command.get("by")))
    else:
        found = removed(messages, entry(entries, command.get("id")))
    return system_first(found, conversation.system)


def entry(entries: Mapping[str, Span], name: Any) -> Span:
    """Return what an entry of the page stands for.

    Raises
    ------
    PromptError
        When the conversation has no such entry any more.
    """
    found = entries.get(str(name))
    if found is None:
        raise PromptError("that message is not in the conversation any more; it was changed elsewhere")
    return found


def _step(by: Any) -> int:
    return by if isinstance(by, int) else 0
