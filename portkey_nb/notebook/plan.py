"""From a cell's words to the calls it stands for: nothing is sent here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from portkey_nb.engine.call import Call
from portkey_nb.engine.record import new_run_id
from portkey_nb.engine.reply import unique_labels
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import ConfigError, PromptError, SettingsError
from portkey_nb.gateway.config import Config, parse_config
from portkey_nb.notebook.chats import ChatTurn, take_turn
from portkey_nb.notebook.completion import config_names
from portkey_nb.notebook.options import CellOptions, pairs, request_params
from portkey_nb.notebook.place import Place, place_of
from portkey_nb.notebook.prompt import Prompt, compose
from portkey_nb.settings import load

_METADATA_LIMIT = 128
"""Characters that Portkey takes as one value of the metadata."""


@dataclass(frozen=True)
class Plan:
    """What a cell will do.

    Attributes
    ----------
    calls : list of Call
    prompt : Prompt
    turn : ChatTurn or None
        With ``--chat``: the turn that will be added.
    store : RunStore or None
        None with ``--no-log``.
    """

    calls: list[Call]
    prompt: Prompt
    turn: ChatTurn | None
    store: RunStore | None


def plan_cell(magics: Any, options: CellOptions, body: str) -> Plan:
    """Work out the calls of a cell.

    Raises
    ------
    PortkeyError
        One line: the model is missing, a reference is undefined, a config or parameter does not fit.
    """
    place = place_of(magics.shell)
    log = magics.log and not options.no_log
    if options.cache and not log:
        raise PromptError("--cache answers from the run log, and logging is off; leave one of the two out")
    models = _models(magics, options)
    times = len(models) * options.repeat
    store = open_store() if log or options.chat else None
    prompt = compose(
        body,
        magics.shell.user_ns,
        raw=options.raw,
        as_messages=options.messages,
        system=options.system if options.system is not None else magics.system or None,
    )
    if options.system is not None and prompt.own_system:
        raise PromptError("the system message is given twice, by -s and in the body; leave one of them out")
    turn = None
    if options.chat is not None and store is not None:
        if times > 1:
            raise PromptError(
                f"--chat {options.chat!r} continues one conversation and this cell would ask {times} times; "
                "use one -m and no --repeat, or leave --chat out"
            )
        turn = take_turn(store, options.chat, place, body, magics.known)
    call = Call(
        model="",
        messages=_continued(turn, prompt) if turn is not None else prompt.messages,
        params=request_params(options),
        options=_client_options(magics, options),
        base_url=options.base_url or magics.base_url or None,
        stream=not options.no_stream,
        cache=options.cache,
        facts=_facts(options, prompt, place, turn, several=times > 1),
    )
    return Plan(_spread(call, models, options.repeat), prompt, turn, store if log else None)


def _spread(call: Call, models: list[str], repeats: int) -> list[Call]:
    """Make of one call as many as there are models and repeats, each with a label of its own."""
    asked = [(model, repeat) for model in models for repeat in range(repeats)]
    labels = unique_labels([model for model, _ in asked])
    return [
        replace(
            call,
            model=model,
            label=label,
            facts={**call.facts, "variant": label, "repeat": repeat if repeats > 1 else None},
        )
        for (model, repeat), label in zip(asked, labels, strict=True)
    ]


def _models(magics: Any, options: CellOptions) -> list[str]:
    named = options.model or [magics.model or load().model or ""]
    models = [name.strip() for given in named for name in given.split(",") if name.strip()]
    if not models:
        raise SettingsError(
            "no model: write `-m gpt-4o`, or set a default with "
            '`%config PortkeyMagics.model = "gpt-4o"` or PORTKEY_MODEL'
        )
    return models


def _continued(turn: ChatTurn, prompt: Prompt) -> list[dict[str, Any]]:
    """Put the conversation before what the cell says; the cell's own system message wins."""
    earlier = turn.conversation.messages()
    if any(message["role"] == "system" for message in prompt.messages):
        earlier = [message for message in earlier if message["role"] != "system"]
    system = [message for message in prompt.messages if message["role"] == "system"]
    return [*system, *earlier, *(message for message in prompt.messages if message["role"] != "system")]


def _facts(
    options: CellOptions, prompt: Prompt, place: Place, turn: ChatTurn | None, *, several: bool
) -> dict[str, Any]:
    group = new_run_id() if several else None
    return {
        "source": "magic",
        "cell_id": place.cell_id,
        "notebook": place.notebook,
        "group_id": group,
        "template": prompt.template if prompt.vars else None,
        "vars": prompt.vars or None,
        "system": prompt.system,
        "prompt": prompt.prompt,
        "tags": pairs(options.tag, "--tag") or None,
        "conversation_id": turn.conversation.conversation_id if turn else None,
        "parent_run_id": turn.parent_run_id if turn else None,
    }


def _client_options(magics: Any, options: CellOptions) -> dict[str, Any]:
    found: dict[str, Any] = {}
    route = options.config or magics.route
    if route:
        found["config"] = find_config(route, magics.shell.user_ns)
    if options.provider is not None:
        found["provider"] = options.provider
    if options.virtual_key is not None:
        found["virtual_key"] = options.virtual_key
    tags = pairs(options.tag, "--tag")
    for name, value in tags.items():
        if len(value) > _METADATA_LIMIT:
            raise PromptError(
                f"--tag {name} is {len(value)} characters long and Portkey takes {_METADATA_LIMIT}; shorten it"
            )
    if tags:
        found["metadata"] = tags
    return found


def find_config(text: str, namespace: Mapping[str, Any]) -> Any:
    """Return the config that a text means: JSON, a name in the notebook, or a saved config's id.

    Raises
    ------
    ConfigError
        When it is JSON that does not fit, or neither a name here nor the id of a saved config.
    """
    if text.lstrip().startswith("{"):
        return parse_config(text)
    if text in namespace:
        value = namespace[text]
        if not isinstance(value, Mapping | str):
            raise ConfigError(
                f"`{text}` is {type(value).__name__}, no config; compose one with `%%portkey_config {text}`"
            )
        return parse_config(dict(value) if isinstance(value, Config) else value)
    if text.isidentifier() and not text.startswith(("pc_", "cf_")):
        close = difflib.get_close_matches(text, config_names(namespace), 1)
        hint = f"did you mean `{close[0]}`?" if close else f"compose it with `%%portkey_config {text}`"
        raise ConfigError(f"no config named `{text}` in this notebook; {hint} (a saved config's id looks like pc-...)")
    return parse_config(text)
