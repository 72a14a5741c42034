"""The desk of a panel: what pages and Python ask for is done here, in order, and what comes of it is shown."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from portkey_nb.engine.loop import background_loop
from portkey_nb.engine.talks import Talk
from portkey_nb.errors import PortkeyError, PromptError
from portkey_nb.gateway.conversation import Conversation
from portkey_nb.notebook.panel.actor import Actor
from portkey_nb.notebook.panel.code import Code
from portkey_nb.notebook.panel.draft import Draft, text_of
from portkey_nb.notebook.panel.edits import entry, rewritten, system_first
from portkey_nb.notebook.panel.errand import Answer
from portkey_nb.notebook.panel.errands import Errands
from portkey_nb.notebook.panel.favours import Favours
from portkey_nb.notebook.panel.fields import Fields
from portkey_nb.notebook.panel.keeper import Keeper
from portkey_nb.notebook.panel.scene import Scene, State
from portkey_nb.notebook.panel.stage import Stage
from portkey_nb.notebook.panel.twin import Twin, TwinWriter

REST_S = 0.5
"""Seconds without a change until the static twin is written."""
CLOSE_S = 10.0
"""Longest time in seconds that the end of a panel waits for what is under way, and for what is to be written."""
TOLD_S = 1.0
"""Longest time in seconds that it waits for opinions to reach the log and Portkey."""
_CHANGING = frozenset(
    ("send", "edit", "add", "move", "remove", "retry", "choose", "step", "undo", "redo", "clear", "messages")
)
"""Commands that have to wait for the end of an exchange."""
_ASKING = frozenset(("draft", "attach", "detach", "source", "rate", "code", "copy_all", "twin", "dismiss"))
_PAGE = _CHANGING - {"messages"} | _ASKING
"""Commands that pages may give, and that are done in their order."""
_AT_ONCE = ("stop", "settle")  # which asks for nothing but an answer, see commands.js

Command = Mapping[str, Any]


class Desk:
    """A panel's conversation, exchange, draft and troubles; commands may come in any thread.

    Parameters
    ----------
    talk : Talk
    facts : mapping
        Columns of the runs that are known beforehand.
    names : callable
        Returns the notebook's variables.
    twin : Twin
        Where the conversation is written when it rests.

    Attributes
    ----------
    seen : bool
        Whether there is a widget to show it; nothing is rendered for pages before.
    """

    def __init__(
        self,
        talk: Talk,
        *,
        facts: Mapping[str, Any],
        names: Callable[[], Mapping[str, Any]],
        twin: Twin,
    ) -> None:
        self.keeper = Keeper(talk)
        self.stage = Stage(self.act)
        self.fields: Fields
        self.facts, self.twin = facts, twin
        self._draft = Draft()
        self._notice: dict[str, Any] = {}
        self._scene = Scene()
        self._actor: Actor[Command] = Actor(self._do, self._failed)
        self._one = asyncio.Lock()
        self._dirty = self.seen = self._passing = False
        self._painting: asyncio.Task[None] | None = None
        self._locked = talk.trouble
        self.errands = Errands(self)
        self.favours = favours = Favours(self, self.errands, names)
        self._on_source, self._on_copy_all, self._on_rate = favours.source, favours.copy_all, favours.rate
        self._on_twin = favours.twin
        kept = self.keeper
        self._writer = TwinWriter(twin, lambda: (kept.conversation, kept.runs), favours.bundle, self.changed)
        me = weakref.ref(self)
        self._end_listening = talk.listen(lambda conversation: _heard(me, conversation))

    # In any thread

    def act(self, message: Command, buffers: Sequence[memoryview] = ()) -> None:
        """Take a page's message; where it has a number ``n``, its view is told what became of it.

        ``{"done": n}`` says that the command is done; of a message to be sent, that it is on its way. ``{"refused": n,
        "why": line}`` takes the place of the notice that all views are shown otherwise.
        """
        if message.get("do") in _AT_ONCE:
            if message["do"] == "stop":
                self.stop()
            self._acknowledge(message, {"done": message.get("n")})
        elif message.get("do") in _PAGE:
            self.post({**message, "buffers": buffers, "page": True})

    def post(self, command: Command) -> Future[Any]:
        """Take a command; its result comes as a future."""
        return self._actor.post(command)

    def stop(self) -> None:
        """Stop the exchange under way, or that which a command before this one begins."""
        background_loop().call_soon_threadsafe(self._stop)

    def fields_changed(self) -> None:
        """Note that a person has changed a field."""
        self.post({"do": "fields"})

    def show(self) -> None:
        """Show the state as it is, soon."""
        background_loop().call_soon_threadsafe(self.changed)

    def displayed(self) -> None:
        """Show the state as it is to pages, and then write the twin of a place that has none yet; without waiting."""
        background_loop().call_soon_threadsafe(self._begin_twin)

    # On the loop

    def _stop(self) -> None:
        if not self.errands.stop() and not self._actor.idle:
            self._actor.put({"do": "stop"})

    async def _do(self, command: Command) -> Any:
        do = str(command.get("do"))
        if do in _CHANGING:
            # What a page has in its composer would take the place of the text that a stop puts there.
            await self.errands.freed(waits=not (do == "send" and command.get("page")))
        work = getattr(self, f"_on_{do}", None)
        if work is None:
            return None
        async with self._one:
            found = work(command)
            found = await found if isinstance(found, Awaitable) else found
        if do != "rest":
            self.changed()
        self._acknowledge(command, {"done": command.get("n")})
        return found

    def _failed(self, command: Command, error: Exception) -> None:
        said = error.message if isinstance(error, PortkeyError) else f"{type(error).__name__}: {error}"
        if not self._acknowledge(command, {"refused": command.get("n"), "why": " ".join(said.split())}):
            self.say(said, "error", passing=True)

    def _acknowledge(self, command: Command, said: Mapping[str, Any]) -> bool:
        """Tell the view of a numbered command what became of it; False where nobody waits to hear that."""
        view = command.get("view")
        waits = isinstance(view, str) and type(command.get("n")) is int
        if waits:
            self.stage.tell(view, said)
        return waits

    def say(self, text: str, kind: str = "info", *, passing: bool = False) -> None:
        """Tell all views something once; what is passing is taken back when a field is changed or something sent."""
        self._passing = passing
        self._notice = {"n": self._notice.get("n", 0) + 1, "text": text, "kind": kind}
        self.changed()

    def unsay(self) -> None:
        """Take back why something was refused, which may be otherwise by now."""
        if self._passing:
            self.say("", "error")

    def changed(self) -> None:
        """Show what has changed, soon, and write the twin when there is rest."""
        self._actor.later(REST_S, lambda: self._actor.put({"do": "rest"}))
        self._dirty = True
        if self._painting is None:
            self._painting = self._actor.start(self._paint())

    def _begin_twin(self) -> None:
        self.changed()
        self._writer.renew()
        self._actor.start(self._follow())

    async def _follow(self) -> None:
        if self._painting is not None:
            await asyncio.wait([self._painting])
        await self.write()

    async def _paint(self) -> None:
        try:
            while self._dirty:
                self._dirty = False
                if self.seen:
                    self.stage.show(*await asyncio.to_thread(self._scene.make, self._state()))
        finally:
            self._painting = None

    def _state(self) -> State:
        keeper, composed = self.keeper, self.fields.composed
        view, pending = self.errands.shown()
        return State(
            title=keeper.talk.name,
            conversation=view or keeper.conversation,
            runs=keeper.runs,
            pending=pending,
            busy=self.errands.busy,
            trouble=self.fields.trouble,
            models=composed.models,
            known=tuple(self.fields.known),
            draft=self._draft,
            undo=keeper.can_undo,
            redo=keeper.can_redo,
            demo=self.fields.kind == "demo",
            notice=self._notice,
            twin=self.twin.place,
        )

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start work beside the commands."""
        self._actor.start(work)

    async def keep(self, make: Callable[[Conversation], Conversation] | None) -> None:
        """Change the conversation at the end of an exchange, between two commands; None only looks for troubles."""
        async with self._one:
            if make is not None:
                await self.keeper.change(make, sent=True)
            trouble = await asyncio.to_thread(self.keeper.talk.store.take_trouble)
        self._tell_trouble(trouble)

    def _tell_trouble(self, trouble: str | None) -> None:
        locked = self.keeper.talk.trouble
        if locked is not None and self._locked is None:
            trouble = trouble or f"{locked}; the conversation goes on in memory"
        self._locked = locked
        if trouble:
            self.say(trouble, "error")

    def give_back(self, draft: Draft) -> None:
        """Put what was not sent back into the composer, before what stands there by now."""
        self._draft = self._draft.returned(draft)

    @property
    def composing(self) -> bool:
        """Whether something stands in the composer."""
        return not self._draft.empty

    # Commands: what is composed

    def _on_draft(self, command: Command) -> None:
        self._draft = self._draft.typed(text_of(command), command.get("view"))

    async def _on_attach(self, command: Command) -> None:
        for data in command["buffers"][:1]:
            self._draft = await asyncio.to_thread(self._draft.with_image, data, str(command.get("name") or ""))

    def _on_detach(self, command: Command) -> None:
        self._draft = self._draft.without_image(str(command.get("id")))

    async def _on_fields(self, command: Command) -> None:
        self.keeper.type_system(self.fields.composed.system)
        self.unsay()

    async def _on_system(self, command: Command) -> None:
        await asyncio.to_thread(self.fields.set_system, command["text"])
        self.keeper.type_system(command["text"])
        await self.keeper.settle()

    # Commands: what is asked

    def _on_stop(self, command: Command) -> None:
        self.errands.stop()

    def _on_send(self, command: Command) -> Answer:
        if not command.get("page"):
            return self.errands.send(Draft(text=text_of(command), images=tuple(command.get("images") or ())))
        self._draft = self._draft.typed(text_of(command), command.get("view"))
        answer = self.errands.send(self._draft, typed=True)
        self._draft = self._draft.taken()
        return answer

    def _on_retry(self, command: Command) -> Answer:
        model = command.get("model")
        return self.errands.retry(command.get("id"), str(model).strip() if model else None)

    def _on_dismiss(self, command: Command) -> None:
        self.errands.dismiss()

    # Commands: what the conversation is made to be

    async def _on_edit(self, command: Command) -> Answer | None:
        if not text_of(command).strip():
            raise PromptError("the message is empty; write something, or remove it")
        if command.get("do") == "edit":
            done, answer = self.errands.edit(command, text_of(command))
            if done:
                return answer
        await self._rewrite(command)
        return None

    async def _rewrite(self, command: Command) -> None:
        self.errands.leave()
        keeper = self.keeper
        known = keeper.conversation.with_system(self.fields.composed.system)
        system, messages = rewritten({**command, "text": text_of(command)}, known, keeper.entries())
        await self._read_as(system, messages)

    async def _read_as(self, system: str | None, messages: Sequence[Mapping[str, Any]]) -> None:
        await self.keeper.rewrite(system, messages)
        await asyncio.to_thread(self._show_system)

    _on_add = _on_edit
    _on_move = _on_remove = _rewrite

    async def _on_messages(self, command: Command) -> None:
        self.errands.leave()
        system, messages = system_first(list(command["messages"]), None)
        await self._read_as(system, messages)

    async def _on_choose(self, command: Command) -> None:
        turn_id = str(command.get("id"))
        self.errands.leave_for(turn_id)
        await self.keeper.change(lambda conversation: conversation.switch(conversation.latest_under(turn_id)))

    async def _on_step(self, command: Command) -> None:
        self.errands.leave()
        turn_id, by = entry(self.keeper.entries(), command.get("id")).row.turn_id, command.get("by")
        await self.keeper.change(lambda conversation: conversation.step(turn_id, by if isinstance(by, int) else 0))

    async def _on_undo(self, command: Command) -> None:
        if self.errands.leave():
            return  # what failed was the last step
        await self.keeper.undo()
        await self._show_kept()

    async def _on_redo(self, command: Command) -> None:
        self.errands.leave()
        await self.keeper.redo()
        await self._show_kept()

    async def _on_clear(self, command: Command) -> None:
        self.errands.leave()
        await self.keeper.change(lambda conversation: conversation.switch(None))

    async def _on_heard(self, command: Command) -> None:
        if await self.keeper.reread() and not self.errands.busy:
            self.errands.leave()
        await self._show_kept()

    async def _show_kept(self) -> None:
        if not self.keeper.typed:
            await asyncio.to_thread(self._show_system)

    def _show_system(self) -> None:
        system = self.keeper.conversation.system
        if system != self.fields.composed.system:
            self.fields.set_system(system)

    # Commands: what is wanted of it

    async def _on_code(self, command: Command) -> Code:
        return await self.favours.code(command, self._draft)

    # Rest and end

    async def _on_rest(self, command: Command) -> None:
        await self.keeper.settle()
        await self._writer.write()

    async def write(self) -> None:
        """Write the twin as things stand; what goes wrong is told, and costs nobody else anything."""
        try:
            await self._writer.write()
        except Exception as error:  # noqa: BLE001 (whoever waits for an answer has to get it)
            self._failed({}, error)

    async def close(self) -> None:
        """Stop what is under way, keep what came, and return when nothing works any more, or after a while.

        It may be repeated, and go on where it was interrupted.
        """
        self._end_listening()
        self._stop()
        await asyncio.gather(self._actor.close(CLOSE_S), self.favours.close(min(TOLD_S, CLOSE_S)))
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S), self._one:
                await self.keeper.settle()
                await self._writer.write()


def _heard(me: weakref.ref[Desk], conversation: Conversation) -> None:
    """Tell a desk of a change, unless it made it itself or is gone."""
    desk = me()
    if desk is not None and not desk.keeper.is_own(conversation):
        desk.post({"do": "heard"})
