"""The panel's fields: models over the conversation, and beside it what else a request says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ipywidgets

from portkey_nb.engine.call import Call
from portkey_nb.engine.connections import client_for
from portkey_nb.engine.foresight import foresee
from portkey_nb.engine.loop import submit
from portkey_nb.errors import PortkeyError, SettingsError
from portkey_nb.gateway.refusals import config_warnings
from portkey_nb.gateway.secrecy import redact
from portkey_nb.notebook.panel.composed import MOST_MODELS, Composed
from portkey_nb.notebook.panel.config_editor import ConfigEditor
from portkey_nb.notebook.panel.inputs import Field, Fold, Line, close_all, style_sheet
from portkey_nb.notebook.panel.parameter_fields import ParameterFields
from portkey_nb.notebook.panel.pickers import ModelPickers
from portkey_nb.notebook.panel.route_fields import RouteFields
from portkey_nb.settings import load

_SHOWN = ("config", "provider", "virtual_key")
"""Client options that have fields."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the fields said when they were last looked at; of what is wrong, the Config's part apart."""

    composed: Composed
    wrong: str
    wrong_config: str
    known: tuple[str, ...]


class Fields:
    """The ipywidgets in which a person composes everything of a request but its messages.

    They are looked at in the thread that hears of a change, and ``composed``, ``trouble`` and ``known`` return what was
    seen then: any thread may read them, event loops included; no widget is touched by that. A Config that is chosen by
    its name in the notebook is looked up anew, so that what a cell has bound since is what goes out.

    Parameters
    ----------
    given : Composed
        What they show at first. Without models the settings' own (``PORTKEY_MODEL``) is taken.
    changed : callable
        Called after any change that a person made, in whatever thread it came; not for what is set from Python.
    learned : callable, optional
        Called in a thread when ``kind`` is another one.

    Attributes
    ----------
    models_widget : ipywidgets.Box
        The model pickers, a row to stand over the conversation.
    widget : ipywidgets.Box
        The column: system prompt, parameters, routing and Config. It grows as a flex item and may wrap.

    Raises
    ------
    PromptError
        For more than four models.
    """

    def __init__(
        self, given: Composed, changed: Callable[[], None], learned: Callable[[], None] = lambda: None
    ) -> None:
        self._given, self._told, self._learned = given, changed, learned
        self._lock, self._looking = threading.Lock(), threading.RLock()
        self._seen: _Seen
        self._closed = False
        self._shown = self._due = self._telling = False
        self._system = Field(
            ipywidgets.Textarea(value=given.system or "", description="System prompt", placeholder="none", rows=4),
            self._changed,
        )
        self._parameters = ParameterFields(given.params, self._changed, elsewhere=given.others)
        self._route = RouteFields(
            given.base_url,
            given.options,
            stream=bool(given.others.get("stream", True)),
            changed=self._changed,
            rerouted=self._rerouted,
        )
        self._config = ConfigEditor(given.options.get("config"), self._rerouted, typed=self._look)
        models = given.models or _default_models()
        self._pickers = ModelPickers(models, self._changed, self._way, self._look, most=MOST_MODELS)
        self._folds = {
            "parameters": Fold("Parameters", self._parameters.children),
            "route": Fold("Routing", self._route.children),
            "config": Fold("Config", [self._config.widget]),
        }
        self._look()
        rest = Line()
        rest.say(_also(given, self._parameters.kept))
        sheet = style_sheet()
        self.models_widget = ipywidgets.VBox([sheet, _with_switch(self._pickers.widget)])
        self.models_widget.add_class("pk-over")
        self.widget = ipywidgets.VBox(
            [
                sheet,
                self._system.widget,
                *(fold.widget for fold in self._folds.values()),
                rest.widget,
            ]
        )
        self.widget.add_class("pk-column")

    @property
    def composed(self) -> Composed:
        """What is set now; of a field that is wrong, what it said last when it was right."""
        composed, named = self._seen.composed, self._config.named()
        if named is None or self._closed:
            return composed
        return replace(composed, options={**composed.options, "config": named[0]})

    @property
    def kind(self) -> str:
        """The kind of gateway to which requests go, as for :class:`ConfigEditor`; empty while it is not known."""
        return self._config.kind

    @property
    def trouble(self) -> str:
        """Why nothing can be sent, in one line; empty when all is well."""
        seen, named = self._seen, self._config.named()
        return seen.wrong or (seen.wrong_config if named is None else named[1])

    @property
    def known(self) -> list[str]:
        """Names of models to choose from: those chosen first, then the gateway's, or those known from the run log."""
        return list(self._seen.known)

    def settle(self) -> None:
        """Take keys that are being typed out of their fields at once; what is composed holds them in any case.

        Widgets change: not to be called on an event loop.
        """
        self._config.take_keys()
        self._look()

    def refresh(self) -> None:
        """Fetch the gateway's list of models in the background; to be called once, when the panel is first shown.

        Later changes of where requests go fetch it anew by themselves. Nothing is asked of a gateway before.
        """
        self._shown = True
        self._pickers.refresh()
        self._foresee()

    def set_system(self, text: str | None) -> None:
        """Show another system prompt; ``changed`` is not called."""
        self._system.set(text or "")
        self._look()

    def set_models(self, names: Iterable[str]) -> None:
        """Show other models; ``changed`` is not called.

        Raises
        ------
        PromptError
            For more than four.
        """
        self._pickers.set(names)
        self._look()

    def close(self) -> None:
        """Close all widgets and forget the key."""
        self._shown = False
        with self._looking:
            self._closed = True
            composed = self._seen.composed
            kept = {name: value for name, value in composed.options.items() if name not in ("config", "virtual_key")}
            self._seen = replace(self._seen, composed=replace(composed, options=kept))
        self._pickers.close()
        self._config.close()
        self._route.forget()
        close_all(self.models_widget)
        close_all(self.widget)

    def _look(self) -> None:
        """Note what the fields say, and let each heading tell what stands under it."""
        # The newest look is the last to be noted.
        with self._looking:
            if self._closed:
                return
            config, wrong_config = self._config.look()
            wrong = [part.trouble for part in (self._pickers, self._parameters, self._route)]
            self._seen = _Seen(
                composed=self._compose(config),
                wrong=next(filter(None, wrong), ""),
                wrong_config=wrong_config,
                known=tuple(self._pickers.known),
            )
            parts = {
                "parameters": (wrong[1], self._parameters.summary),
                "route": (wrong[2], self._route.summary),
                "config": (wrong_config, _config_summary(config)),
            }
            for name, (trouble, summary) in parts.items():
                self._folds[name].say("not right yet" if trouble else summary)

    def _compose(self, config: Any) -> Composed:
        kept = {name: value for name, value in self._given.options.items() if name not in _SHOWN}
        return Composed(
            models=self._pickers.models,
            system=str(self._system.value) or None,
            params=self._parameters.params,
            options={**kept, **({} if config is None else {"config": config}), **self._route.options},
            base_url=self._route.base_url,
            others={**self._given.others, "stream": self._route.stream},
        )

    def _changed(self) -> None:
        self._look()
        self._foresee()
        self._told()

    def _rerouted(self) -> None:
        self._look()  # before the list of models is asked of where requests go now
        self._pickers.rerouted()
        self._foresee()
        self._told()

    def _way(self) -> tuple[str | None, Mapping[str, Any]]:
        composed = self.composed
        return composed.base_url, composed.options

    def _foresee(self) -> None:
        """Find out in the background what will become of the parameters, for the newest state alone."""
        with self._lock:
            if not self._shown:
                return
            self._due = True
            if self._telling:
                return
            self._telling = True
        submit(self._tell())

    async def _tell(self) -> None:
        while True:
            with self._lock:
                self._telling = self._due and self._shown
                self._due = False
                if not self._telling:
                    return
            await asyncio.to_thread(self._say_foreseen, self.composed)

    def _say_foreseen(self, composed: Composed) -> None:
        kind, said = _kind(composed), _foreseen(composed)
        if self._due:
            return
        self._parameters.say(said)
        if kind != self._config.kind:
            self._config.kind = kind
            self._learned()


def _with_switch(pickers: Any) -> Any:
    """Put a switch beside the pickers; while it is off, the page's style leaves the column's room to the messages."""
    switch = ipywidgets.ToggleButton(value=True, description="Settings", tooltip="Show or hide the settings")
    switch.add_class("pk-settings")
    row = ipywidgets.HBox([pickers, switch])
    row.add_class("pk-top")
    return row


def _default_models() -> tuple[str, ...]:
    try:
        model = load().model
    except SettingsError:
        return ()  # said when something is sent
    return (model,) if model else ()


def _config_summary(config: Any) -> str:
    if config is None:
        return ""
    return config if isinstance(config, str) and "{" not in config else "set"


def _kind(composed: Composed) -> str:
    """Return the kind of gateway to which requests go; empty where none can be reached."""
    try:
        return client_for(composed.base_url, {})._target.kind
    except PortkeyError:
        return ""


def _foreseen(composed: Composed) -> list[str]:
    """Return what is to be said of a request before it is sent, a sentence each; of the Config, its editor speaks."""
    if not composed.models:
        return []
    try:
        calls, _ = composed.calls([{"role": "user", "content": "?"}], {})
    except PortkeyError as error:
        return [error.message]
    told: dict[str, list[str]] = {}
    for call in calls:
        for sentence in _sentences(call):
            told.setdefault(sentence, []).append(call.label)
    return [said if len(who) == len(calls) else f"{', '.join(who)}: {said}" for said, who in told.items()]


def _sentences(call: Call) -> list[str]:
    try:
        client = client_for(call.base_url, call.options)
        sight = foresee(call, client)
    except SettingsError:
        return []  # no gateway can be reached: the pickers say so
    except PortkeyError as error:
        return [error.message.partition("; add ")[0]]
    said_there = config_warnings(sight.config, client._target.kind)
    return [sentence.partition(": add ")[0] for sentence in sight.sentences if sentence not in said_there]


def _also(given: Composed, kept: Mapping[str, Any]) -> str:
    """Return in one line what else goes with each request, without the values of options."""
    others = given.others
    tools = others.get("tools") or ()
    parts = {
        "tools": ", ".join(map(_tool_name, tools if isinstance(tools, list | tuple | set) else [tools])),
        "schema": _schema_name(others.get("schema")),
        "tags": ", ".join(f"{name}={value}" for name, value in redact(dict(others.get("tags") or {})).items()),
    }
    said = [f"{name}: {text}" for name, text in parts.items() if text]
    rest = [name for name, value in others.items() if value and name not in (*parts, "stream")]
    rest += [*kept, *(name for name in given.options if name not in _SHOWN)]
    return " · ".join([*said, *([f"as given: {', '.join(rest)}"] if rest else [])])


def _tool_name(tool: Any) -> str:
    if isinstance(tool, Mapping):
        function = tool.get("function")
        return str((function if isinstance(function, Mapping) else tool).get("name") or "a tool")
    return str(getattr(tool, "__name__", None) or type(tool).__name__)


def _schema_name(schema: Any) -> str:
    if isinstance(schema, Mapping):
        return str(schema.get("title") or schema.get("name") or "JSON schema")
    return "" if schema is None else str(getattr(schema, "__name__", None) or type(schema).__name__)


__all__ = ["Fields"]
