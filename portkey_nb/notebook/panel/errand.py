"""One exchange of a panel with what the panel has to know of it besides, and what it asks of the panel's desk."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, Protocol

from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.gateway.conversation import Conversation
from portkey_nb.notebook.panel.draft import Draft
from portkey_nb.notebook.panel.exchange import Exchange
from portkey_nb.notebook.panel.fields import Fields
from portkey_nb.notebook.panel.keeper import Keeper
from portkey_nb.notebook.panel.scene import Pending
from portkey_nb.notebook.panel.stage import Stage
from portkey_nb.notebook.panel.twin import Twin

Answer = Future[Reply | Replies]


class Desk(Protocol):
    """What errands need of the desk that sends them."""

    fields: Fields
    keeper: Keeper
    stage: Stage
    twin: Twin
    facts: Mapping[str, Any]

    @property
    def composing(self) -> bool:
        """Whether something stands in the composer."""

    def changed(self) -> None:
        """Show what has changed."""

    def say(self, text: str, kind: str = "info", *, passing: bool = False) -> None:
        """Tell all views something; what is passing is taken back by `unsay`."""

    def unsay(self) -> None:
        """Take back why something was refused."""

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start work beside the commands."""

    async def keep(self, make: Callable[[Conversation], Conversation] | None) -> None:
        """Change the conversation between two commands."""

    async def write(self) -> None:
        """Write the static twin as things stand."""

    def give_back(self, draft: Draft) -> None:
        """Put what was not sent back into the composer."""


@dataclass(kw_only=True)
class Errand:
    """An exchange, and what the panel has to know of it besides.

    Attributes
    ----------
    exchange : Exchange
    answer : Future
        Done when all is over and kept.
    view : Conversation or None
        What is shown above it; None stands for the conversation as it is.
    draft : Draft or None
        What it was made of in the composer, where it was.
    edited : bool
        Whether its message was written or sent elsewhere in the panel: in an editor, or again after it had failed.
    retried : str or None
        The group of turns whose question is asked again.
    stays : bool
        Whether the conversation goes on where it is, and not from the new answer.
    """

    exchange: Exchange
    answer: Answer
    view: Conversation | None
    draft: Draft | None = None
    edited: bool = False
    retried: str | None = None
    stays: bool = False

    @property
    def returning(self) -> bool:
        """Whether its message goes back to the composer where nothing comes of it."""
        return self.draft is not None or self.edited

    @property
    def logged(self) -> bool:
        """Whether its message is in the run log."""
        return any(question.outcome is not None for question in self.exchange.questions)

    def message(self) -> Draft:
        """Return its message as a draft."""
        asked = self.exchange.asked
        return self.draft or (Draft.of(asked[-1]) if asked else Draft())

    def left(self) -> Pending | None:
        """Return what is to be seen of it when it is over: the answers that failed."""
        failed = tuple(question.shown() for question in self.exchange.questions if question.failed)
        shown = self.exchange.shown()
        if not failed:
            return None
        if any(not question.failed for question in self.exchange.questions) or self.exchange.joins:
            return replace(shown, answers=failed, beside=True)
        if self.retried is not None:
            return replace(shown, id=self.retried, answers=failed, beside=True)
        return replace(shown, answers=failed)
