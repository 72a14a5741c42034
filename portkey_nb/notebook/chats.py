"""Named conversations of cells: found, forked at a cell's own turn, and grown by it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portkey_nb.engine.record import new_run_id
from portkey_nb.engine.store import RunStore
from portkey_nb.errors import PromptError
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.notebook.completion import Known
from portkey_nb.notebook.place import Place


@dataclass(frozen=True)
class ChatTurn:
    """The turn that a cell is about to add to its conversation.

    Attributes
    ----------
    scope, name : str
        Where the conversation is kept.
    conversation : Conversation
        As it is after forking at this cell's earlier turn, if there was one.
    left : int
        Later turns that stay on the old branch.
    cell_key : str
        By which a re-run of this cell is known.
    """

    scope: str
    name: str
    conversation: Conversation
    left: int
    cell_key: str

    @property
    def note(self) -> str:
        """What a person is told of the fork; empty where there was none."""
        if not self.left:
            return ""
        turns = "1 later turn stays" if self.left == 1 else f"{self.left} later turns stay"
        return f"`{self.name}` goes on from this cell; {turns} on the old branch"

    @property
    def parent_run_id(self) -> str | None:
        """The run of the turn before this one."""
        path = self.conversation.path()
        return path[-1].run_id if path else None

    def grown(self, asked: list[dict[str, Any]], answer: str, run_id: str, *, interrupted: bool) -> Conversation:
        """Return the conversation with this turn at its end."""
        path = self.conversation.path()
        turn = Turn(
            turn_id=new_run_id(),
            parent_id=path[-1].turn_id if path else None,
            messages=(*asked, {"role": "assistant", "content": answer}),
            run_id=run_id,
            cell_key=self.cell_key,
            mark="interrupted" if interrupted else "ok",
            created_at=datetime.now(UTC).isoformat(),
        )
        return self.conversation.append(turn)


def where(name: str, place: Place) -> tuple[str, str]:
    """Return scope and bare name of a conversation.

    Examples
    --------
    >>> where("global:draft", Place(None, None))
    ('global', 'draft')
    """
    shared, colon, rest = name.partition(":")
    scope, bare = ("global", rest) if colon and shared == "global" else (place.scope, name)
    if not bare.strip():
        raise PromptError(f"--chat {name!r} has no name; write `--chat draft` or `--chat global:draft`")
    return scope, bare.strip()


def take_turn(store: RunStore, name: str, place: Place, body: str, known: Known) -> ChatTurn:
    """Open a conversation for a cell, forked where this cell has spoken before.

    A cell is known by its notebook and id; where the front end sends no id, by its text. In a terminal the same text
    typed again is a new turn, so there its place among the session's turns counts as well.
    """
    scope, bare = where(name, place)
    conversation = store.load_conversation(scope, bare) or Conversation.new()
    if place.cell_id is not None:
        key = f"cell:{place.notebook or ''}:{place.cell_id}"
    else:
        digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        key = f"text:{digest}" + (f":{known.chats.get(name, 0)}" if place.terminal else "")
    forked, left = conversation.fork_for(key)
    return ChatTurn(scope, bare, forked, left, key)
