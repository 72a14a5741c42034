"""What is asked of a conversation, and the turn that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from portkey_nb.engine.asking import Inquiry, call_from
from portkey_nb.engine.call import Outcome
from portkey_nb.engine.normalize import content_text
from portkey_nb.engine.rounds import Rounds, spoken
from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.conversation import Conversation, Turn


class Question:
    """A question with all that was said before it.

    Parameters
    ----------
    conversation : Conversation
        What was said before.
    prompt : str or list of mappings
    model : str or None
    given : mapping
        As for :func:`portkey_nb.ask`.

    Attributes
    ----------
    inquiry : Inquiry
        Not yet begun.
    system : str or None
        The system prompt that came with the question, and takes the conversation's place.

    Raises
    ------
    PortkeyError
        When the arguments do not fit.
    """

    def __init__(self, conversation: Conversation, prompt: Any, model: str | None, given: Mapping[str, Any]) -> None:
        call, runner = call_from(prompt, model, given)
        own = [content_text(message.get("content")) for message in call.messages if message.get("role") == "system"]
        self.system = "\n\n".join(own) or None
        self._asked = [message for message in call.messages if message.get("role") != "system"]
        self._base = conversation if self.system is None else conversation.with_system(self.system)
        path = self._base.path()
        facts = {
            **call.facts,
            "system": self._base.system,
            "conversation_id": self._base.conversation_id,
            "parent_run_id": path[-1].run_id if path else None,
        }
        whole = replace(call, messages=[*self._base.messages(), *self._asked], facts=facts)
        self.inquiry = Inquiry(whole, runner)

    @property
    def turn(self) -> Turn | None:
        """The turn that it adds, as far as it went; None where nothing is kept."""
        rounds, outcome = self.inquiry.rounds, self.inquiry.outcome
        return answered(self._base, self._asked, rounds, outcome, parent_id=self._base.head)


def answered(
    conversation: Conversation,
    asked: Sequence[Mapping[str, Any]],
    rounds: Rounds,
    outcome: Outcome | PortkeyError | None,
    *,
    parent_id: str | None,
    cell_key: str | None = None,
    group_id: str | None = None,
) -> Turn | None:
    """Return the turn that an outcome adds to a conversation; :meth:`Talk.add` takes it.

    Parameters
    ----------
    conversation : Conversation
    asked : sequence of mappings
        The messages that were new in the question; system messages among them are left out.
    rounds : Rounds
        What tools were asked and gave belongs to the turn.
    outcome : Outcome, PortkeyError or None
        How the last request came out.
    parent_id : str or None
        The turn that was asked on; None is the root. Where the conversation was forgotten meanwhile, the turn begins
        it anew.
    cell_key, group_id : str, optional
        As for :class:`Turn`.

    Returns
    -------
    Turn or None
        None where nothing is kept: a question that failed leaves no trace. One that was interrupted stays with the
        text that came, and is marked.
    """
    if not isinstance(outcome, Outcome):
        return None
    run = outcome.run
    interrupted = run.status == "interrupted"
    if interrupted and not run.text:
        return None
    if not interrupted and (run.status != "ok" or rounds.wants(outcome)):
        return None
    # Each earlier round added the message that calls, and one for each result.
    added = sum(1 + len(earlier.tool_calls or ()) for earlier in rounds.earlier)
    between = rounds.call.messages[len(rounds.call.messages) - added :]
    new = [message for message in asked if message.get("role") != "system"]
    known = {turn.turn_id for turn in conversation.turns}
    return Turn.new(
        [*new, *between, _said(rounds, outcome)],
        parent_id=parent_id if parent_id in known else None,
        run_id=run.run_id,
        cell_key=cell_key,
        group_id=group_id,
        mark="interrupted" if interrupted else "ok",
    )


def _said(rounds: Rounds, outcome: Outcome) -> dict[str, Any]:
    """Return the answer as a message, with what it calls; arguments that are the answer by a schema are its text."""
    run, schema, message = outcome.run, rounds.call.schema, spoken(outcome)
    called = message.get("tool_calls") or ()
    calls = [call for call in called if schema is None or call["function"].get("name") != schema.name]
    # Of calls that were cut off, nothing can be told.
    if run.status == "interrupted" or not calls:
        return {"role": "assistant", "content": run.text or ""}
    return {**message, "tool_calls": calls}


def grown(conversation: Conversation, turn: Turn) -> Conversation:
    """Return a conversation with a turn where its ``parent_id`` says, None being the root, and go on from it.

    A turn that follows none of the conversation's, which was forgotten meanwhile, begins it anew.
    """
    known = any(each.turn_id == turn.parent_id for each in conversation.turns)
    return conversation.switch(turn.parent_id if known else None).append(
        replace(turn, parent_id=turn.parent_id if known else None)
    )


def grafted(onto: Conversation, apart: Conversation) -> Conversation:
    """Return one conversation with the turns of another behind its last one."""
    grown = onto
    for turn in apart.turns:
        grown = grown.switch(turn.parent_id or onto.head).append(replace(turn, parent_id=turn.parent_id or onto.head))
    head = apart.head or onto.head
    return replace(grown, head=head, system=apart.system if apart.system is not None else onto.system)
