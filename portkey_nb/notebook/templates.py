"""Prompt templates saved in Portkey: the body's variables go in, and the rendered messages come out."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from portkey_nb.engine.connections import client_for
from portkey_nb.engine.loop import submit
from portkey_nb.engine.normalize import content_text
from portkey_nb.engine.rounds import Step
from portkey_nb.engine.tools import ToolResult
from portkey_nb.errors import PortkeyError, PromptError
from portkey_nb.notebook.options import CellOptions
from portkey_nb.notebook.prompt import Prompt, expand_values
from portkey_nb.notebook.references import References
from portkey_nb.notebook.stopping import StopButton


@dataclass(frozen=True)
class Rendered:
    """A template with its variables filled in.

    Attributes
    ----------
    prompt : Prompt
        Its messages.
    model : str or None
        The model that the template names.
    params : dict
        The request parameters that it sets.
    step : Step
        What was rendered, to be shown.
    """

    prompt: Prompt
    model: str | None
    params: dict[str, Any]
    step: Step


def render(
    options: CellOptions,
    body: str,
    namespace: Mapping[str, Any],
    base_url: str | None,
    client_options: Mapping[str, Any],
) -> Rendered:
    """Have a template rendered by the gateway.

    Raises
    ------
    PromptError
        When the body holds no variables, flags stand beside ``--prompt`` that a template has itself, or the template
        gives no messages.
    PortkeyError
        When the gateway cannot or may not render it, or the person stops it.
    """
    identifier = str(options.prompt)
    variables = given_variables(options, body, namespace)
    begun = time.monotonic()
    client = client_for(base_url, client_options)
    answer = _awaited(client.prompts.render(prompt_id=identifier, variables=variables))
    messages = [dict(message) for message in answer.messages or () if isinstance(message, Mapping)]
    if not messages or not all(isinstance(message.get("role"), str) for message in messages):
        raise PromptError(f"the template {identifier!r} gave no messages that can be sent; look at it in Portkey")
    said = "\n\n".join(f"{message['role']}: {content_text(message.get('content'))}" for message in messages)
    users = [content_text(message.get("content")) for message in messages if message["role"] == "user"]
    rules = [content_text(message.get("content")) for message in messages if message["role"] == "system"]
    prompt = Prompt(
        messages=messages,
        template=identifier,
        vars=variables,
        prompt=users[-1] if users else "",
        system="\n\n".join(rules) or None,
        own_system=bool(rules),
    )
    shown = ToolResult(identifier, variables, said, None, time.monotonic() - begun)
    return Rendered(prompt, answer.model, dict(answer.params), Step("tool", result=shown))


def _awaited(work: Any) -> Any:
    """Wait for the gateway, and no longer than the person wants to."""
    with StopButton() as stop:
        future = submit(work)
        while not stop.pressed:
            try:
                return future.result(timeout=0.05)
            except TimeoutError:
                if future.done():
                    raise
        future.cancel()
    raise PortkeyError("interrupted while the template was rendered; no model was asked")


def given_variables(options: CellOptions, body: str, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables that a cell's body gives to its template.

    Raises
    ------
    PromptError
        When the body holds none, or flags stand beside ``--prompt`` that a template has itself.
    """
    own = {"-s": options.system, "--messages": options.messages, "--image": options.image}
    beside = [flag for flag, given in own.items() if given]
    if beside:
        raise PromptError(f"--prompt brings messages of its own; leave {' and '.join(beside)} out")
    variables = _variables(body)
    return variables if options.raw else cast(dict[str, Any], expand_values(variables, References(namespace)))


def _variables(body: str) -> dict[str, Any]:
    if not body.strip():
        return {}
    import yaml  # only where a template's variables are given

    try:
        # A bare {{reference}} would be read as a mapping.
        found = yaml.safe_load(re.sub(r"^(\s*\w+\s*:\s*)(\{\{[^{}]*\}\})\s*$", r'\1"\2"', body, flags=re.MULTILINE))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    else:
        if isinstance(found, dict):
            return {str(name): value for name, value in found.items()}
        reason = ""
    raise PromptError(f"with --prompt the body holds the template's variables; write `name: value` lines{reason}")
