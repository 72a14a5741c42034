"""From a cell's words to the calls it stands for; no model is asked here, and a template is rendered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from portkey_nb.engine.asking import with_parts
from portkey_nb.engine.call import METADATA_LIMIT, Call
from portkey_nb.engine.record import new_run_id
from portkey_nb.engine.reply import unique_labels
from portkey_nb.engine.rounds import Step
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.errors import PromptError, SettingsError
from portkey_nb.gateway.secrecy import holds_secret
from portkey_nb.notebook.chats import ChatTurn, take_turn
from portkey_nb.notebook.named import KEY_IN_CELL, find_config, find_images, find_schema, find_tools
from portkey_nb.notebook.options import CellOptions, pairs, request_params
from portkey_nb.notebook.place import Place, place_of
from portkey_nb.notebook.prompt import Prompt, compose
from portkey_nb.notebook.templates import Rendered, render
from portkey_nb.settings import Secret, load


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
    steps : tuple of Step
        What was done before the calls: a template that was rendered.
    warnings : tuple of str
        What is to be said of the cell.
    """

    calls: list[Call]
    prompt: Prompt
    turn: ChatTurn | None
    store: RunStore | None
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()


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
    base_url, client_options = route(magics, options)
    space = magics.shell.user_ns
    tools, schema = find_tools(options.tools, space), find_schema(options.schema, space)
    rendered = None
    if options.prompt is not None:
        rendered = render(options, body, space, base_url, client_options)
    models = _models(magics, options, rendered)
    times = len(models) * options.repeat
    store = open_store() if log or options.chat else None
    prompt = rendered.prompt if rendered is not None else _composed(magics, options, body)
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
        params={**(rendered.params if rendered is not None else {}), **request_params(options)},
        options=client_options,
        base_url=base_url,
        stream=not options.no_stream,
        cache=options.cache,
        facts=_facts(options, prompt, place, turn, several=times > 1),
        tools=tools,
        schema=schema,
        trace_metadata=magics.trace_metadata,
    )
    steps = (rendered.step,) if rendered is not None else ()
    typed = (options.config or "").lstrip().startswith("{") and holds_secret(client_options["config"])
    warnings = (KEY_IN_CELL,) if typed else ()
    return Plan(_spread(call, models, options.repeat), prompt, turn, store if log else None, steps, warnings)


def _composed(magics: Any, options: CellOptions, body: str) -> Prompt:
    """Make messages of the body, with the images that the line names."""
    space = magics.shell.user_ns
    prompt = compose(
        body,
        space,
        raw=options.raw,
        as_messages=options.messages,
        system=options.system if options.system is not None else magics.system or None,
    )
    if options.system is not None and prompt.own_system:
        raise PromptError("the system message is given twice, by -s and in the body; leave one of them out")
    if options.image:
        return replace(prompt, messages=with_parts(prompt.messages, find_images(options.image, space)))
    return prompt


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


def _models(magics: Any, options: CellOptions, rendered: Rendered | None) -> list[str]:
    own = rendered.model if rendered is not None else None
    named = options.model or [own or magics.model or load().model or ""]
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
        "system": prompt.system or (turn.conversation.system if turn else None),
        "prompt": prompt.prompt,
        "tags": pairs(options.tag, "--tag") or None,
        "conversation_id": turn.conversation.conversation_id if turn else None,
        "parent_run_id": turn.parent_run_id if turn else None,
    }


def route(magics: Any, options: CellOptions) -> tuple[str | None, dict[str, Any]]:
    """Return where a cell's requests go: the base URL, and the client's options.

    Raises
    ------
    PortkeyError
        One line: the config or a tag does not fit.
    """
    found: dict[str, Any] = {}
    named = options.config or magics.route
    if named:
        found["config"] = find_config(named, magics.shell.user_ns)
    if options.provider is not None:
        found["provider"] = options.provider
    if options.virtual_key is not None:
        found["virtual_key"] = Secret(options.virtual_key)
    tags = pairs(options.tag, "--tag")
    for name, value in tags.items():
        if len(value) > METADATA_LIMIT:
            raise PromptError(
                f"--tag {name} is {len(value)} characters long and Portkey takes {METADATA_LIMIT}; shorten it"
            )
    if tags:
        found["metadata"] = tags
    return options.base_url or magics.base_url or None, found
