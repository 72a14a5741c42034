"""One message sent to one or several models at once: answers as they come, how each came out, the turns they become."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from portkey_nb.engine.answering import answered, grown
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.connections import client_for
from portkey_nb.engine.foresight import foresee
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.reply import Replies, Reply, unique_labels
from portkey_nb.engine.rounds import Rounds, Step
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.summary import shown_step
from portkey_nb.errors import PortkeyError
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.notebook.growth import LiveColumn
from portkey_nb.notebook.panel.composed import Composed
from portkey_nb.notebook.panel.question import Question, Row
from portkey_nb.notebook.panel.scene import Pending

T = TypeVar("T")


class Exchange:
    """A message on its way to its models and back; used on the background loop.

    Parameters
    ----------
    composed : Composed
        Everything of the requests but their messages.
    base : Conversation
        With the head at the turn that is answered, or followed.
    asked : sequence of mappings
        The messages that are added; none where the base ends with one that waits for an answer.
    store : RunStore
    facts : mapping
        Columns of the runs that are known beforehand.
    grew : callable
        Called when a piece has come.
    ended : callable
        Called when a model's answer has come out, on the loop.
    group_id : str, optional
        The group that the answers join; where several are asked, one of their own by default.
    """

    def __init__(
        self,
        composed: Composed,
        base: Conversation,
        asked: Sequence[Mapping[str, Any]],
        *,
        store: RunStore,
        facts: Mapping[str, Any],
        grew: Callable[[], None],
        ended: Callable[[], None],
        group_id: str | None = None,
    ) -> None:
        self.composed, self.base, self.asked = composed, base, tuple(dict(message) for message in asked)
        self.joins = group_id is not None
        several = len(composed.models) > 1
        self.group_id = group_id if group_id is not None else new_run_id() if several else None
        self._store, self._facts, self._grew, self._ended = store, facts, grew, ended
        labels = unique_labels(list(composed.models))
        self.questions = [
            Question(model=model, live=LiveColumn(label)) for model, label in zip(composed.models, labels, strict=True)
        ]
        self.fault: PortkeyError | None = None
        """Why none of the calls could be made up."""
        self._stopped = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def name(self) -> str:
        """The group of turns that it becomes."""
        return self.group_id or self.questions[0].id

    @property
    def stopped(self) -> bool:
        """Whether it was stopped."""
        return self._stopped.is_set()

    def shown(self) -> Pending:
        """Return it as the scene takes it."""
        answers = tuple(question.shown() for question in self.questions)
        order = tuple(question.id for question in self.questions)
        return Pending(id=self.name, asked=self.asked, answers=answers, beside=self.joins, order=order)

    def stop(self) -> None:
        """End all its streams; what came is kept."""
        if not self._stopped.is_set():
            self._stopped.set()
            for task in self._tasks:
                task.cancel()

    async def run(self) -> None:
        """Ask all models, and return when each has answered, failed or been stopped; raises nothing."""
        try:
            calls, runner = await asyncio.to_thread(self._calls)
        except PortkeyError as error:
            self.fault = error
        except Exception as error:  # noqa: BLE001 (tools and schemas are the user's own)
            self.fault = PortkeyError(f"the call cannot be made: {type(error).__name__}: {error}")
        if self.fault is not None or self.stopped:
            for question in self.questions:
                self._end(question, self.fault)
            return
        pairs = zip(self.questions, calls, strict=True)
        self._tasks = [asyncio.create_task(self._follow(question, call, runner)) for question, call in pairs]
        await asyncio.wait(self._tasks)
        for question in self.questions:
            if not question.over:  # stopped before its task had begun
                self._end(question, None)

    def _calls(self) -> tuple[list[Call], Runner]:
        """Make the calls up; in a thread, since files are read and libraries loaded."""
        path = self.base.path()
        facts = {
            "source": "panel",
            "conversation_id": self.base.conversation_id,
            "parent_run_id": path[-1].run_id if path else None,
            "group_id": self.group_id if len(self.questions) > 1 else None,
            **self._facts,
        }
        said = [*self.base.with_system(None).messages(), *self.asked]
        calls, runner = self.composed.calls(said, facts, self._store)
        for question, call in zip(self.questions, calls, strict=True):
            question.rounds = Rounds(call, keep=self._store.finish)
            try:
                sight = foresee(call, client_for(call.base_url, call.options))
            except PortkeyError:
                continue  # it will say so itself
            question.live.note = " · ".join(sight.sentences)
            question.warnings = sight.warnings
        return calls, runner

    async def _follow(self, question: Question, call: Call, runner: Runner) -> None:
        """Make one model's requests until it has answered."""
        error: PortkeyError | None = None
        following: Call | None = call
        try:
            while following is not None:
                question.sent, question.outcome = True, None
                question.outcome = outcome = await runner.perform(following, self._listener(question))
                if self.stopped:
                    break
                following = await self._run_tools(question, outcome)
        except asyncio.CancelledError:
            pass
        except PortkeyError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 (one model's answer must not cost the others')
            error = PortkeyError(f"the answer cannot be read: {type(raised).__name__}: {raised}")
        interrupted = question.settle(stopped=self.stopped and error is None)
        if interrupted is not None:
            await asyncio.to_thread(self._store.finish, interrupted)
        self._end(question, error)

    def _listener(self, question: Question) -> Callable[[str, str], None]:
        def listen(kind: str, text: str) -> None:
            question.live.push(text, kind)
            self._grew()

        return listen

    async def _run_tools(self, question: Question, outcome: Outcome) -> Call | None:
        """Run the tools that an answer calls, in a thread of their own: they may take their time, or never end."""
        rounds = question.rounds
        assert rounds is not None
        if outcome.run.status != "ok" or not rounds.wants(outcome):
            return None

        row = Row(outcome.run, self._store.finish)
        # Once it is stopped, what the thread still does is nobody's: it works on rounds of its own.
        apart = replace(rounds, keep=row.write, steps=[*rounds.steps], earlier=[*rounds.earlier])

        def tell(step: Step) -> None:
            if self.stopped:
                raise PortkeyError("the call was stopped")
            if step.result is not None:
                question.live.step(shown_step(step))
                self._grew()

        def run() -> Call | None:
            try:
                return apart.following(outcome, tell)
            except Exception:
                raise
            except BaseException as raised:  # noqa: BLE001 (SystemExit of a tool would end the background loop)
                said = f"a tool ended with {type(raised).__name__}"
            raise PortkeyError(said)

        try:
            following = await _beside(run)
        except asyncio.CancelledError:
            question.outcome = replace(outcome, run=await asyncio.to_thread(row.interrupt))
            raise
        except PortkeyError:
            question.outcome = apart.broken or outcome
            raise
        question.rounds = replace(apart, keep=rounds.keep)
        return following

    def _end(self, question: Question, error: PortkeyError | None) -> None:
        """Note how one model's answer came out."""
        question.end(error, stopped=self.stopped)
        self._ended()

    def turns(self, conversation: Conversation) -> list[Turn]:
        """Return the turns that the answers become, in the order of the models."""
        found: list[Turn] = []
        for question in self.questions:
            if question.rounds is None or question.failed:
                continue
            turn = answered(
                conversation,
                self.asked,
                question.rounds,
                question.outcome,
                parent_id=self.base.head,
                group_id=self.group_id,
            )
            if turn is not None:
                # With whatever was asked, system messages among it too.
                came = turn.messages[sum(1 for message in self.asked if message.get("role") != "system") :]
                found.append(replace(turn, turn_id=question.id, messages=(*self.asked, *came)))
        return found

    def kept(self, conversation: Conversation) -> Conversation:
        """Return a conversation with the turns added; it goes on from the first whole answer."""
        turns = self.turns(conversation)
        for turn in turns:
            conversation = grown(conversation, turn)
        first = next((turn for turn in turns if turn.mark == "ok"), turns[0] if turns else None)
        return conversation if first is None else conversation.switch(first.turn_id)

    def runs(self) -> list[Run]:
        """Return the rows of all requests that were made."""
        found: list[Run] = []
        for question in self.questions:
            found += question.rounds.earlier if question.rounds is not None else []
            found += [question.outcome.run] if question.outcome is not None else []
        return found

    def value(self) -> Reply | Replies:
        """Return the answer, of several models the replies by label.

        Raises
        ------
        PortkeyError
            Where a call failed or was stopped, or could not be made.
        """
        if self.fault is not None:
            raise self.fault
        errors = [question.error for question in self.questions if question.error is not None]
        if errors:
            raise errors[0]
        if len(self.questions) == 1 and self.questions[0].reply is not None:
            return self.questions[0].reply
        return Replies({each.live.label: each.reply for each in self.questions if each.reply is not None})


async def _beside(work: Callable[[], T]) -> T:
    """Do work in a thread of its own: where it never ends, it takes no thread from others, nor its end from Python."""
    done: Future[T] = Future()

    def do() -> None:
        if done.set_running_or_notify_cancel():
            try:
                done.set_result(work())
            except BaseException as raised:  # noqa: BLE001 (it is raised where the work is awaited)
                done.set_exception(raised)

    threading.Thread(target=contextvars.copy_context().run, args=(do,), name="portkey_nb tools", daemon=True).start()
    return await asyncio.wrap_future(done)
