"""The conversation as a panel has it: changed in threads, because that writes to the run log, and stepped through."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from portkey_nb.engine.record import Run
from portkey_nb.engine.talks import Talk
from portkey_nb.engine.transcript import rows
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.notebook.panel.edits import Span, spans
from portkey_nb.notebook.panel.scene import entry_id

_MOST_STEPS = 500


@dataclass
class _Steps:
    """Heads to go back to, and forward again; turns stay in the tree, so that a head says it all."""

    back: deque[str | None] = field(default_factory=lambda: deque(maxlen=_MOST_STEPS))
    forth: deque[str | None] = field(default_factory=lambda: deque(maxlen=_MOST_STEPS))

    def went(self, before: str | None, after: str | None) -> None:
        """Note a step that was made."""
        if before != after:
            self.back.append(before)
            self.forth.clear()

    def forget(self) -> None:
        """Forget all: it is another conversation."""
        self.back.clear()
        self.forth.clear()


class Keeper:
    """A talk with what a panel knows of it; used on the background loop, one change after the other.

    Parameters
    ----------
    talk : Talk

    Attributes
    ----------
    conversation : Conversation
        As it was when it was last changed, or heard of.
    runs : mapping
        Run id -> row of the run log; of all branches.
    """

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.conversation: Conversation = talk.conversation
        self.runs: Mapping[str, Run] = talk.runs_by_id()
        self._steps = _Steps()
        self._own: deque[Conversation] = deque(maxlen=16)
        self._typed: tuple[str | None] | None = None

    def is_own(self, conversation: Conversation) -> bool:
        """Whether this panel made a value; in any thread."""
        return any(conversation is own for own in list(self._own))

    @property
    def typed(self) -> bool:
        """Whether a system prompt was typed that the conversation does not have yet."""
        return self._typed is not None

    def type_system(self, system: str | None) -> None:
        """Take a system prompt; it is kept with the next change, or at rest."""
        self._typed = None if system == self.conversation.system else (system,)

    async def change(self, make: Callable[[Conversation], Conversation], *, noted: bool = True) -> None:
        """Change the newest value of the conversation.

        Parameters
        ----------
        make : callable
            Called in a thread.
        noted : bool
            Whether a moved head is a step that can be undone.

        Raises
        ------
        PromptError
            What ``make`` raises.
        """
        before: list[str | None] = []
        typed = self._typed

        def made(conversation: Conversation) -> Conversation:
            before.append(conversation.head)
            after = make(conversation)
            after = after if typed is None else after.with_system(typed[0])
            self._own.append(after)
            return after

        def changed() -> tuple[Conversation, Mapping[str, Run]]:
            return self.talk.change(made), self.talk.runs_by_id()

        self.conversation, self.runs = await asyncio.to_thread(changed)
        if self._typed is typed:
            self._typed = None
        if noted:
            self._steps.went(before[0], self.conversation.head)

    async def reread(self) -> bool:
        """Read what another face has made of the conversation; tell whether the present branch is another."""
        before = self.conversation

        def read() -> tuple[Conversation, Mapping[str, Run]]:
            return self.talk.conversation, self.talk.runs_by_id()

        self.conversation, self.runs = await asyncio.to_thread(read)
        if before.conversation_id != self.conversation.conversation_id:
            self._steps.forget()
            return True
        self._steps.went(before.head, self.conversation.head)
        return before.head != self.conversation.head

    def rate(self, run: Run) -> None:
        """Take a run with another rating."""
        self.runs = {**self.runs, run.run_id: run}
        self.talk.remember(run)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back: those made here, and after a restart those to the turn before."""
        return bool(self._steps.back) or self.conversation.head is not None

    @property
    def can_redo(self) -> bool:
        """Whether a step back can be taken back."""
        return bool(self._steps.forth)

    async def undo(self) -> None:
        """Go back one step."""
        here, steps = self.conversation.head, self._steps
        if steps.back:
            head = steps.back.pop()
            await self.change(lambda conversation: _at(conversation, head), noted=False)
        else:
            await self.change(lambda conversation: conversation.undone(), noted=False)
        if self.conversation.head != here:
            steps.forth.append(here)

    async def redo(self) -> None:
        """Go forward one step."""
        here, steps = self.conversation.head, self._steps
        if not steps.forth:
            return
        head = steps.forth.pop()
        await self.change(lambda conversation: _at(conversation, head), noted=False)
        steps.back.append(here)

    def entries(self) -> dict[str, Span]:
        """Return what each entry of the page stands for, in their order."""
        turns = {turn.turn_id: turn for turn in self.conversation.turns}
        found: dict[str, Span] = {}
        for span in spans(self.conversation, rows(self.conversation, self.runs)):
            turn = turns[span.row.turn_id]
            found[entry_id(span.row, turn.group, whole=span.row.place == len(turn.messages) - 1)] = span
        return found

    def turn(self, turn_id: str) -> Turn | None:
        """Return a turn of any branch."""
        return next((turn for turn in self.conversation.turns if turn.turn_id == turn_id), None)


def _at(conversation: Conversation, head: str | None) -> Conversation:
    """Go to a head, where it is still known: another process may have begun the conversation anew."""
    known = head is None or any(turn.turn_id == head for turn in conversation.turns)
    return conversation.switch(head) if known else conversation
