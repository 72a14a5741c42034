"""The exchanges of a panel, one at a time: begun, shown, stopped, kept; what failed stays in sight until it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from portkey_nb.engine.running import STOP_S
from portkey_nb.engine.transcript import message_text
from portkey_nb.errors import PortkeyError, PromptError, SchemaError, SettingsError
from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.notebook.panel.draft import Draft
from portkey_nb.notebook.panel.edits import Span, entry, with_text
from portkey_nb.notebook.panel.errand import Answer, Desk, Errand
from portkey_nb.notebook.panel.exchange import Exchange
from portkey_nb.notebook.panel.scene import Pending

BUSY = "an answer is under way; stop it, or wait for its end"


class Errands:
    """The exchange of a panel that is under way, or that failed and is still in sight; used on the background loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._under: Errand | None = None
        self._over: tuple[Errand, Pending] | None = None
        self._free = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether an exchange is under way."""
        return self._under is not None

    async def freed(self, *, waits: bool = True) -> None:
        """Return when nothing is under way; what is being stopped is waited for.

        Raises
        ------
        PromptError
            While an exchange is under way that is not being stopped, or not to be waited for, or does not end.
        """
        while self._under is not None:
            if not waits or not self._under.exchange.stopped:
                raise PromptError(BUSY)
            try:
                await asyncio.wait_for(self._free.wait(), STOP_S)
            except TimeoutError:
                waits = False

    def shown(self) -> tuple[Conversation | None, Pending | None]:
        """Return what is shown below the conversation, and which one, where it is not the present one."""
        if self._under is not None:
            return self._under.view, self._under.exchange.shown()
        if self._over is not None:
            errand, pending = self._over
            return (None if pending.beside else errand.view), pending
        return None, None

    def said(self, name: str) -> tuple[str, str] | None:
        """Return role and text of something that is not in the conversation; None where it is no such thing."""
        pending = self.shown()[1]
        if pending is None:
            return None
        for answer in pending.answers:
            if name == answer.id or (name == f"{pending.id}:a" and len(pending.answers) == 1 and not pending.beside):
                column = answer.column or answer.live.static()
                return "assistant", column.text
        place = self._asked(pending, name)
        if place is None:
            return None
        message = pending.asked[place]
        return str(message.get("role")), message_text(message)

    @staticmethod
    def _asked(pending: Pending, name: str) -> int | None:
        """Return which of the messages under way an entry is."""
        places = range(0 if pending.beside else len(pending.asked))
        return next((place for place in places if name == f"{pending.id}:{place}"), None)

    # Beginning

    def send(self, draft: Draft, *, typed: bool = False) -> Answer:
        """Send a draft, or the conversation as it is where the draft is empty and the conversation open."""
        conversation = self._desk.keeper.conversation
        if draft.empty and not conversation.open:
            raise PromptError("there is nothing to send; write a message")
        asked = () if draft.empty else (draft.message(),)
        return self._begin(conversation, asked, draft=draft if typed else None)

    def retry(self, name: Any, model: str | None) -> Answer:
        """Ask again what an answer was asked, the same model for another answer or another model for one beside it."""
        failed = self._retry_failed(name, model)
        if failed is not None:
            return failed
        keeper = self._desk.keeper
        found = keeper.entries()
        if name is None:
            name = next((one for one in reversed(found) if found[one].row.answers), None)
            if name is None:
                raise PromptError("there is no answer yet that could be asked for again")
        turn = keeper.turn(str(name))
        span = self._span(found, str(name), turn)
        models = [model] if model else [self._model(one) for one in self._turns(span, turn)]
        turn = turn or keeper.turn(span.row.turn_id)
        assert turn is not None
        asked = turn.messages[: len(turn.messages) - (span.stop - span.start)]
        base = keeper.conversation.switch(turn.parent_id)
        if model is None:
            return self._begin(base, asked, models=models, retried=turn.group)
        stays = keeper.conversation.head not in {answer.turn_id for answer in span.row.answers}
        view = keeper.conversation
        return self._begin(base, asked, models=models, group_id=turn.group, view=view, stays=stays)

    def _span(self, found: Mapping[str, Span], name: str, turn: Turn | None) -> Span:
        """Return the entry in which an answer is shown."""
        if turn is None:
            span = entry(found, name)
        else:
            spans = (one for one in found.values() if turn.turn_id in {answer.turn_id for answer in one.row.answers})
            shown = next(spans, None)
            span = entry({}, name) if shown is None else shown
        if not span.row.answers:
            raise PromptError("only an answer can be asked for again; edit the message, and send it")
        return span

    def _turns(self, span: Span, turn: Turn | None) -> list[Turn]:
        if turn is not None:
            return [turn]
        found = (self._desk.keeper.turn(answer.turn_id) for answer in span.row.answers)
        return [one for one in found if one is not None]

    def _model(self, turn: Turn) -> str:
        run = self._desk.keeper.runs.get(turn.run_id or "")
        models = self._desk.fields.composed.models
        return (run.model if run is not None else None) or (models[0] if models else "")

    def _retry_failed(self, name: Any, model: str | None) -> Answer | None:
        if self._over is None:
            return None
        errand, pending = self._over
        own = next((answer for answer in pending.answers if answer.id == name), None)
        whole = name is None or (name == f"{pending.id}:a" and not pending.beside)
        if own is None and not whole:
            return None
        exchange = errand.exchange
        failed = [question.model for question in exchange.questions if question.failed]
        mine = [question.model for question in exchange.questions if own is not None and question.id == own.id]
        models = [model] if model else mine or failed
        kept = any(not question.failed for question in exchange.questions) or exchange.joins
        group = exchange.name if kept else None
        view = self._desk.keeper.conversation if kept else errand.view
        return self._begin(
            exchange.base,
            exchange.asked,
            models=models,
            group_id=group,
            view=view,
            draft=None if kept else errand.draft,
            edited=not kept and errand.retried is None and errand.draft is None,
            retried=errand.retried,
            again=True,
        )

    def edit(self, command: Mapping[str, Any], text: str) -> tuple[bool, Answer | None]:
        """Send an edited message, or edit one that failed; False where it is the conversation that is to be edited."""
        name, role = str(command.get("id")), str(command.get("role", "user"))
        if self._over is not None:
            errand, pending = self._over
            place = self._asked(pending, name)
            if place is not None:
                exchange = errand.exchange
                asked = list(exchange.asked)
                asked[place] = with_text(asked[place], role, text)
                if command.get("send"):
                    return True, self._begin(exchange.base, asked, view=errand.view, edited=True, again=True)
                exchange.asked, errand.draft = tuple(asked), None
                self._over = errand, replace(pending, asked=exchange.asked)
                return True, None
        if not command.get("send") or role != "user":
            return False, None
        keeper = self._desk.keeper
        span = entry(keeper.entries(), name)
        turn = keeper.turn(span.row.turn_id)
        assert turn is not None
        base = keeper.conversation.switch(turn.parent_id)
        asked = [*turn.messages[: span.row.place + 1 - (span.stop - span.start)]]
        return True, self._begin(base, [*asked, with_text(span.row.message, role, text)], edited=True)

    def _begin(
        self,
        base: Conversation,
        asked: Sequence[Mapping[str, Any]],
        *,
        models: Sequence[str] = (),
        group_id: str | None = None,
        view: Conversation | None = None,
        draft: Draft | None = None,
        edited: bool = False,
        retried: str | None = None,
        stays: bool = False,
        again: bool = False,
    ) -> Answer:
        """Begin an exchange; ``again`` where it is that which failed, and not another one that takes its place."""
        desk = self._desk
        if desk.fields.trouble:
            raise SettingsError(desk.fields.trouble)
        composed = desk.fields.composed
        composed = replace(composed, models=tuple(models)) if models else composed
        if not all(composed.models) or not composed.models:
            raise SettingsError("no model: choose one above the conversation, or set PORTKEY_MODEL")
        exchange = Exchange(
            composed,
            base,
            asked,
            store=desk.keeper.talk.store,
            facts=desk.facts,
            grew=desk.stage.touch,
            ended=desk.changed,
            group_id=group_id,
        )
        answer = Answer()
        errand = Errand(
            exchange=exchange,
            answer=answer,
            view=base if view is None else view,
            draft=draft,
            edited=edited,
            retried=retried,
            stays=stays,
        )
        over = None if again else self._over
        self._under, self._over = errand, None
        self._free.clear()
        desk.unsay()
        desk.start(self._conduct(errand, over))
        return answer

    # Ending

    async def _conduct(self, errand: Errand, over: tuple[Errand, Pending] | None) -> None:
        """Follow an exchange to its end, and keep what came; another one that had failed has left its place to it."""
        try:
            if over is not None:
                self._make_room(*over)
            await self._follow(errand)
            self._desk.changed()
            # Whoever waits for the answer may end the kernel next.
            await self._desk.write()
        finally:
            _tell(errand)

    async def _follow(self, errand: Errand) -> None:
        """Ask, keep what came, and free the panel again, whatever was wrong."""
        exchange, desk = errand.exchange, self._desk
        try:
            await exchange.run()
            desk.keeper.talk.remember(*exchange.runs())
            await desk.keep(self._kept(errand))
        except Exception as error:  # noqa: BLE001 (the panel has to be free again)
            desk.say(f"the answer is in the run log, but not in the conversation: {error}", "error")
        finally:
            self._under = None
            self._free.set()  # whoever waits goes on after this step, in which all is settled
        try:
            self._settle(errand)
        except Exception as error:  # noqa: BLE001 (as above)
            desk.say(f"the panel cannot show what came of it: {error}", "error")

    def _make_room(self, errand: Errand, pending: Pending) -> None:
        """Say where a message is that failed, and that another one takes the place of: nothing typed is lost."""
        if pending.beside or errand.retried is not None:
            return  # what was asked is in the conversation
        draft, desk = errand.message(), self._desk
        if draft.empty:
            return
        if desk.composing and errand.logged:
            words = " ".join(draft.text.split())
            said = f"{words[:60]}…" if len(words) > 60 else words or "the message with images"
            desk.say(f"what failed is not in the conversation, and is in the run log, in panel.runs: {said}")
            return
        desk.give_back(draft)
        desk.say("the message that failed is in the composer again")

    def _kept(self, errand: Errand) -> Callable[[Conversation], Conversation] | None:
        if not errand.exchange.turns(errand.exchange.base):
            return None

        def make(conversation: Conversation) -> Conversation:
            after = errand.exchange.kept(conversation)
            return after.switch(conversation.head) if errand.stays else after

        return make

    def _settle(self, errand: Errand) -> None:
        """Say what went wrong, and give back what was not sent."""
        exchange, desk = errand.exchange, self._desk
        unsent = all(question.outcome is None for question in exchange.questions)
        errors = [question.error for question in exchange.questions if question.error is not None]
        stopped = exchange.stopped and not exchange.turns(exchange.base)
        if errand.returning and (stopped or (unsent and not errand.edited)):
            desk.give_back(errand.message())
        pending = None if unsent and errand.draft is not None else errand.left()
        if pending is not None:
            self._over = errand, pending
        elif unsent and errors and not exchange.stopped:
            desk.say(errors[0].message, "error", passing=True)
        for error in errors:
            if isinstance(error, SchemaError):
                desk.say(error.message, "error")

    def stop(self) -> bool:
        """Stop the exchange under way; tell whether there is one."""
        if self._under is not None:
            self._under.exchange.stop()
        return self._under is not None

    def dismiss(self) -> None:
        """Take away what failed."""
        self._over = None

    def leave_for(self, turn_id: str) -> None:
        """Take away what failed, unless it stands beside the answer that is chosen."""
        turn = self._desk.keeper.turn(turn_id)
        pending = self.shown()[1]
        if turn is None or pending is None or not pending.beside or pending.id != turn.group:
            self.leave()

    def leave(self) -> bool:
        """Take away what failed, its text to the composer; tell whether there was something."""
        if self._over is None:
            return False
        errand, pending = self._over
        self._over = None
        if not pending.beside and errand.retried is None:
            self._desk.give_back(errand.message())
        return True


def _tell(errand: Errand) -> None:
    """Give the answer, or why there is none, to whoever waits for it."""
    try:
        if not all(question.over for question in errand.exchange.questions):
            raise PortkeyError("the call was broken off; what came is in runs()")
        errand.answer.set_result(errand.exchange.value())
    except Exception as error:  # noqa: BLE001 (whoever waits must not wait for ever)
        errand.answer.set_exception(error)
