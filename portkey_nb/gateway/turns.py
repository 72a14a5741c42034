"""One turn of a conversation as a frozen value, and how it is read back from JSON."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

from ulid import ULID

from portkey_nb.errors import StoreError

Mark = Literal["ok", "interrupted"]

_MARKS = ("ok", "interrupted")


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True)
class Turn:
    """One exchange: what was asked and what was answered.

    Attributes
    ----------
    turn_id : str
        A ULID.
    parent_id : str or None
        The turn this one follows; None for the first of a branch that starts at the root.
    messages : tuple of dict
        The messages this turn adds: the user's, then the assistant's (of an interrupted turn, the part that came).
    run_id : str or None
        The row of the run log.
    cell_key : str or None
        Which cell asked; re-running that cell forks here.
    mark : {"ok", "interrupted"}
        How the turn ended.
    created_at : str
        ISO 8601, UTC.
    group_id : str or None
        Shared by turns that answer one question side by side; None where there is but one answer.
    """

    turn_id: str
    parent_id: str | None
    messages: tuple[dict[str, Any], ...] = field(hash=False)
    run_id: str | None = None
    cell_key: str | None = None
    mark: Mark = "ok"
    created_at: str = field(default_factory=_now)
    group_id: str | None = None

    def __post_init__(self) -> None:
        # A private copy: what the caller later does to its own list must not rewrite history.
        object.__setattr__(self, "messages", tuple(copy.deepcopy(list(self.messages))))

    @classmethod
    def new(
        cls,
        messages: Iterable[Mapping[str, Any]],
        *,
        parent_id: str | None = None,
        run_id: str | None = None,
        cell_key: str | None = None,
        mark: Mark = "ok",
        group_id: str | None = None,
    ) -> Turn:
        """Make a turn with an id of its own and the present time."""
        added = tuple(dict(message) for message in messages)
        return cls(str(ULID()), parent_id, added, run_id=run_id, cell_key=cell_key, mark=mark, group_id=group_id)

    @property
    def group(self) -> str:
        """By what the turns that answer one question side by side are known: the group's id, else the turn's own."""
        return self.group_id or self.turn_id

    def to_dict(self) -> dict[str, Any]:
        """Give the turn as plain JSON values."""
        data: dict[str, Any] = {
            "turn_id": self.turn_id,
            "parent_id": self.parent_id,
            "messages": copy.deepcopy(list(self.messages)),
            "run_id": self.run_id,
            "cell_key": self.cell_key,
            "mark": self.mark,
            "created_at": self.created_at,
        }
        return data if self.group_id is None else {**data, "group_id": self.group_id}


def read_turn(data: Any) -> Turn:
    """Read what ``Turn.to_dict`` gave.

    Raises
    ------
    StoreError
        If something is missing or misshapen.
    """
    if not isinstance(data, Mapping):
        raise damaged(f"a turn is {data!r:.60}, not a mapping")
    messages = data.get("messages")
    if not isinstance(messages, list | tuple):
        raise damaged(f"a turn's messages are {messages!r:.60}, not a list")
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise damaged(f"a message is {message!r:.60}, not a mapping with a role")
    mark = data.get("mark", "ok")
    if mark not in _MARKS:
        raise damaged(f"a turn is marked {mark!r:.60}, neither 'ok' nor 'interrupted'")
    return Turn(
        text_of(data, "turn_id"),
        text_or_none(data, "parent_id"),
        tuple(messages),
        text_or_none(data, "run_id"),
        text_or_none(data, "cell_key"),
        cast(Mark, mark),
        text_of(data, "created_at"),
        text_or_none(data, "group_id"),
    )


def text_of(data: Mapping[str, Any], name: str) -> str:
    """Return a value that must be a text, else raise :class:`StoreError`."""
    value = data.get(name)
    if not isinstance(value, str):
        raise damaged(f"its {name} is {value!r:.60}, not a text")
    return value


def text_or_none(data: Mapping[str, Any], name: str) -> str | None:
    """Return a value that must be a text or absent, else raise :class:`StoreError`."""
    return None if data.get(name) is None else text_of(data, name)


def damaged(what: str) -> StoreError:
    """Return the error of a conversation that cannot be read."""
    return StoreError(f"the conversation cannot be read: {what}; `%portkey reset NAME` begins it anew")
