"""Named conversations of a notebook: found by cells and from Python, and forked at a cell's own turn."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from IPython.core.getipython import get_ipython

from portkey_nb.engine.store import RunStore
from portkey_nb.engine.talks import Talk, talk
from portkey_nb.errors import PromptError
from portkey_nb.gateway.conversation import Conversation
from portkey_nb.notebook.completion import Known
from portkey_nb.notebook.place import Place, place_of


def conversation(name: str, *, store: RunStore | str | os.PathLike[str] | None = None) -> Talk:
    """Return a named conversation: the one that ``%%portkey --chat NAME`` and ``ChatPanel(chat=NAME)`` hold as well.

    Parameters
    ----------
    name : str
        Its name in this notebook, or else in the working folder; ``global:NAME`` is the same one everywhere.
    store : RunStore, str or path, optional
        Another run log than the default one.

    Returns
    -------
    Talk
        One object for a name, empty where nothing was said yet. ``.ask(...)`` goes on with it, ``.messages`` is what
        was said, ``.undo()``, ``.branches()`` and ``.switch(...)`` move about in it, ``.runs`` is what it took.

    Raises
    ------
    PromptError
        When there is no name.

    Examples
    --------
    >>> from portkey_nb import conversation
    >>> chat = conversation("trip", store="trip.sqlite")
    >>> reply = chat.ask("My name is Ana", model="demo-fast", base_url="demo")
    >>> chat.ask("What is my name?", model="demo-fast", base_url="demo")
    'Your name is Ana. You told me earlier in this conversation.'
    >>> chat.undo()
    >>> chat
    <conversation 'trip': 2 messages>
    """
    shell = get_ipython()
    place = Place(os.environ.get("JPY_SESSION_NAME") or None, None) if shell is None else place_of(shell)
    return talk(*where(name, place, said="conversation"), store)


@dataclass(frozen=True)
class ChatTurn:
    """The turn that a cell is about to add to its conversation.

    Attributes
    ----------
    talk : Talk
        The conversation.
    conversation : Conversation
        As it is after forking at this cell's earlier turn, if there was one.
    left : int
        Later turns that stay on the old branch.
    cell_key : str
        By which a re-run of this cell is known.
    """

    talk: Talk
    conversation: Conversation
    left: int
    cell_key: str

    @property
    def note(self) -> str:
        """What a person is told of the fork; empty where there was none."""
        if not self.left:
            return ""
        turns = "1 later turn stays" if self.left == 1 else f"{self.left} later turns stay"
        return f"`{self.talk.name}` goes on from this cell; {turns} on the old branch"

    @property
    def parent_run_id(self) -> str | None:
        """The run of the turn before this one."""
        path = self.conversation.path()
        return path[-1].run_id if path else None


def where(name: str, place: Place, said: str = "--chat") -> tuple[str, str]:
    """Return scope and bare name of a conversation.

    Parameters
    ----------
    name : str
    place : Place
    said : str
        What gave the name, for the error.

    Raises
    ------
    PromptError
        When there is no name.

    Examples
    --------
    >>> where("global:draft", Place(None, None))
    ('global', 'draft')
    """
    if not isinstance(name, str):
        raise PromptError(f"{said} is {name!r:.60}; give a name such as 'draft' or 'global:draft'")
    shared, colon, rest = name.partition(":")
    scope, bare = ("global", rest) if colon and shared == "global" else (place.scope, name)
    if not bare.strip():
        raise PromptError(f"{said} {name!r} has no name; give one such as `draft` or `global:draft`")
    return scope, bare.strip()


def take_turn(store: RunStore, name: str, place: Place, body: str, known: Known) -> ChatTurn:
    """Open a conversation for a cell, forked where this cell has spoken before.

    A cell is known by its notebook and id; where the front end sends no id, by its text. In a terminal the same text
    typed again is a new turn, so there its place among the session's turns counts as well.

    Raises
    ------
    PortkeyError
        When the name is none, or the conversation cannot be read.
    """
    scope, bare = where(name, place)
    found = talk(scope, bare, store)
    if place.cell_id is not None:
        key = f"cell:{place.notebook or ''}:{place.cell_id}"
    else:
        digest = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        key = f"text:{digest}" + (f":{known.chats.get(name, 0)}" if place.terminal else "")
    forked, left = found.newest().fork_for(key)
    return ChatTurn(found, forked, left, key)
