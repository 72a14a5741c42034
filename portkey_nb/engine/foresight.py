"""What will become of a call's parameters on the way to its provider, known before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from portkey_nb.engine.call import Call
from portkey_nb.errors import PromptError
from portkey_nb.gateway.client import AsyncPortkey
from portkey_nb.gateway.outline import leaves, providers_of, target_of
from portkey_nb.gateway.parameters import altered, keeps, lost_in_messages, needed, prepared
from portkey_nb.gateway.refusals import config_warnings

OBSERVED, HOSTED = "1.15.2", "2.x"
"""Versions of the table of parameters: the open-source gateway's, and the hosted one's."""


@dataclass(frozen=True)
class Foresight:
    """What is known of a call before it is sent.

    Attributes
    ----------
    providers : tuple of str
        Who may answer, in the order in which they are tried; empty where nobody can tell.
    params : dict
        Request parameters as they will be sent, tools and schema among them.
    lost : dict of str to str
        Parameter -> what becomes of it ("1.5 is limited to 1 by anthropic").
    forced : bool
        Whether a tool call stands in for the response format, which a provider would drop.
    version : str
        Of the table of parameters that was asked.
    config : mapping, str or None
        The routing Config.
    warnings : tuple of str
        What in the Config has no effect on this kind of gateway, a sentence each.
    """

    providers: tuple[str, ...]
    params: dict[str, Any]
    lost: dict[str, str]
    forced: bool = False
    version: str = OBSERVED
    config: Any = None
    warnings: tuple[str, ...] = ()

    @property
    def sentences(self) -> list[str]:
        """What a person is told beforehand."""
        return [*(f"`{name}` {what}" for name, what in self.lost.items()), *self.warnings]


def foresee(call: Call, client: AsyncPortkey) -> Foresight:
    """Work out what a call will send, and what its providers will make of it.

    Raises
    ------
    PromptError
        When the only provider asks for a parameter that is not set.
    """
    options, kind = client._options, client._target.kind
    version = HOSTED if kind == "hosted" else OBSERVED
    providers = _providers(call.model, options, kind)
    if call.schema is not None and call.schema.name in call.tools:
        raise PromptError(f"a tool and the schema are both named `{call.schema.name}`; rename one of them")
    params = prepared(call.params)
    if call.tools:
        params["tools"] = [*params.get("tools", ()), *(tool.definition for tool in call.tools.values())]
    forced = call.schema is not None and not all(
        keeps(provider, "response_format", gateway=version, model=call.model) for provider in providers
    )
    if call.schema is not None and forced:
        params["tools"] = [*params.get("tools", ()), call.schema.tool]
        params["tool_choice"] = "required" if call.tools else call.schema.tool_choice
    elif call.schema is not None:
        params["response_format"] = call.schema.response_format
    sight = Foresight(providers, params, {}, forced, version, options.get("config"))
    demanded = _demand(sight, call.model, kind)
    warnings = (*config_warnings(sight.config, kind), *([demanded] if demanded else []))
    lost: dict[str, str] = {}
    for path, provider in _ways(sight):
        for name, what in lost_to(provider, call, sight, path).items():
            lost[name] = f"{lost[name]}, {what}" if name in lost and what not in lost[name] else what
    return replace(sight, lost=lost, warnings=warnings)


def lost_to(provider: str | None, call: Call, sight: Foresight, path: str | None = None) -> dict[str, str]:
    """Return what one provider does to a call: name of a parameter, or ``messages`` -> what becomes of it.

    Parameters
    ----------
    provider : str or None
    call : Call
    sight : Foresight
    path : str, optional
        The Config's target that stands for the provider; its own parameters go before the call's.
    """
    override = (target_of(sight.config, path) or {}).get("override_params") or {}
    params = {**sight.params, **override}
    model = str(params.pop("model", call.model))
    found = [
        *altered(provider, params, gateway=sight.version, model=model),
        *lost_in_messages(provider, call.messages, gateway=sight.version, model=model),
    ]
    lost: dict[str, str] = {}
    for one in found:
        lost[one.parameter] = f"{lost[one.parameter]}, {one.text}" if one.parameter in lost else one.text
    return lost


def _ways(sight: Foresight) -> list[tuple[str | None, str]]:
    """Return the targets that may answer, each with its provider."""
    found = [(path, str(target.get("provider") or "")) for path, target in leaves(sight.config)]
    named: list[tuple[str | None, str]] = [(path, provider) for path, provider in found if provider]
    return named or [(None, provider) for provider in sight.providers]


def provider_named(model: str, options: Mapping[str, Any]) -> str | None:
    """Return the provider, or the slug of one, that a call names; None where only the gateway knows."""
    if model.startswith("@") and not model.startswith(("@cf/", "@hf/")):
        return model[1:].partition("/")[0]
    provider = options.get("provider")
    return str(provider).removeprefix("@") if provider else None


def _providers(model: str, options: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    config = options.get("config")
    if isinstance(config, Mapping):
        found = providers_of(config)
        if found:
            return found
    named = options.get("provider")
    if named and not str(named).startswith("@"):
        return (str(named),)
    if kind == "demo" and not model.startswith("@"):
        from portkey_nb.gateway.demo.models import find_model  # loads only with the demo gateway

        asked = [(target.get("override_params") or {}).get("model", model) for _, target in leaves(config)] or [model]
        return tuple(dict.fromkeys(find_model(str(name)).provider for name in asked))
    return ()


def _demand(sight: Foresight, model: str, kind: str) -> str | None:
    """Ask for what the providers would refuse to do without; return a warning where only some of them would.

    Raises
    ------
    PromptError
        When no provider would answer.
    """
    if kind == "demo":
        return None
    ways = _ways(sight)
    lacking = [missing for path, provider in ways if (missing := _missing(provider, model, sight, path)) is not None]
    if not lacking:
        return None
    provider, name = lacking[0]
    hint = "--max-tokens 1024, or max_tokens=1024 in Python" if name == "max_tokens" else f"-p {name}=..."
    if len(lacking) == len(ways):
        raise PromptError(f"{provider} answers only where `{name}` is set; add {hint}")
    return f"{provider} answers only where `{name}` is set: add {hint}"


def _missing(provider: str, model: str, sight: Foresight, path: str | None) -> tuple[str, str] | None:
    """Return a provider and the first parameter that it demands and does not get."""
    given = set(sight.params)
    for node in (sight.config, target_of(sight.config, path)):
        if isinstance(node, Mapping):
            given.update(node.get("override_params") or ())
            given.update(node.get("default_params") or ())
    if "max_completion_tokens" in given:
        given.add("max_tokens")
    return next(((provider, name) for name in needed(provider, model=model) if name not in given), None)
