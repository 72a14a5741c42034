"""Inline Configs as the demo gateway reads them: checked, inherited downwards, as a tree of plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from portkey_nb.gateway.demo.conditions import Condition, query_problem
from portkey_nb.gateway.demo.wire import Refusal, gateway_error

__all__ = ["PROVIDERS", "SAMPLE_CONFIGS", "Route", "check_provider", "check_virtual_key", "read_config", "refuse_host"]

MODES = ("single", "loadbalance", "fallback", "conditional")
RETRY_CODES = frozenset({429, 500, 502, 503, 504, 529})
MOST_RETRIES = 5
_LOCAL_ONLY = "The demo gateway keeps no saved"

SAMPLE_CONFIGS: Mapping[str, Mapping[str, Any]] = {"sample-7g5tr4": {"retry": {"attempts": 2}}}
"""The one saved config there is: the id that Portkey's own examples use."""
SAMPLE_VIRTUAL_KEYS = frozenset({"VIRTUAL_KEY"})
"""The placeholder that Portkey's own examples use."""

_PROVIDER_IDS = (
    "anthropic anyscale azure-openai cohere google vertex-ai mistral-ai openai palm perplexity-ai reka-ai "
    "together-ai deepinfra ncompass stability-ai nomic ollama ai21 bedrock groq segmind jina fireworks-ai "
    "workers-ai moonshot openrouter lingyi zhipu novita-ai monsterapi deepseek predibase triton voyage azure- "
    "ai github deepbricks siliconflow huggingface cerebras inference-net sambanova lemonfox-ai upstage lambda "
    "dashscope x-ai cortex sagemaker nebius recraft-ai milvus replicate portkey lepton kluster-ai nscale "
    "hyperbolic bytez featherless-ai krutrim qdrant 302ai cometapi matterai meshy tripo3d nextbit modal z-ai "
    "oracle iointelligence aibadgr ovhcloud demo "
)
PROVIDERS = frozenset(_PROVIDER_IDS.split())
"""The provider ids of the open-source gateway 1.15.2, and the demo's own."""

_NOT_YET = (
    "input_guardrails",
    "output_guardrails",
    "before_request_hooks",
    "after_request_hooks",
    "prompt_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One node of a Config; a node without targets is where a model is asked.

    Attributes
    ----------
    path : str
        As in ``x-portkey-last-used-option-index``.
    name : str or None
        Under which conditional routing finds it.
    conditions, default_name
        The rules of conditional routing, and the name of the target that holds where none fits.
    timeout_ms : float or None
        Limit until the response headers, in milliseconds.
    cache_age_s : float or None
        How long an answer may be served from memory, in seconds; None without a cache.
    """

    path: str = "config"
    name: str | None = None
    mode: str = "single"
    on_status_codes: frozenset[int] | None = None
    conditions: tuple[Condition, ...] = ()
    default_name: str | None = None
    targets: tuple[Route, ...] = ()
    weight: float = 1.0
    provider: str | None = None
    attempts: int = 0
    retry_codes: frozenset[int] = RETRY_CODES
    timeout_ms: float | None = None
    cache_age_s: float | None = None
    override: Mapping[str, Any] = field(default_factory=dict)
    default: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()

    def applied(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request's body as this target sends it on."""
        merged = {**self.default, **body, **self.override}
        return {name: value for name, value in merged.items() if name not in self.drop}


def check_provider(provider: str | None) -> str | None:
    """Return a provider as given; refuse one that no gateway knows."""
    if provider is None or provider in PROVIDERS:
        return provider
    if provider.startswith("@"):
        raise Refusal(
            400,
            gateway_error(
                f"{_LOCAL_ONLY} providers such as '{provider}': they live in Portkey's Model Catalog. "
                "Name a plain provider (openai, anthropic, ...) or the model alone."
            ),
        )
    raise Refusal(400, gateway_error(f"Invalid provider passed: '{provider}'. Give one such as openai or anthropic."))


def check_virtual_key(key: str | None) -> None:
    """Refuse a virtual key other than the placeholder of Portkey's examples."""
    if key is not None and key not in SAMPLE_VIRTUAL_KEYS:
        raise Refusal(
            400,
            gateway_error(
                f"{_LOCAL_ONLY} virtual keys: leave x-portkey-virtual-key out, or talk to api.portkey.ai with your key."
            ),
        )


def check_model(model: Any) -> None:
    """Refuse a model that names a saved provider."""
    if isinstance(model, str) and model.startswith("@"):
        raise Refusal(
            400,
            gateway_error(
                f"{_LOCAL_ONLY} providers, so '{model}' is not known here: '@slug/model' lives in Portkey's "
                f"Model Catalog. Use the model's plain name, '{model.rpartition('/')[2]}'."
            ),
        )


def refuse_host(host: Any) -> None:
    """Refuse a ``custom_host``: the demo gateway passes nothing on."""
    if host:
        message = (
            f"The demo gateway reaches no other host, so custom_host '{str(host)[:100]}' cannot be used: leave it "
            "out, or start the open-source gateway with `portkey-nb gateway`."
        )
        raise Refusal(400, gateway_error(message))


def read_config(header: str | None, base: Route) -> Route:
    """Read the ``x-portkey-config`` header.

    Parameters
    ----------
    header : str or None
        Inline JSON, or the id of a saved config.
    base : Route
        What the other headers say; the Config goes above it.

    Raises
    ------
    Refusal
        400 in the gateway's own shape, listing every mistake by its path.
    """
    if not header:
        return base
    if header in SAMPLE_CONFIGS:
        config: Any = SAMPLE_CONFIGS[header]
    elif header.lstrip()[:1] not in ("{", "["):
        raise Refusal(
            400,
            gateway_error(
                f"{_LOCAL_ONLY} configs, so '{header[:60]}' is not known here; give the config inline, as JSON "
                '(for example {"strategy": {"mode": "fallback"}, "targets": [...]}), or talk to api.portkey.ai.'
            ),
        )
    else:
        try:
            config = json.loads(header)
        except (ValueError, RecursionError):
            raise Refusal(400, gateway_error("Invalid config passed. You need to pass a valid json")) from None
    checker = _Checker()
    try:
        route = checker.route(config, replace(base, path="config"), ())
    except RecursionError:
        raise Refusal(400, gateway_error("Invalid config passed: its targets are nested too deeply")) from None
    if checker.errors:
        raise Refusal(400, gateway_error("Invalid config passed", checker.errors))
    return route


class _Checker:
    """Walks a Config and collects what is wrong with it."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def wrong(self, place: tuple[str | int, ...], message: str) -> None:
        self.errors.append(f"path: {','.join(map(str, place))}, message: {message}")

    def route(self, config: Any, above: Route, place: tuple[str | int, ...]) -> Route:
        if not isinstance(config, dict):
            self.wrong(place, f"Expected an object, received {type(config).__name__}")
            return above
        bare = replace(
            above, name=None, targets=(), mode="single", on_status_codes=None, conditions=(), default_name=None
        )
        here = self._own(config, bare, place)
        strategy, targets = config.get("strategy"), config.get("targets")
        if strategy is None and targets is None:
            return here
        mode, codes = self._strategy(strategy if strategy is not None else {"mode": "single"}, place)
        if not isinstance(targets, list) or not targets:
            self.wrong((*place, "targets"), "Expected a list with at least one target")
            return here
        below = tuple(
            self.route(target, replace(here, path=f"{here.path}.targets[{number}]"), (*place, "targets", number))
            for number, target in enumerate(targets)
        )
        if mode == "loadbalance" and not any(target.weight > 0 for target in below):
            self.wrong((*place, "targets"), "At least one weight must be above 0")
        rules, default = self._conditions(strategy, (*place, "strategy")) if mode == "conditional" else ((), None)
        return replace(here, mode=mode, on_status_codes=codes, conditions=rules, default_name=default, targets=below)

    def _conditions(self, strategy: Any, place: tuple[str | int, ...]) -> tuple[tuple[Condition, ...], str | None]:
        """Read the rules of conditional routing, and the name that holds where none fits."""
        given, default = strategy.get("conditions"), strategy.get("default")
        if not isinstance(given, list) or not given:
            self.wrong((*place, "conditions"), "Expected a list with at least one condition")
            given = []
        rules: list[Condition] = []
        for number, rule in enumerate(given):
            here = (*place, "conditions", number)
            if not isinstance(rule, dict) or not isinstance(rule.get("then"), str):
                self.wrong((*here, "then"), "Expected the name of a target")
            elif (problem := query_problem(rule.get("query"))) is not None:
                self.wrong((*here, "query"), problem)
            else:
                rules.append((rule["query"], rule["then"]))
        return tuple(rules), None if default is None else str(default)

    def _strategy(self, strategy: Any, place: tuple[str | int, ...]) -> tuple[str, frozenset[int] | None]:
        if not isinstance(strategy, dict):
            self.wrong((*place, "strategy"), f"Expected an object, received {type(strategy).__name__}")
            return "single", None
        mode = strategy.get("mode")
        if mode not in MODES:
            self.wrong((*place, "strategy", "mode"), f"Invalid 'mode' value. Must be one of: {', '.join(MODES)}")
        codes = strategy.get("on_status_codes")
        return str(mode), None if codes is None else self._codes(codes, (*place, "strategy", "on_status_codes"))

    def _own(self, config: Mapping[str, Any], above: Route, place: tuple[str | int, ...]) -> Route:
        for name in _NOT_YET:
            if config.get(name):
                self.wrong((*place, name), f"The demo gateway does not simulate {name} yet; leave it out")
        if config.get("custom_host"):
            refuse_host(config["custom_host"])
        own: dict[str, Any] = {"weight": self._weight(config, place)}
        if config.get("name") is not None:
            own["name"] = str(config["name"])
        self._provider(config, own, place)
        self._retry(config.get("retry"), own, place)
        self._cache(config.get("cache"), own, place)
        if config.get("request_timeout") is not None:
            own["timeout_ms"] = self._number(config["request_timeout"], (*place, "request_timeout"), above_zero=True)
        for key, name, inherited in (
            ("override_params", "override", above.override),
            ("default_params", "default", above.default),
        ):
            value = config.get(key)
            if value is not None and not isinstance(value, dict):
                self.wrong((*place, key), f"Expected an object, received {type(value).__name__}")
            elif value:
                own[name] = {**inherited, **value}
        dropped = config.get("drop_params")
        if isinstance(dropped, list):
            own["drop"] = (*above.drop, *map(str, dropped))
        model = own.get("override", {}).get("model")
        if isinstance(model, str) and model.startswith("@"):
            self.wrong(
                (*place, "override_params", "model"), f"{_LOCAL_ONLY} providers: write '{model}' without its slug"
            )
        return replace(above, **own)

    def _provider(self, config: Mapping[str, Any], own: dict[str, Any], place: tuple[str | int, ...]) -> None:
        provider = config.get("provider")
        if provider is not None:
            if provider not in PROVIDERS:
                hint = f"{_LOCAL_ONLY} providers. " if str(provider).startswith("@") else ""
                self.wrong(
                    (*place, "provider"),
                    f"{hint}Invalid 'provider' value {provider!r}. Give one such as openai, anthropic",
                )
            own["provider"] = str(provider)
        key = config.get("virtual_key")
        if key is not None and key not in SAMPLE_VIRTUAL_KEYS:
            self.wrong(
                (*place, "virtual_key"), f"{_LOCAL_ONLY} virtual keys; give a provider and override_params.model"
            )

    def _weight(self, config: Mapping[str, Any], place: tuple[str | int, ...]) -> float:
        value = config.get("weight")
        return 1.0 if value is None else self._number(value, (*place, "weight"))

    def _number(self, value: Any, place: tuple[str | int, ...], *, above_zero: bool = False) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.wrong(place, f"Expected number, received {type(value).__name__}")
            return 1.0
        if value < 0 or (above_zero and value == 0):
            self.wrong(place, f"Number must be {'above' if above_zero else 'at least'} 0, received {value:g}")
            return 1.0
        return float(value)

    def _codes(self, value: Any, place: tuple[str | int, ...]) -> frozenset[int]:
        if not isinstance(value, list) or not all(isinstance(code, int) for code in value):
            self.wrong(place, "Expected a list of status codes")
            return frozenset()
        return frozenset(value)

    def _retry(self, value: Any, own: dict[str, Any], place: tuple[str | int, ...]) -> None:
        if value is None:
            return
        attempts = value.get("attempts", 0) if isinstance(value, dict) else None
        if isinstance(attempts, bool) or not isinstance(attempts, int) or not 0 <= attempts <= MOST_RETRIES:
            self.wrong((*place, "retry", "attempts"), f"Expected a whole number from 0 to {MOST_RETRIES}")
            return
        codes = value.get("on_status_codes")
        own["attempts"] = attempts
        own["retry_codes"] = RETRY_CODES if codes is None else self._codes(codes, (*place, "retry", "on_status_codes"))

    def _cache(self, value: Any, own: dict[str, Any], place: tuple[str | int, ...]) -> None:
        if value is None:
            return
        mode = value.get("mode") if isinstance(value, dict) else None
        if mode != "simple":
            self.wrong((*place, "cache", "mode"), "The demo gateway simulates the cache mode 'simple' only")
            return
        age = value.get("max_age")
        week = 7 * 24 * 3600.0
        own["cache_age_s"] = week if age is None else self._number(age, (*place, "cache", "max_age"), above_zero=True)
