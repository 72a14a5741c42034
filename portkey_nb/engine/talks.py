"""A named conversation as every face of this process sees it: read, grown, told of, asked and kept in the run log."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from portkey_nb.engine.answering import Question, answered, grafted, grown
from portkey_nb.engine.call import Outcome
from portkey_nb.engine.record import Run
from portkey_nb.engine.reply import Reply
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.engine.transcript import talk_bundle
from portkey_nb.errors import PromptError, StoreError
from portkey_nb.gateway.conversation import Conversation, Turn

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Talk", "answered", "talk", "unused"]

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
        # Of runs and listeners alone, and never held while the log is read or written, so that nobody waits for it.
        self._brief = threading.Lock()
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
        try:
            return self._known()
        finally:
            self._tell()

    def _known(self) -> Conversation:
        with self._lock, suppress(StoreError):
            return self._newest()
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
        try:
            return self._newest()
        finally:
            self._tell()

    def _newest(self) -> Conversation:
        with self._lock:
            try:
                found = self.store.load_conversation(self.scope, self.name, self._latest)
            except StoreError as error:
                self.trouble = error.message
                if self._latest is None or not (self._kept or self._latest.turns):
                    said = f"the conversation {self.name!r} cannot be read, and without it nothing is asked"
                    raise StoreError(f"{said}: {error.message}") from None
                return self._latest
            self.trouble = None
            self._latest = self._joined(found)
            return self._latest

    def _joined(self, found: Conversation | None) -> Conversation:
        """Join what the store has with what was said while it could not be read."""
        apart = None if self._kept else self._latest
        if apart is not None and apart.turns:
            joined = apart if found is None else grafted(found, apart)
            self._save(joined)
            self._untold.append(joined)
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
        """Return the runs behind the turns of all branches, oldest turn first; never raises.

        They are read in one query and remembered, without their ``messages``, which the conversation has.
        """
        wanted = [turn.run_id for turn in self.conversation.turns if turn.run_id]
        with self._brief:
            missing = [run_id for run_id in wanted if run_id not in self._runs]
        if missing:
            with suppress(StoreError):
                self.remember(*self.store.several(missing).values())
        with self._brief:
            return {run_id: self._runs[run_id] for run_id in wanted if run_id in self._runs}

    def remember(self, *runs: Run) -> None:
        """Take runs as they are now, so that :meth:`runs_by_id` need not ask the log for them; without waiting."""
        known = {run.run_id: run.with_(messages=None) for run in runs if run.status != "started"}
        with self._brief:
            self._runs.update(known)

    def __len__(self) -> int:
        return len(self.messages)

    def __repr__(self) -> str:
        count = len(self)
        return f"<conversation {self.name!r}: {count} message{'' if count == 1 else 's'}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return talk_bundle(self.name, self.conversation, self.runs_by_id())

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
            before = self._known()
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
        with self._brief:
            self._listeners[key] = heard

        def end() -> None:
            with self._brief:
                self._listeners.pop(key, None)

        return end

    def _tell(self) -> None:
        # Whoever comes while another thread tells leaves it to that thread: so the order is kept, and no lock of the
        # conversation is held while strangers are called.
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    conversation = self._untold.popleft()
                    with self._brief:
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
            longer = grown(conversation, turn)
            return longer if system is None else longer.with_system(system)

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
            with self._brief:
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
            When the call fails, which leaves no trace in the conversation; when the log cannot be read and this
            process knows nothing of the conversation, since it would be sent without its earlier turns.
        """
        question = self._question(prompt, model, request_params)
        try:
            reply = question.inquiry.wait()
        except KeyboardInterrupt:
            self._keep(question)
            raise
        self._keep(question)
        return reply

    async def aask(self, prompt: str | list[dict[str, Any]], model: str | None = None, **request_params: Any) -> Reply:
        """Ask from a coroutine; parameters, result and errors as for :meth:`ask`."""
        question = await asyncio.to_thread(self._question, prompt, model, request_params)
        try:
            reply = await question.inquiry.awaited()
        except asyncio.CancelledError:
            self._keep(question)
            raise
        await asyncio.to_thread(self._keep, question)
        return reply

    def _question(self, prompt: Any, model: str | None, given: Mapping[str, Any]) -> Question:
        return Question(self.newest(), prompt, model, {"store": self.store, **given})

    def _keep(self, question: Question) -> None:
        turn, outcome = question.turn, question.inquiry.outcome
        if turn is not None:
            self.add(turn, system=question.system, run=outcome.run if isinstance(outcome, Outcome) else None)
