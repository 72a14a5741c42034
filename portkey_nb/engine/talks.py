"""A named conversation as every face of this process sees it: read, grown, told of, asked and kept in the run log."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from portkey_nb.engine.asking import Inquiry, call_from
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.record import Run
from portkey_nb.engine.reply import Reply
from portkey_nb.engine.rounds import Rounds
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import PortkeyError, PromptError, StoreError
from portkey_nb.gateway.conversation import Conversation, Turn

if TYPE_CHECKING:
    import pandas as pd

Listener = Callable[[Conversation], None]
Where = RunStore | str | os.PathLike[str] | None

_talks: dict[tuple[str, str, str], Talk] = {}
_talks_lock = threading.Lock()


def talk(scope: str, name: str, store: Where = None) -> Talk:
    """Return the process's one view of a conversation.

    Parameters
    ----------
    scope : str
        A notebook's path, or ``"global"``.
    name : str
    store : RunStore, str or path, optional
        Another run log than the default one.
    """
    log = store if isinstance(store, RunStore) else open_store(store)
    with _talks_lock:
        key = (log.url, scope, name)
        if key not in _talks:
            _talks[key] = Talk(scope, name, log)
        return _talks[key]


def unused(scope: str, stem: str, store: Where = None) -> str:
    """Return the first name ``stem-1``, ``stem-2`` ... that no conversation of a scope has yet."""
    log = store if isinstance(store, RunStore) else open_store(store)
    with _talks_lock:
        taken = {name for url, where, name in _talks if (url, where) == (log.url, scope)}
    with suppress(StoreError):
        taken.update(name for name, _, _ in log.conversations(scope))
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


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
        [*new, *between, {"role": "assistant", "content": run.text or ""}],
        parent_id=parent_id if parent_id in known else None,
        run_id=run.run_id,
        cell_key=cell_key,
        group_id=group_id,
        mark="interrupted" if interrupted else "ok",
    )


class Talk:
    """A named conversation, the same one for cells, panels and Python; made by :func:`portkey_nb.conversation`.

    Safe to use from several threads. It is read anew from the run log at each use, so that what another process added
    is seen; what the log cannot take or give meanwhile is kept in memory.

    Attributes
    ----------
    scope, name : str
        Where it is kept: a notebook's path or ``"global"``, and what it is called there.
    store : RunStore
        The run log that keeps it.
    trouble : str or None
        Why it could not be read from the run log when that was last tried; None where it could.
    """

    def __init__(self, scope: str, name: str, store: RunStore) -> None:
        self.scope, self.name, self.store = scope, name, store
        self.trouble: str | None = None
        self._lock = threading.RLock()
        self._latest: Conversation | None = None
        self._kept = False  # whether the store has had what is latest
        self._runs: dict[str, Run] = {}
        self._listeners: dict[object, Listener] = {}
        self._untold: deque[Conversation] = deque()
        self._telling = threading.Lock()

    # What it is

    @property
    def conversation(self) -> Conversation:
        """All its branches as they are now; never raises: where the log cannot be read, as this process knows them."""
        with suppress(StoreError):
            return self.newest()
        with self._lock:
            self._latest = self._latest or Conversation.new()
            return self._latest

    def newest(self) -> Conversation:
        """Return all its branches as they are now.

        Raises
        ------
        StoreError
            Where the log cannot be read and this process knows nothing of the conversation.
        """
        with self._lock:
            try:
                found = self.store.load_conversation(self.scope, self.name)
            except StoreError as error:
                self.trouble = error.message
                if self._latest is None or not (self._kept or self._latest.turns):
                    raise
                return self._latest
            self.trouble = None
            self._latest = self._joined(found)
            return self._latest

    def _joined(self, found: Conversation | None) -> Conversation:
        """Join what the store has with what was said while it could not be read."""
        apart = None if self._kept else self._latest
        if apart is not None and apart.turns:
            joined = apart if found is None else _grafted(found, apart)
            self._save(joined)
            return joined
        self._kept = found is not None
        return found or apart or Conversation.new()

    def _save(self, conversation: Conversation) -> None:
        self._latest, self._kept = conversation, True
        self.store.save_conversation(self.scope, self.name, conversation)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the present branch, the system prompt first."""
        return self.conversation.messages()

    @property
    def system(self) -> str | None:
        """The system prompt, sent before all messages; None where there is none."""
        return self.conversation.system

    @system.setter
    def system(self, text: str | None) -> None:
        if text is not None and not isinstance(text, str):
            raise PromptError(f"system is {text!r:.60}; give a text, or None for no system prompt")
        self.change(lambda conversation: conversation.with_system(text or None))

    @property
    def runs(self) -> pd.DataFrame:
        """The runs of all its branches, failed ones and tools' rounds included, as by :func:`portkey_nb.runs`."""
        return self.store.frame(conversation=self.conversation.conversation_id)

    def runs_by_id(self) -> dict[str, Run]:
        """Return the runs behind the turns of all branches, read in one query and remembered; never raises.

        They come without their ``messages``, which the conversation has.
        """
        wanted = {turn.run_id for turn in self.conversation.turns if turn.run_id}
        with self._lock:
            missing = sorted(wanted - self._runs.keys())
        if missing:
            with suppress(StoreError):
                self.remember(*self.store.several(missing).values())
        with self._lock:
            return {run_id: self._runs[run_id] for run_id in wanted if run_id in self._runs}

    def remember(self, *runs: Run) -> None:
        """Take runs as they are now, so that :meth:`runs_by_id` need not ask the log for them."""
        with self._lock:
            self._runs.update({run.run_id: run for run in runs if run.status != "started"})

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        count = len(self)
        return f"<conversation {self.name!r}: {count} message{'' if count == 1 else 's'}>"

    # What becomes of it

    def change(self, make: Callable[[Conversation], Conversation]) -> Conversation:
        """Make another value of the newest one, keep it, and tell the listeners in this thread.

        Parameters
        ----------
        make : callable
            Given the newest value; what it raises is raised, and nothing has changed then.

        Returns
        -------
        Conversation
            What it is now.
        """
        with self._lock:
            before = self.conversation
            after = make(before)
            if after == before:
                return before
            if self._kept or self.trouble is None:
                self._save(after)
            else:
                # Saved now, it would take the place of what cannot be read; it joins that later.
                self._latest = after
            self._untold.append(after)
        self._tell()
        return after

    def listen(self, heard: Listener) -> Callable[[], None]:
        """Tell a function of every change, in the order of the changes; what it raises costs nobody anything.

        Returns
        -------
        callable
            Ends it.
        """
        key = object()
        with self._lock:
            self._listeners[key] = heard

        def end() -> None:
            with self._lock:
                self._listeners.pop(key, None)

        return end

    def _tell(self) -> None:
        # Whoever comes while another thread tells leaves it to that thread: so the order is kept, and no lock of the
        # conversation is held while strangers are called.
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    conversation = self._untold.popleft()
                    with self._lock:
                        listeners = list(self._listeners.values())
                    for heard in listeners:
                        with suppress(Exception):
                            heard(conversation)
            finally:
                self._telling.release()

    def add(self, turn: Turn, *, system: str | None = None, run: Run | None = None) -> Conversation:
        """Add a turn where its ``parent_id`` says, None being the root, and go on from it.

        Parameters
        ----------
        turn : Turn
            As :func:`answered` gives it. Where the conversation was forgotten meanwhile, it begins it anew.
        system : str, optional
            Takes the place of the system prompt.
        run : Run, optional
            The run behind it, to be remembered.
        """
        if run is not None:
            self.remember(run)

        def grow(conversation: Conversation) -> Conversation:
            known = any(each.turn_id == turn.parent_id for each in conversation.turns)
            fresh = turn if known else replace(turn, parent_id=None)
            grown = conversation.switch(fresh.parent_id).append(fresh)
            return grown if system is None else grown.with_system(system)

        return self.change(grow)

    def undo(self) -> None:
        """Step back to before the last turn; it stays on its branch."""
        self.change(lambda conversation: conversation.undone())

    def clear(self) -> None:
        """Begin at the root; nothing is lost, and :meth:`branches` lists where one was."""
        self.change(lambda conversation: conversation.switch(None))

    def branches(self) -> tuple[Turn, ...]:
        """Return the last turn of every branch, oldest first; :meth:`switch` takes their ids."""
        return self.conversation.branches()

    def switch(self, turn_id: str | None) -> None:
        """Go on from any turn; None is the root.

        Raises
        ------
        PromptError
            If there is no such turn.
        """
        self.change(lambda conversation: conversation.switch(turn_id))

    def forget(self) -> None:
        """Delete the conversation; its runs stay in the log.

        Raises
        ------
        StoreError
            When the log cannot be written.
        """
        with self._lock:
            self.store.forget_conversation(self.scope, self.name)
            self._latest, self._kept = Conversation.new(), False
            self._runs.clear()
            self._untold.append(self._latest)
        self._tell()

    # Asking

    def ask(self, prompt: str | list[dict[str, Any]], model: str | None = None, **request_params: Any) -> Reply:
        """Ask with what was said before, and add question and answer to the conversation.

        Parameters
        ----------
        prompt, model, **request_params
            As for :func:`portkey_nb.ask`; ``system`` takes the place of the conversation's system prompt.

        Returns
        -------
        Reply

        Raises
        ------
        PortkeyError
            When the call fails, which leaves no trace in the conversation; when the log cannot be read.
        """
        question = _Question(self, prompt, model, request_params)
        try:
            reply = question.inquiry.wait()
        except KeyboardInterrupt:
            question.keep()
            raise
        question.keep()
        return reply

    async def aask(self, prompt: str | list[dict[str, Any]], model: str | None = None, **request_params: Any) -> Reply:
        """Ask from a coroutine; parameters, result and errors as for :meth:`ask`."""
        question = await asyncio.to_thread(_Question, self, prompt, model, request_params)
        try:
            reply = await question.inquiry.awaited()
        except asyncio.CancelledError:
            question.keep()
            raise
        await asyncio.to_thread(question.keep)
        return reply


class _Question:
    """What is asked of a conversation: the request with all that was said before, and the turn it adds."""

    def __init__(self, talk: Talk, prompt: Any, model: str | None, given: Mapping[str, Any]) -> None:
        params = {"store": talk.store, **given}
        own = params.pop("system", None)
        found, runner = call_from(prompt, model, params)
        if own is None:
            own = "\n\n".join(str(each["content"]) for each in found.messages if each.get("role") == "system") or None
        self.talk, self.system = talk, own
        self.base = talk.newest()
        self.asked = [message for message in found.messages if message.get("role") != "system"]
        self.inquiry = Inquiry(self._call(found), runner)

    def _call(self, call: Call) -> Call:
        """Return the call with what was said before."""
        base = self.base if self.system is None else self.base.with_system(self.system)
        path = base.path()
        facts = {
            "system": base.system,
            "conversation_id": base.conversation_id,
            "parent_run_id": path[-1].run_id if path else None,
        }
        return replace(call, messages=[*base.messages(), *self.asked], facts={**call.facts, **facts})

    def keep(self) -> None:
        """Add the turn, if there is anything to keep."""
        rounds, outcome = self.inquiry.rounds, self.inquiry.outcome
        turn = answered(self.base, self.asked, rounds, outcome, parent_id=self.base.head)
        if turn is not None and isinstance(outcome, Outcome):
            self.talk.add(turn, system=self.system, run=outcome.run)


def _grafted(onto: Conversation, apart: Conversation) -> Conversation:
    """Return one conversation with the turns of another behind its last one."""
    grown = onto
    for turn in apart.turns:
        grown = grown.switch(turn.parent_id or onto.head).append(replace(turn, parent_id=turn.parent_id or onto.head))
    head = apart.head or onto.head
    return replace(grown, head=head, system=apart.system if apart.system is not None else onto.system)
