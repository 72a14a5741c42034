"""What only Portkey's hosted gateway has, refused where the open-source one is asked, and what it would ignore.

Facts of the open-source gateway 1.15.2: it keeps no configs, credentials, prompts or models, answers 400 to most names
of such things, and passes routes and model names that it does not know on to the provider.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from portkey_nb.errors import ConfigError, SettingsError
from portkey_nb.gateway.providers import PROVIDERS
from portkey_nb.gateway.secrecy import WEBHOOKS, host_of
from portkey_nb.gateway.target import Target

_GUARDS = ("input_guardrails", "output_guardrails", "before_request_hooks", "after_request_hooks")
_IGNORED = {
    "cache": "keeps no cache",
    "default_params": "does not know it; `override_params` sets a parameter whatever the request says",
    "drop_params": "does not know it",
    "cb_config": "has no circuit breaker",
    "passthrough": "does not know it",
    "fetch_integrated_models": "does not know it",
}
_CACHE_AGE = (60, 90 * 86400)
"""Seconds that the hosted gateway takes as ``cache.max_age``."""
_SENDING = ("default.log", "default.webhook")
"""Guardrail checks that send the texts to a URL."""


def refuse_hosted_only(target: Target, options: Mapping[str, Any], model: str | None = None) -> None:
    """Refuse what the open-source gateway cannot know, before anything is sent to it.

    Parameters
    ----------
    target : Target
        The gateway; other kinds than ``local`` are let through.
    options : mapping
        The client's options by keyword.
    model : str, optional
        The request's model.

    Raises
    ------
    ConfigError
        For the id of a saved config, an ``@slug``, a virtual key, a saved guardrail or prompt, as an option or inside
        a Config.
    SettingsError
        For a model named ``@slug/model``.
    """
    if target.kind != "local":
        return
    gateway = f"the open-source gateway at {target.url}"
    config = options.get("config")
    if isinstance(config, str) and config and not config.lstrip().startswith("{"):
        raise ConfigError(
            f"`{_short(config)}` is a config saved in Portkey; {gateway} cannot read it: give the Config inline"
        )
    provider = options.get("provider")
    if isinstance(provider, str) and provider.startswith("@"):
        raise ConfigError(
            f"provider `{_short(provider)}` is saved in Portkey; {gateway} does not know it: "
            "name a plain provider, such as openai, and give its key as Authorization"
        )
    if options.get("virtual_key"):
        raise ConfigError(
            f"a virtual key is saved in Portkey; {gateway} does not know it: "
            "give `provider` and the provider's own key as Authorization"
        )
    if isinstance(provider, str) and provider and provider not in PROVIDERS:
        close = difflib.get_close_matches(provider, PROVIDERS, 1)
        hint = f"did you mean `{close[0]}`?" if close else "give one of Portkey's provider names, such as openai"
        raise ConfigError(f"{gateway} knows no provider `{_short(provider)}`; {hint}")
    if isinstance(config, Mapping):
        for path, node in _nodes(config):
            _refuse_in_config(path, node, gateway)
    if model is not None and is_saved(model):
        raise SettingsError(
            f"model `{_short(model)}` names a provider saved in Portkey; {gateway} would pass the name on to the "
            f"provider as it is: write `{_short(model.partition('/')[2] or model[1:])}` and give `provider`"
        )


def is_saved(model: str) -> bool:
    """Tell whether a model's name begins with a provider saved in Portkey (``@slug/model``).

    Examples
    --------
    >>> is_saved("@openai-prod/gpt-4o"), is_saved("@cf/meta/llama-3"), is_saved("gpt-4o")
    (True, False, False)
    """
    return model.startswith("@") and not model.startswith(("@cf/", "@hf/"))


def _refuse_in_config(path: str, node: Mapping[str, Any], gateway: str) -> None:
    provider, params = node.get("provider"), node.get("override_params")
    model = params.get("model") if isinstance(params, Mapping) else None
    if isinstance(provider, str) and provider.startswith("@"):
        what, instead = f"provider `{_short(provider)}`", "name a plain provider and give its `api_key`"
    elif node.get("virtual_key"):
        what, instead = "`virtual_key`", "give `provider` and `api_key`"
    elif node.get("prompt_id"):
        what, instead = f"prompt `{_short(node['prompt_id'])}`", "send its messages"
    elif isinstance(model, str) and is_saved(model):
        what, instead = f"model `{_short(model)}`", "give `provider` and the model's plain name"
    else:
        for name in _GUARDS:
            for guard in node.get(name) or ():
                if isinstance(guard, str):
                    raise ConfigError(
                        f"{path}: `{name}` has `{_short(guard)}`, a guardrail saved in Portkey; {gateway} would answer "
                        "without any guard: give the checks inline"
                    )
        return
    raise ConfigError(f"{path}: {what} is saved in Portkey; {gateway} does not know it: {instead}")


def refuse_route(target: Target, what: str, instead: str) -> None:
    """Refuse a route that the open-source gateway does not have.

    Parameters
    ----------
    what : str
        The plural that stands before "live in Portkey", such as ``"prompt templates"``.
    instead : str
        What works without it.

    Raises
    ------
    SettingsError
        Where the target is the open-source gateway.
    """
    if target.kind == "local":
        raise SettingsError(
            f"{what} live in Portkey; the open-source gateway at {target.url} has none, "
            f"and may pass the request on to the provider: {instead}"
        )


def config_warnings(config: Any, kind: str) -> tuple[str, ...]:
    """Tell what in a Config has no effect, or another than one would think, on a kind of gateway.

    Parameters
    ----------
    config : Config, mapping or str
        The id of a saved config gives no warning: what is in it is not known here.
    kind : str
        A :class:`Target`'s ``kind``: ``local`` for the open-source gateway.

    Returns
    -------
    tuple of str
        One sentence each, without a full stop.

    Examples
    --------
    >>> config_warnings({"provider": "openai", "cache": {"mode": "simple"}}, "local")
    ('config: `cache` has no effect, since the open-source gateway keeps no cache',)
    """
    found: list[str] = []
    for path, node in _nodes(config) if isinstance(config, Mapping) else ():
        found += [f"{path}: {said}" for said in _everywhere(node)]
        if kind == "local":
            found += [f"{path}: {said}" for said in _on_open_source(node)]
        elif kind == "hosted" and (age := _part(node, "cache").get("max_age")) is not None:
            least, most = _CACHE_AGE
            if not least <= age <= most:
                found.append(f"{path}: `cache.max_age` is {age:g} s, and Portkey keeps answers 60 s to 90 days")
    return tuple(found)


def _everywhere(node: Mapping[str, Any]) -> Iterator[str]:
    mode = _part(node, "strategy").get("mode")
    if mode != "fallback" and _part(node, "strategy").get("on_status_codes"):
        yield f"`strategy.on_status_codes` counts with mode fallback alone, and the mode is {mode}"
    targets = [target for target in node.get("targets") or () if isinstance(target, Mapping)]
    if mode != "loadbalance" and any(target.get("weight") is not None for target in targets):
        yield f"the targets' weights count with mode loadbalance alone, and the mode is {mode}"
    if mode == "single" and len(targets) > 1:
        yield f"mode single asks the first of its {len(targets)} targets alone"
    for name in _GUARDS:
        for guard in node.get(name) or ():
            for check in _SENDING if isinstance(guard, Mapping) else ():
                if check in guard:
                    yield f"`{check}` in `{name}` sends the texts to {_address(guard[check])}"


def _on_open_source(node: Mapping[str, Any]) -> Iterator[str]:
    for name, reason in _IGNORED.items():
        if node.get(name) is not None:
            yield f"`{name}` has no effect, since the open-source gateway {reason}"
    if _part(node, "strategy").get("sticky") is not None:
        yield "`strategy.sticky` has no effect, since the open-source gateway does not know it"
    if node.get("on_status_codes"):
        yield "`on_status_codes` has no effect here; put it under `strategy` or `retry`"
    if _part(node, "retry").get("use_retry_after_headers"):
        yield (
            "`retry.use_retry_after_headers` has no effect, since the open-source gateway waits 1, 2, 4, 8 and 16 s "
            "whatever the provider asks"
        )


def _address(check: Any) -> str:
    if isinstance(check, Mapping):
        for name in WEBHOOKS:
            if check.get(name):
                return _short(host_of(str(check[name])))
    return "a URL"


def _part(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = node.get(name)
    return part if isinstance(part, Mapping) else {}


def _nodes(config: Mapping[str, Any], path: str = "config") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and content of the Config and of each target in it, the outer ones first."""
    yield path, config
    targets = config.get("targets")
    for index, target in enumerate(targets if isinstance(targets, list | tuple) else ()):
        if isinstance(target, Mapping):
            yield from _nodes(target, f"{path}.targets[{index}]")


def _short(text: Any) -> str:
    shown = str(text)
    return shown if len(shown) <= 60 else shown[:57] + "..."
