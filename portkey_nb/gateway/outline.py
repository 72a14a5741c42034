"""A Config as people read it: in a few lines, and its targets by the paths that answers name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from portkey_nb.gateway.secrecy import names_secret, without_login


def described(config: Mapping[str, Any]) -> list[str]:
    """Return a redacted Config as lines: what is asked, each target under it, and what holds for all."""
    lines = [_headline(config)]
    for number, target in enumerate(config.get("targets") or (), 1):
        first, *more = described(target)
        lines += [f"  {number}. {first}", *("   " + line for line in more)]
    if config.get("targets"):
        lines += ["  " + ", ".join(common)] if (common := [*_asked(config), *_rules(config)]) else []
    return lines


def _headline(config: Mapping[str, Any]) -> str:
    name = f"{config['name']}: " if config.get("name") else ""
    weight = [f"weight {config['weight']:g}"] if config.get("weight") is not None else []
    if config.get("targets"):
        return name + ", ".join([_strategy(config["strategy"]), *weight])
    facts = [*weight, *_asked(config)]
    who = config.get("provider") or ("virtual key" if config.get("virtual_key") else "any provider")
    return ", ".join([f"{name}{who}" + (f" ({', '.join(facts)})" if facts else ""), *_rules(config)])


def _strategy(strategy: Mapping[str, Any]) -> str:
    mode = str(strategy["mode"])
    if codes := strategy.get("on_status_codes"):
        mode += " on " + ", ".join(map(str, codes))
    rules = [f"{rule['then']} where {_query(rule['query'])}" for rule in strategy.get("conditions") or ()]
    last = [f"else {strategy['default']}"] if strategy.get("default") else []
    return ", ".join([mode, *rules, *last])


def _query(query: Any) -> str:
    if not isinstance(query, Mapping):
        return str(query)
    parts = []
    for name, wanted in query.items():
        if name in ("$and", "$or") and isinstance(wanted, list):
            parts.append("(" + f" {name[1:]} ".join(map(_query, wanted)) + ")")
        else:
            parts.append(f"{name} {_query(wanted)}")
    return " and ".join(parts)


_APART = ("name", "weight", "provider", "strategy", "targets", "retry", "cache", "request_timeout", "override_params")


def _asked(config: Mapping[str, Any]) -> list[str]:
    """Return the facts about what is sent, the model first."""
    params = config.get("override_params") or {}
    facts = [*params.items(), *((name, value) for name, value in config.items() if name not in _APART)]
    facts.sort(key=lambda fact: (not names_secret(fact[0]), fact[0] != "model"))
    return [f"{name} {_short(value)}" for name, value in facts]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = without_login(" ".join(text.split()))
    return text if len(text) <= 60 else text[:57] + "..."


def _rules(config: Mapping[str, Any]) -> list[str]:
    found = []
    if retry := config.get("retry"):
        times = "once" if retry["attempts"] == 1 else f"{retry['attempts']} times"
        codes = ", ".join(map(str, retry.get("on_status_codes") or ()))
        asked = " as the provider asks" if retry.get("use_retry_after_headers") else ""
        found.append(f"retry {times}{f' on {codes}' if codes else ''}{asked}")
    if config.get("request_timeout"):
        found.append(f"timeout {config['request_timeout'] / 1000:g} s")
    if cache := config.get("cache"):
        age = f" up to {cache['max_age']:g} s" if cache.get("max_age") else ""
        found.append(f"{cache['mode']} cache{age}")
    return found


_STEP = re.compile(r"\.targets\[(\d{1,6})\]")
_PATH = re.compile(r"config((?:\.targets\[\d{1,6}\])*)")


def target_of(config: Any, path: str | None) -> Mapping[str, Any] | None:
    """Return the target that an answer's ``x-portkey-last-used-option-index`` names.

    Parameters
    ----------
    config : mapping or str
        A Config, or JSON text of one.
    path : str
        As the gateway writes it: ``config``, ``config.targets[1]``, ``config.targets[1].targets[0]``.

    Returns
    -------
    mapping or None
        None where the config, such as the id of a saved one, has no such target.

    Examples
    --------
    >>> target_of({"targets": [{"provider": "openai"}, {"provider": "groq"}]}, "config.targets[1]")
    {'provider': 'groq'}
    """
    found: Any = _mapping(config)
    match = _PATH.fullmatch(path or "")
    if match is None or not found:
        return None
    for step in _STEP.findall(match[1]):
        targets = found.get("targets")
        if (
            not isinstance(targets, list | tuple)
            or int(step) >= len(targets)
            or not isinstance(targets[int(step)], Mapping)
        ):
            return None
        found = targets[int(step)]
    return found  # type: ignore[no-any-return]


def target_name(config: Any, path: str | None) -> str:
    """Return what to call the target that answered: its name, its provider, or its path where neither is known.

    Examples
    --------
    >>> target_name({"targets": [{"provider": "openai"}, {"name": "spare", "provider": "groq"}]}, "config.targets[1]")
    'spare'
    """
    target = target_of(config, path) or {}
    return str(target.get("name") or target.get("provider") or path or "")


def target_place(config: Any, path: str | None) -> tuple[int, int] | None:
    """Return which target answered, counted from 1, and how many there are; nested ones are counted one by one.

    Examples
    --------
    >>> target_place({"targets": [{"provider": "openai"}, {"provider": "groq"}]}, "config.targets[1]")
    (2, 2)
    """
    paths = [leaf for leaf, _ in leaves(config)]
    return (paths.index(path) + 1, len(paths)) if path in paths else None


def providers_of(config: Any) -> tuple[str, ...]:
    """Return the providers that a Config may ask, each once, in the order of its targets.

    A provider saved in Portkey stands as its ``@slug``; a target that names none is left out, and the id of a saved
    config names none.

    Examples
    --------
    >>> providers_of({"targets": [{"provider": "openai"}, {"targets": [{"provider": "groq"}, {"provider": "openai"}]}]})
    ('openai', 'groq')
    """
    named = (target.get("provider") for _, target in leaves(config))
    return tuple(dict.fromkeys(str(provider) for provider in named if provider))


def leaves(config: Any, path: str = "config") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield path and content of each target that stands for a provider, in order."""
    node = _mapping(config)
    targets = node.get("targets")
    if not isinstance(targets, list | tuple) or not targets:
        if node:
            yield path, node
        return
    for index, target in enumerate(targets):
        if isinstance(target, Mapping):
            yield from leaves(target, f"{path}.targets[{index}]")


def _mapping(config: Any) -> Mapping[str, Any]:
    if isinstance(config, str) and config.lstrip().startswith("{"):
        try:
            config = json.loads(config)
        except ValueError:
            return {}
    return config if isinstance(config, Mapping) else {}
