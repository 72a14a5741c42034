"""The conversation as a panel has it: changed in threads, because that writes to the run log, and stepped through."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from portkey_nb.engine.record import Run
from portkey_nb.engine.talks import Talk
from portkey_nb.engine.transcript import rows
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.notebook.panel.edits import Span, spans
from portkey_nb.notebook.panel.scene import entry_id

_MOST_STEPS = 500


Step = tuple[str | None, str | None]
"""The head of a conversation and its system prompt; turns stay in the tree, so that the two say all."""


@dataclass
class _Steps:
    """What to go back to, and forward again."""

    back: deque[Step] = field(default_factory=lambda: deque(maxlen=_MOST_STEPS))
    forth: deque[Step] = field(default_factory=lambda: deque(maxlen=_MOST_STEPS))

    def went(self, *ways: Step) -> None:
        """Note the steps that were made, from the first of these to the last."""
        for before, after in pairwise(ways):
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
        self._opened = False

    def is_own(self, conversation: Conversation) -> bool:
        """Whether this panel made a value; in any thread."""
        return any(conversation is own for own in list(self._own))

    @property
    def typed(self) -> bool:
        """Whether the field has a system prompt that the conversation does not have yet."""
        return self._typed is not None

    @property
    def resting(self) -> bool:
        """Whether that one is to be kept at rest: a person typed it, and it is not what the panel was opened with."""
        return self._typed is not None and not self._opened

    def open_with(self, system: str | None) -> None:
        """Take the system prompt that a panel is opened with; it is kept when something is sent."""
        self.type_system(system)
        self._opened = self.typed

    def type_system(self, system: str | None) -> None:
        """Take what stands in the field; it is kept with the next change, or at rest."""
        if self._typed != (system,):
            self._typed = None if system == self.conversation.system else (system,)
            self._opened = False

    async def rewrite(self, system: str | None, messages: Sequence[Mapping[str, Any]]) -> None:
        """Make the present branch read as messages, with a system prompt; both are one step."""
        stays = self._opened and self._typed == (system,)
        if not stays and self._opened:
            self._typed, self._opened = None, False

        def make(conversation: Conversation) -> Conversation:
            again = conversation.rewritten(messages)
            return again if stays else again.with_system(system)

        await self.change(make)

    async def change(
        self, make: Callable[[Conversation], Conversation], *, noted: bool = True, sent: bool = False
    ) -> None:
        """Change the newest value of the conversation; a system prompt that was typed is a step before that.

        Parameters
        ----------
        make : callable
            Called in a thread.
        noted : bool
            Whether what has changed is a step that can be undone.
        sent : bool
            Whether something was sent, so that the system prompt counts with which the panel was opened.

        Raises
        ------
        PromptError
            What ``make`` raises.
        """
        ways: list[Step] = []
        typed = self._typed if self.resting or sent else None
        opened = self._opened

        def made(conversation: Conversation) -> Conversation:
            before = conversation
            if typed is not None:
                conversation = conversation.with_system(typed[0])
                if opened and not before.turns and before.system is None:
                    before = conversation  # it began so
            after = make(conversation)
            ways[:] = [_step(before), _step(conversation), _step(after)]
            self._own.append(after)
            return after

        def changed() -> tuple[Conversation, Mapping[str, Run]]:
            return self.talk.change(made), self.talk.runs_by_id()

        self.conversation, self.runs = await asyncio.to_thread(changed)
        if typed is not None and self._typed is typed:
            self._typed, self._opened = None, False
        if noted:
            self._steps.went(*ways)

    async def reread(self) -> bool:
        """Read what another face has made of the conversation; tell whether the present branch is another."""
        before = self.conversation

        def read() -> tuple[Conversation, Mapping[str, Run]]:
            return self.talk.conversation, self.talk.runs_by_id()

        self.conversation, self.runs = await asyncio.to_thread(read)
        if before.conversation_id != self.conversation.conversation_id:
            self._steps.forget()
            return True
        self._steps.went(_step(before), _step(self.conversation))
        return before.head != self.conversation.head

    def rate(self, run: Run) -> None:
        """Take a run with another rating."""
        self.runs = {**self.runs, run.run_id: run}
        self.talk.remember(run)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back: those made here, and after a restart those to the turn before."""
        return bool(self._steps.back) or self.conversation.head is not None or self.resting

    @property
    def can_redo(self) -> bool:
        """Whether a step back can be taken back."""
        return bool(self._steps.forth) and not self.resting

    async def settle(self) -> None:
        """Keep what was typed."""
        if self.resting:
            await self.change(lambda conversation: conversation)

    async def undo(self) -> None:
        """Go back one step."""
        await self.settle()
        here, steps = _step(self.conversation), self._steps
        if steps.back:
            step = steps.back.pop()
            await self.change(lambda conversation: _at(conversation, step), noted=False)
        else:
            await self.change(lambda conversation: conversation.undone(), noted=False)
        if _step(self.conversation) != here:
            steps.forth.append(here)

    async def redo(self) -> None:
        """Go forward one step."""
        await self.settle()
        here, steps = _step(self.conversation), self._steps
        if not steps.forth:
            return
        step = steps.forth.pop()
        await self.change(lambda conversation: _at(conversation, step), noted=False)
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


def _step(conversation: Conversation) -> Step:
    return conversation.head, conversation.system


def _at(conversation: Conversation, step: Step) -> Conversation:
    """Go to a head, where it is still known: another process may have begun the conversation anew."""
    head, system = step
    known = head is None or any(turn.turn_id == head for turn in conversation.turns)
    return replace(conversation, head=head, system=system) if known else conversation
