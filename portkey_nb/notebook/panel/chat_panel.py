"""ChatPanel: a conversation as a widget in the notebook, and the same conversation from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from IPython.display import publish_display_data

from portkey_nb.engine.asking import tell_trouble
from portkey_nb.engine.loop import submit
from portkey_nb.engine.talks import Talk
from portkey_nb.errors import PortkeyError
from portkey_nb.notebook.panel.code import Code
from portkey_nb.notebook.panel.desk import Desk
from portkey_nb.notebook.panel.draft import attached
from portkey_nb.notebook.panel.fields import Fields
from portkey_nb.notebook.panel.opening import (
    composed_of,
    here,
    last_model,
    message_list,
    models_of,
    names_here,
    refuse_unknown,
    system_text,
    talk_for,
)
from portkey_nb.notebook.panel.sending import CLOSED, Sending
from portkey_nb.notebook.panel.twin import DISPLAYS, Twin, when_cells_end

if TYPE_CHECKING:
    import pandas as pd

_WRITE_S = 30.0
"""Longest time in seconds that a cell waits at its end for the static twin."""


class ChatPanel:
    """A chat panel: messages, parameters and Config composed side by side, answers watched as they come.

    Where the cell that displays it is run again and displays another, it is closed, unless another cell displays it or
    a variable holds it; the conversation stays. ``system`` takes the place of the chat's own with the first message.

    Parameters
    ----------
    model : str or sequence of str, optional
        One model, or up to four that answer side by side; that of the chat's last answer by default, else
        ``PORTKEY_MODEL``.
    chat : str, optional
        The conversation's name in this notebook, ``global:NAME`` in all; the first of ``panel-1``, ``panel-2`` ... that
        is not used by default. ``%%portkey --chat NAME`` and ``portkey_nb.conversation(NAME)`` are the same one.
    base_url : str, optional
        As for the client.
    **options
        Request parameters, client options, ``system``, ``tools``, ``schema``, ``tags`` ..., as for
        :func:`portkey_nb.ask`. A key is never shown.

    Raises
    ------
    PortkeyError
        In one line: an option does not fit.

    Examples
    --------
    >>> from portkey_nb import ChatPanel
    >>> panel = ChatPanel("demo-fast", base_url="demo", chat="trip")
    >>> panel.send("Say this is a test").result()
    'This is a test.'
    >>> panel
    <ChatPanel 'trip': demo-fast, 2 messages>
    >>> panel.close()
    """

    def __init__(
        self,
        model: str | Sequence[str] | None = None,
        *,
        chat: str | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        given = composed_of(model, base_url, options)
        place = here()
        self._talk = talk_for(chat, place, options.get("store"))
        self._twin = Twin()
        self._desk = Desk(
            self._talk,
            facts={"notebook": place.notebook},
            names=names_here,
            twin=self._twin,
        )
        if not given.models:
            given = replace(given, models=models_of(last_model(self._talk)))
        if given.system is None:
            given = replace(given, system=self._talk.system)
        self._desk.fields = Fields(given, self._desk.fields_changed, self._desk.show)
        self._desk.keeper.open_with(given.system)
        self._widget: Any = None
        self._below: Any = None
        self._closed = False

    @property
    def widget(self) -> Any:
        """The ipywidgets Box, to be laid out with others."""
        if self._widget is None:
            self._make_widget()
            self._desk.show()
        return self._widget

    def _make_widget(self) -> None:
        import ipywidgets  # slow to import: only where a panel is shown

        stage = self._desk.stage.widget
        stage.layout = ipywidgets.Layout(flex="4 1 22em", min_width="0")
        below = ipywidgets.Layout(display="flex", flex_flow="row wrap", align_items="flex-start", grid_gap="12px 18px")
        self._below = ipywidgets.Box([stage, self._desk.fields.widget], layout=below)
        above = ipywidgets.Layout(grid_gap="8px")
        self._widget = ipywidgets.VBox([self._desk.fields.models_widget, self._below], layout=above)
        self._widget.add_class("pk-chat")
        # ipywidgets keeps a widget until it is closed, and the panel has to live as long: nobody else may hold it.
        self._widget.panel = self
        self._desk.seen = True
        self._desk.fields.refresh()

    @property
    def conversation(self) -> Talk:
        """The conversation, which cells and :func:`portkey_nb.conversation` share."""
        return self._talk

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages of the present branch, the system prompt first; assigning rewrites the branch."""
        return self._talk.conversation.with_system(self._desk.fields.composed.system).messages()

    @messages.setter
    def messages(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self._do({"do": "messages", "messages": message_list(messages)})

    @property
    def runs(self) -> pd.DataFrame:
        """The conversation's runs as a DataFrame, those that failed included."""
        return self._talk.runs

    @property
    def model(self) -> str | None:
        """The first of the models; may be set."""
        return next(iter(self.models), None)

    @model.setter
    def model(self, name: str) -> None:
        self.models = [name]

    @property
    def models(self) -> list[str]:
        """The models that answer; may be set."""
        return list(self._desk.fields.composed.models)

    @models.setter
    def models(self, names: str | Sequence[str]) -> None:
        self._desk.fields.set_models(models_of(names))
        self._desk.fields_changed()

    @property
    def system(self) -> str | None:
        """The system prompt; may be set, and counts from the next message on."""
        return self._desk.fields.composed.system

    @system.setter
    def system(self, text: str | None) -> None:
        self._do({"do": "system", "text": system_text(text)})

    @property
    def config(self) -> Any:
        """The routing Config, a saved id or None; may be set."""
        return self._desk.fields.composed.options.get("config")

    @config.setter
    def config(self, config: Any) -> None:
        old = self._desk.fields
        composed = old.composed
        kept = {name: value for name, value in composed.options.items() if name != "config"}
        options = kept if config is None else {**kept, "config": config}
        self._desk.fields = fields = Fields(
            replace(composed, options=options), self._desk.fields_changed, self._desk.show
        )
        if self._widget is not None:
            self._widget.children = [fields.models_widget, self._below]
            self._below.children = [self._desk.stage.widget, fields.widget]
            fields.refresh()
        old.close()
        self._desk.fields_changed()

    def send(self, text: str | None = None, *, images: Any = None) -> Sending:
        """Send a message, and return when it is on its way, without waiting for the answer.

        After :meth:`stop` it waits for its turn.

        Parameters
        ----------
        text : str, optional
            None sends an open conversation as it is, whose last message waits for an answer.
        images : object or list, optional
            As for :func:`portkey_nb.ask`, up to 5 MB each.

        Raises
        ------
        PromptError
            When an image is none, or too large; when an answer is under way, or there is nothing to send.
        PortkeyError
            When no model is chosen, a field is wrong, or the panel is closed.
        """
        given = images if isinstance(images, list | tuple) else [] if images is None else [images]
        parts = tuple(attached(image) for image in given)
        return Sending(self._desk, self._desk.post({"do": "send", "text": text, "images": parts})).taken()

    def retry(self, model: str | None = None) -> Sending:
        """Ask for the last answer again, or another model for it, whose answer is then shown beside.

        Raises
        ------
        PortkeyError
            As for :meth:`send`, and when there is no answer yet.
        """
        return Sending(self._desk, self._desk.post({"do": "retry", "model": model})).taken()

    def stop(self) -> None:
        """Stop the answers under way; what came is kept, and what is done next waits for that."""
        self._desk.stop()

    def undo(self) -> None:
        """Go back to where the conversation and its system prompt were before the last change.

        A message that failed and is still in sight is taken away first; its text goes back to the composer.

        Raises
        ------
        PortkeyError
            While an answer is under way.
        """
        self._do({"do": "undo"})

    def redo(self) -> None:
        """Take the last undo back."""
        self._do({"do": "redo"})

    def clear(self) -> None:
        """Begin at the root again, with the same system prompt; the messages stay on their branch, and undo goes back.

        Raises
        ------
        PortkeyError
            While an answer is under way.
        """
        self._do({"do": "clear"})

    def as_code(self) -> Code:
        """Return the same request as a ``%%portkey`` cell and as Python: ``.cell``, ``.python`` and ``.note``."""
        found: Code = self._do({"do": "code"})
        return found

    def close(self) -> None:
        """Stop what is under way, keep what came, and leave the conversation as static HTML.

        What does not end within some seconds is left behind. May be repeated.
        """
        if self._closed:
            return
        try:
            submit(self._desk.close()).result()
        finally:
            # Interrupted, too, the widgets are taken away; the rest goes on by itself.
            self._desk.stage.close()
            self._desk.fields.close()
            if self._widget is not None:
                self._below.close()
                self._widget.close()
            self._closed = True
        tell_trouble(self._talk.store)

    if not TYPE_CHECKING:  # which would take any name to be one that may be set

        def __setattr__(self, name: str, value: Any) -> None:
            if not name.startswith("_"):
                refuse_unknown(type(self), name)
            super().__setattr__(name, value)

    def _do(self, command: Mapping[str, Any]) -> Any:
        """Give the desk a command, and wait for its end."""
        try:
            return self._desk.post(command).result()
        except CancelledError:
            pass
        raise PortkeyError(CLOSED)

    def _ipython_display_(self) -> None:
        if self._closed:
            self._twin.show(self._desk.favours.bundle())
            return
        if self._widget is None:
            self._make_widget()
        publish: Any = publish_display_data
        view = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        # The conversation itself stands in the twin below: here it would be seen twice without a kernel.
        shown = {"text/html": "<div></div>", "text/plain": repr(self)}
        publish({"application/vnd.jupyter.widget-view+json": view, **shown})
        # A long conversation takes a while to render: pages are given it first, and the twin follows.
        if not self._twin.displayed:
            when_cells_end(self._write)
        self._twin.show(self._desk.favours.heading())
        DISPLAYS.add(self)
        self._desk.displayed()

    def _write(self) -> None:
        """Write the twin as things stand, and wait until it is published."""
        with suppress(CancelledError, TimeoutError):
            self._desk.post({"do": "rest"}).result(_WRITE_S)

    def __repr__(self) -> str:
        count = len(self.messages)
        models = ", ".join(self.models) or "no model"
        said = f"{count} message{'' if count == 1 else 's'}"
        return f"<ChatPanel {self._talk.name!r}: {models}, {said}{', closed' if self._closed else ''}>"
