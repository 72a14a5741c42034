"""The message history of a conversation as a frozen value: append, fork, switch; no storage and no screen."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ulid import ULID

from portkey_nb.errors import PromptError
from portkey_nb.gateway.branching import cut, longest_reading, newest_under
from portkey_nb.gateway.turns import Turn, damaged, read_turn, text_of, text_or_none

__all__ = ["Conversation", "Turn"]


@dataclass(frozen=True)
class Conversation:
    """A tree of turns of which one branch, root to ``head``, is the present one.

    Nothing is ever taken out: forking and switching only move ``head``.

    Attributes
    ----------
    conversation_id : str
        A ULID.
    turns : tuple of Turn
        All turns of all branches, each after the turn it follows.
    head : str or None
        The last turn of the present branch; None at the root, before any turn.
    system : str or None
        The system prompt, sent before all turns.

    Raises
    ------
    StoreError
        If the turns do not make a tree or ``head`` is none of them.
    """

    conversation_id: str
    turns: tuple[Turn, ...] = ()
    head: str | None = None
    system: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "turns", tuple(self.turns))
        seen: set[str] = set()
        for turn in self.turns:
            if turn.turn_id in seen:
                raise damaged(f"it has two turns {turn.turn_id!r}")
            # Asking for an *earlier* turn excludes cycles as well as unknown parents.
            if turn.parent_id is not None and turn.parent_id not in seen:
                raise damaged(f"turn {turn.turn_id!r} follows {turn.parent_id!r}, which is no earlier turn of it")
            seen.add(turn.turn_id)
        if self.head is not None and self.head not in seen:
            raise damaged(f"its head {self.head!r} is none of its turns")

    @classmethod
    def new(cls, system: str | None = None) -> Conversation:
        """Begin a conversation, with or without a system prompt."""
        return cls(str(ULID()), system=system)

    def path(self) -> tuple[Turn, ...]:
        """Give the turns of the present branch, the first one first."""
        known = {turn.turn_id: turn for turn in self.turns}
        found: list[Turn] = []
        at = self.head
        while at is not None:
            found.append(known[at])
            at = known[at].parent_id
        return tuple(reversed(found))

    def messages(self) -> list[dict[str, Any]]:
        """Give what a request sends: the system prompt, if any, then the messages of the present branch."""
        first = [] if self.system is None else [{"role": "system", "content": self.system}]
        return first + [copy.deepcopy(message) for turn in self.path() for message in turn.messages]

    def append(self, turn: Turn) -> Conversation:
        """Add a turn and make it the head.

        Parameters
        ----------
        turn : Turn
            Its ``parent_id`` is kept, so a turn that began before another one was added becomes a branch of its
            own; None stands for the present head.

        Returns
        -------
        Conversation
            A new value; this one is unchanged.

        Raises
        ------
        PromptError
            If the parent is no turn of this conversation, or the turn is in it already.
        """
        parent = self.head if turn.parent_id is None else turn.parent_id
        known = {each.turn_id for each in self.turns}
        if turn.turn_id in known:
            raise PromptError(f"turn {turn.turn_id!r} is already in the conversation; make another with Turn.new()")
        if parent is not None and parent not in known:
            raise PromptError(f"no turn {parent!r} in this conversation to follow; leave parent_id out for the last")
        return replace(self, turns=(*self.turns, replace(turn, parent_id=parent)), head=turn.turn_id)

    def fork_for(self, cell_key: str | None) -> tuple[Conversation, int]:
        """Step back to before the turn that a cell made, so that re-running the cell replaces it.

        Parameters
        ----------
        cell_key : str or None
            The cell. The last of its turns on the present branch counts.

        Returns
        -------
        conversation : Conversation
            With the head at that turn's parent; this one, unchanged, if the cell has no turn on the branch.
        left : int
            How many turns came after it. They stay, with it, on the old branch.
        """
        if cell_key is None:
            return self, 0
        for left, turn in enumerate(reversed(self.path())):
            if turn.cell_key == cell_key:
                return replace(self, head=turn.parent_id), left
        return self, 0

    def branches(self) -> tuple[Turn, ...]:
        """Give the last turn of every branch, oldest first; ``switch`` takes their ids."""
        followed = {turn.parent_id for turn in self.turns}
        return tuple(turn for turn in self.turns if turn.turn_id not in followed)

    def switch(self, turn_id: str | None) -> Conversation:
        """Go on from any turn; None is the root, before the first turn.

        Raises
        ------
        PromptError
            If there is no such turn.
        """
        return replace(self, head=None if turn_id is None else self._turn(turn_id).turn_id)

    @property
    def open(self) -> bool:
        """Whether the last message of the present branch waits for an answer: it is not the assistant's."""
        said = [message for turn in self.path()[-1:] for message in turn.messages]
        return bool(said) and said[-1]["role"] != "assistant"

    def siblings(self, turn_id: str) -> tuple[Turn, ...]:
        """Give the turns that follow the same one as this turn does, oldest first, itself among them.

        Raises
        ------
        PromptError
            If there is no such turn; so for the three methods below.
        """
        parent = self._turn(turn_id).parent_id
        return tuple(turn for turn in self.turns if turn.parent_id == parent)

    def alternatives(self, turn_id: str) -> tuple[tuple[Turn, ...], ...]:
        """Give the siblings of a turn by group, the oldest group first; one group is shown side by side."""
        groups: dict[str, list[Turn]] = {}
        for turn in self.siblings(turn_id):
            groups.setdefault(turn.group, []).append(turn)
        return tuple(tuple(group) for group in groups.values())

    def latest_under(self, turn_id: str) -> str:
        """Give the id of the turn that was added last among this one and those that follow it."""
        return newest_under(self.turns, [self._turn(turn_id).turn_id])

    def step(self, turn_id: str, by: int) -> Conversation:
        """Go to the newest end of an alternative to a turn.

        Parameters
        ----------
        turn_id : str
        by : int
            1 for the next alternative, -1 for the one before; where there is none, nothing changes.
        """
        groups = self.alternatives(turn_id)
        here = next(at for at, group in enumerate(groups) if any(turn.turn_id == turn_id for turn in group))
        if by == 0 or not 0 <= here + by < len(groups):
            return self
        return replace(self, head=newest_under(self.turns, [turn.turn_id for turn in groups[here + by]]))

    def undone(self) -> Conversation:
        """Step back to before the last turn, which stays on its branch; at the root nothing changes."""
        return self if self.head is None else replace(self, head=self._turn(self.head).parent_id)

    def rewritten(self, messages: Iterable[Mapping[str, Any]]) -> Conversation:
        """Go to a branch that reads exactly as these messages, and make what of it is not there.

        Whole turns that read so already are gone through again, wherever they are in the tree; the rest becomes new
        turns, each ending with an answer, its tool calls and their results with it. A new turn that reads as one of
        the old branch keeps that one's run, cell and mark.

        Parameters
        ----------
        messages : iterable of mappings
            Without the system prompt, which stays as it is.
        """
        wanted = [dict(message) for message in messages]
        path = self.path()
        if wanted == [message for turn in path for message in turn.messages]:
            return self
        found, read = longest_reading(self.turns, path, wanted)
        changed = replace(self, head=found)
        kept = {turn.turn_id for turn in changed.path()}
        for turn in cut(wanted[read:], [turn for turn in path if turn.turn_id not in kept]):
            changed = changed.append(turn)
        return changed

    def _turn(self, turn_id: str) -> Turn:
        found = next((turn for turn in self.turns if turn.turn_id == turn_id), None)
        if found is None:
            raise PromptError(f"no turn {turn_id!r} in this conversation; `.branches()` lists where one can go on")
        return found

    def with_system(self, system: str | None) -> Conversation:
        """Exchange the system prompt; None takes it away."""
        return replace(self, system=system)

    def to_dict(self) -> dict[str, Any]:
        """Give the whole conversation as plain JSON values."""
        return {
            "conversation_id": self.conversation_id,
            "system": self.system,
            "head": self.head,
            "turns": [turn.to_dict() for turn in self.turns],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Conversation:
        """Read what ``to_dict`` gave.

        Raises
        ------
        StoreError
            If something is missing or misshapen, or the turns do not make a tree.
        """
        if not isinstance(data, Mapping):
            raise damaged(f"it is {data!r:.60}, not a mapping")
        turns = data.get("turns", [])
        if not isinstance(turns, list | tuple):
            raise damaged(f"its turns are {turns!r:.60}, not a list")
        return cls(
            text_of(data, "conversation_id"),
            tuple(read_turn(turn) for turn in turns),
            text_or_none(data, "head"),
            text_or_none(data, "system"),
        )
