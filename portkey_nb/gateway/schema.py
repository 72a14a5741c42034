"""The documented schema of a routing Config, checked by pydantic; kept apart because pydantic is slow to import."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from portkey_nb.errors import ConfigError
from portkey_nb.gateway.secrecy import HIDDEN, names_secret, revealed

StatusCode = Annotated[int, Field(ge=100, le=599)]

OPERATORS = frozenset(("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$and", "$or"))
"""What a condition's query may ask (the gateway's ``src/services/conditionalRouter.ts``)."""

_OPTIONS = (
    "Authorization resource_name deployment_id api_version deployments ad_auth "
    "aws_access_key_id aws_secret_access_key aws_region aws_session_token aws_auth_type aws_role_arn "
    "aws_external_id aws_s3_bucket aws_s3_object_key aws_bedrock_model "
    "vertex_project_id vertex_region vertex_service_account_json vertex_storage_bucket_name vertex_model_name "
    "azure_resource_name azure_deployment_id azure_api_version azure_model_name azure_region azure_deployment_name "
    "azure_deployment_type azure_endpoint_name azure_auth_mode azure_ad_token azure_managed_client_id "
    "azure_entra_client_id azure_entra_client_secret azure_entra_tenant_id azure_foundry_url "
    "openai_organization openai_project openai_beta anthropic_beta anthropic_version huggingface_base_url "
    "workers_ai_account_id fireworks_account_id mistral_fim_completion snowflake_account "
    "provider_file_name provider_model"
)
PROVIDER_OPTIONS = frozenset(_OPTIONS.split())
"""Options of single providers that Portkey documents (config object; Python SDK 2.3.4)."""

_BEGINNINGS = (
    "amzn_ anthropic_ aws_ azure_ cortex_ fireworks_ google_ huggingface_ mistral_ openai_ oracle_ sagemaker_ "
    "snowflake_ stability_ vertex_ workers_ai_"
)
PROVIDER_PREFIXES = tuple(_BEGINNINGS.split())
"""Beginnings by which a provider's further options are known; the list of them grows with the gateway."""

_PARAMETERS = (
    "model messages temperature top_p top_k n max_tokens max_completion_tokens stop presence_penalty "
    "frequency_penalty logit_bias logprobs top_logprobs seed user response_format tools tool_choice "
    "parallel_tool_calls reasoning_effort thinking verbosity modalities service_tier store stream stream_options"
)
REQUEST_PARAMETERS = frozenset(_PARAMETERS.split())
"""Parameters of a request, which people put beside ``provider`` and the gateway reads under ``override_params``."""


class _Open(BaseModel):
    # Names are checked by `_refuse_unknown`, which can say what was meant.
    model_config = ConfigDict(extra="allow", strict=True)


class Condition(_Open):
    """One rule of conditional routing."""

    query: dict[str, Any]
    then: str


class Strategy(_Open):
    """How a Config chooses among its targets."""

    mode: Literal["single", "loadbalance", "fallback", "conditional"]
    on_status_codes: list[StatusCode] | None = None
    conditions: list[Condition] | None = None
    default: str | None = None
    sticky: Any = None


class Retry(_Open):
    """How often a failed try is repeated by the gateway; five times at most."""

    attempts: int = Field(ge=0, le=5)
    on_status_codes: list[StatusCode] | None = None
    use_retry_after_headers: bool | None = None


class Cache(_Open):
    """Whether the gateway answers from its cache; ``max_age`` in seconds."""

    mode: Literal["simple", "semantic"]
    max_age: float | None = Field(default=None, gt=0)


class CircuitBreaker(_Open):
    """When a failing target is left out for a while; ``cooldown_interval`` in milliseconds."""

    failure_threshold: int | None = None
    failure_threshold_percentage: int | None = None
    minimum_requests: int | None = None
    cooldown_interval: int | None = None
    failure_status_codes: list[StatusCode] | None = None


class Target(_Open):
    """A provider to call, or a strategy over further targets."""

    name: str | None = None
    weight: float | None = Field(default=None, ge=0)
    provider: str | None = None
    api_key: str | None = None
    virtual_key: str | None = None
    prompt_id: str | None = None
    custom_host: str | None = None
    forward_headers: list[str] | None = None
    strict_open_ai_compliance: bool | None = None
    strategy: Strategy | None = None
    targets: list[Target] | None = None
    on_status_codes: list[StatusCode] | None = None
    retry: Retry | None = None
    cache: Cache | None = None
    cb_config: CircuitBreaker | None = None
    request_timeout: int | None = Field(default=None, gt=0)
    override_params: dict[str, Any] | None = None
    default_params: dict[str, Any] | None = None
    drop_params: list[str] | None = None
    passthrough: Any = None
    fetch_integrated_models: Any = None
    input_guardrails: list[Any] | None = None
    output_guardrails: list[Any] | None = None
    before_request_hooks: list[Any] | None = None
    after_request_hooks: list[Any] | None = None

    @model_validator(mode="after")
    def _strategy_fits_targets(self) -> Target:
        if self.strategy is not None and self.strategy.mode != "single" and not self.targets:
            raise ValueError(f"strategy mode {self.strategy.mode!r} needs `targets`, a list of one target or more")
        if self.targets is not None and not self.targets:
            raise ValueError("`targets` is empty; list one target or more")
        if self.targets and self.strategy is None:
            raise ValueError("`targets` without a `strategy`; add one, such as {'mode': 'fallback'}")
        weights = [target.weight for target in self.targets or () if target.weight is not None]
        if self.targets and len(weights) == len(self.targets) and not sum(weights):
            raise ValueError("all weights of `targets` are 0, so none could be chosen")
        if self.strategy is not None and self.strategy.mode == "conditional":
            _check_conditions(self.strategy, [target.name for target in self.targets or ()])
        return self


_PARTS: dict[str, type[BaseModel]] = {
    "strategy": Strategy,
    "retry": Retry,
    "cache": Cache,
    "cb_config": CircuitBreaker,
}
_COMMON: dict[type[BaseModel], str] = {
    Target: "provider, api_key, name, weight, strategy, targets, retry, cache, request_timeout, override_params, "
    "custom_host, input_guardrails, output_guardrails, and options that begin with their provider's name"
}


def _check_conditions(strategy: Strategy, names: list[str | None]) -> None:
    if not strategy.conditions or strategy.default is None:
        missing = "default" if strategy.conditions else "conditions"
        raise ValueError(f"strategy mode 'conditional' needs `{missing}`; add it")
    for name in (*(condition.then for condition in strategy.conditions), strategy.default):
        if name not in names:
            known = ", ".join(repr(known) for known in names if known) or "none has a `name`"
            raise ValueError(f"conditional routing leads to {name!r}, and no target has that name ({known})")
    for condition in strategy.conditions:
        for operator in _operators(condition.query):
            if operator not in OPERATORS:
                known = ", ".join(sorted(OPERATORS))
                raise ValueError(f"unknown operator {operator!r} in a condition; there are {known}")


def _operators(query: Any) -> list[str]:
    if isinstance(query, Mapping):
        inner = [found for value in query.values() for found in _operators(value)]
        return [str(name) for name in query if str(name).startswith("$")] + inner
    if isinstance(query, list):
        return [found for value in query for found in _operators(value)]
    return []


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check a Config and return it as plain data.

    Parameters
    ----------
    config : mapping
        A Config as documented by Portkey (config object, JSON schema). Keys that are not documented are refused, but
        for those that begin as one provider's options do (``aws_``, ``azure_``, ``vertex_`` ...). What a newer gateway
        knows besides can be sent unchecked, as ``extra_headers={"x-portkey-config": "{...}"}``.

    Returns
    -------
    dict
        The Config without unset keys, its secrets in clear.

    Raises
    ------
    ConfigError
        One line naming the place, the value and what would fit.
    """
    if not config:
        raise ConfigError("the config is empty; give it a `provider`, or a `strategy` with `targets`")
    # No local name may hold the keys in clear: what goes wrong from here on may show them.
    _refuse_unknown(config, Target, "")
    try:
        Target.model_validate(_plain(config))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    else:
        return dict(_plain(config))
    raise ConfigError(_sentence(first))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return revealed(value)


def _refuse_unknown(value: Mapping[str, Any], model: type[BaseModel], place: str) -> None:
    for name, item in ((str(name), item) for name, item in value.items() if item is not None):
        where = f"{place}.{name}" if place else name
        if item == HIDDEN and names_secret(name):
            raise ConfigError(f"config: `{where}` is {HIDDEN}, which is how a hidden key is shown; give the key itself")
        if name not in model.model_fields:
            _refuse_name(name, model, where)
        elif name in _PARTS and isinstance(item, Mapping):
            _refuse_unknown(item, _PARTS[name], where)
        elif name in ("targets", "conditions") and isinstance(item, list):
            for index, part in enumerate(item):
                if isinstance(part, Mapping):
                    _refuse_unknown(part, Target if name == "targets" else Condition, f"{where}[{index}]")


def _refuse_name(name: str, model: type[BaseModel], where: str) -> None:
    known = [*model.model_fields, *(PROVIDER_OPTIONS if model is Target else ())]
    if name in known:
        return
    prefixed = model is Target and name.startswith(PROVIDER_PREFIXES)
    close = difflib.get_close_matches(name, known, 1, cutoff=0.9 if prefixed else 0.75)
    if prefixed and not close:
        return
    if model is Target and name in REQUEST_PARAMETERS:
        raise ConfigError(f"config: `{where}` is a parameter of the request; put it under `override_params`")
    hint = (
        f"did you mean `{close[0]}`?" if close else f"known are {_COMMON.get(model) or ', '.join(model.model_fields)}"
    )
    raise ConfigError(f"config: unknown key `{where}`; {hint}")


def _sentence(error: Any) -> str:
    place = ""
    for step in error["loc"]:
        place += f"[{step}]" if isinstance(step, int) else f".{step}" if place else str(step)
    said = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"config: {f'{place}: ' if place else ''}{said}"
    if error["type"] == "missing":
        return f"config: `{place}` is missing; add it"
    value = error["input"]
    shown = (
        repr(value) if isinstance(value, str | int | float | bool) and len(repr(value)) < 60 else type(value).__name__
    )
    if "key" in place or "authorization" in place.lower():
        shown = "its value"
    return f"config: `{place}` is {shown}; {said[0].lower()}{said[1:]}"
