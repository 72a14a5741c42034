"""What a person wants of a conversation whose messages stay: their texts, the same as code, an opinion kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from portkey_nb.engine.opinions import RATINGS, rate
from portkey_nb.engine.record import Run
from portkey_nb.engine.transcript import message_text, talk_bundle, talk_heading
from portkey_nb.errors import PromptError
from portkey_nb.notebook.panel.code import Code, as_code
from portkey_nb.notebook.panel.draft import Draft
from portkey_nb.notebook.panel.edits import branch_messages, entry
from portkey_nb.notebook.panel.errand import Desk
from portkey_nb.notebook.panel.errands import Errands

Command = Mapping[str, Any]


class Favours:
    """Does for a desk what changes no message; an opinion goes to the run log, and to Portkey where it logs the call.

    Used on the background loop.

    Parameters
    ----------
    desk : Desk
    errands : Errands
    names : callable
        Returns the notebook's variables.
    """

    def __init__(self, desk: Desk, errands: Errands, names: Callable[[], Mapping[str, Any]]) -> None:
        self._desk, self._errands, self._names = desk, errands, names
        self._rating = asyncio.Lock()
        self._keeping: set[asyncio.Task[None]] = set()

    def source(self, command: Command) -> None:
        """Tell a view the text of an entry or an answer, to be edited or copied."""
        name = str(command.get("id"))
        role, text = self._said(name)
        said = {"source": {"id": name, "role": role, "text": text}, "why": command.get("why")}
        self._desk.stage.tell(command.get("view"), said)

    def _said(self, name: str) -> tuple[str, str]:
        pending = self._errands.said(name)
        if pending is not None:
            return pending
        keeper = self._desk.keeper
        turn = keeper.turn(name)
        if turn is not None:
            return "assistant", message_text(turn.messages[-1])
        row = entry(keeper.entries(), name).row
        return row.role, message_text(row.message)

    async def copy_all(self, command: Command) -> None:
        """Tell a view the conversation as Markdown."""
        bundle = await asyncio.to_thread(self.bundle)
        self._desk.stage.tell(command.get("view"), {"copy": bundle["text/markdown"]})

    def bundle(self) -> dict[str, str]:
        """Return the conversation as static HTML, Markdown and text; in any thread."""
        keeper = self._desk.keeper
        return talk_bundle(keeper.talk.name, keeper.conversation, keeper.runs)

    def heading(self) -> dict[str, str]:
        """Return the conversation's name and length in the same forms, which takes no time."""
        return talk_heading(self._desk.keeper.talk.name, self._desk.keeper.conversation)

    def twin(self, command: Command) -> None:
        """Tell a view the static form, for a notebook whose outputs the kernel does not reach."""
        self._desk.stage.tell(command.get("view"), {"twin": self._desk.twin.form})

    async def code(self, command: Command, draft: Draft) -> Code:
        """Write what would be sent, or where nothing waits to be sent what was asked last, as a cell and as Python."""
        messages, names = self._asked(draft), dict(self._names())
        code = await asyncio.to_thread(as_code, self._desk.fields.composed, messages, names=names)
        if command.get("page"):
            found = {"cell": code.cell, "python": code.python, "note": code.note}
            self._desk.stage.tell(command.get("view"), {"code": found})
        return code

    def _asked(self, draft: Draft) -> list[dict[str, Any]]:
        conversation = self._desk.keeper.conversation
        view, pending = self._errands.shown()
        if draft.empty and pending is not None and not pending.beside:
            return [*branch_messages(view or conversation), *map(dict, pending.asked)]
        messages = branch_messages(conversation)
        if not draft.empty:
            return [*messages, draft.message()]
        if not conversation.open:
            last = next((at for at in reversed(range(len(messages))) if messages[at].get("role") == "user"), None)
            return messages if last is None else messages[: last + 1]
        return messages

    def rate(self, command: Command) -> None:
        """Keep an opinion with an answer's run, and show it at once.

        Raises
        ------
        PromptError
            When the answer has no run, or the opinion is none.
        """
        keeper, value = self._desk.keeper, command.get("value")
        turn = keeper.turn(str(command.get("id")))
        run = None if turn is None else keeper.runs.get(turn.run_id or "")
        if run is None:
            raise PromptError("that answer has no run in the log, so no opinion can be kept with it")
        if value not in RATINGS:
            raise PromptError(f"the rating is {value!r:.40}; it is 1 (good), -1 (bad) or 0 (no opinion)")
        keeper.rate(run.with_(rating=value or None))
        task = asyncio.get_running_loop().create_task(self._keep(run, int(value)))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def close(self, seconds: float) -> None:
        """Wait so long for opinions to be kept and told, and no longer: a Portkey out of reach holds up nobody."""
        if self._keeping:
            await asyncio.wait(list(self._keeping), timeout=seconds)
        for task in (late := list(self._keeping)):
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=seconds)

    async def _keep(self, run: Run, value: int) -> None:
        composed = self._desk.fields.composed
        async with self._rating:  # the last opinion is the one that stays
            rated, trouble = await rate(
                run, value, self._annotate, base_url=composed.base_url, options=composed.options
            )
        if trouble:
            self._desk.keeper.rate(rated)
            self._desk.say(trouble, "error")

    def _annotate(self, run_id: str, value: int) -> None:
        store = self._desk.keeper.talk.store
        if value:
            store.annotate(run_id, rating=value)
        else:
            store.annotate(run_id, clear="rating")
