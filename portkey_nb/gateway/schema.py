"""The documented schema of a routing Config, checked by pydantic; kept apart because pydantic is slow to import."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from portkey_nb.errors import ConfigError


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class Condition(_Open):
    """One rule of conditional routing."""

    query: dict[str, Any]
    then: str


class Strategy(_Open):
    """How a Config chooses among its targets."""

    mode: Literal["single", "loadbalance", "fallback", "conditional"]
    on_status_codes: list[int] | None = None
    conditions: list[Condition] | None = None
    default: str | None = None


class Retry(_Open):
    """How often a failed try is repeated by the gateway."""

    attempts: int = Field(ge=0)
    on_status_codes: list[int] | None = None
    use_retry_after_headers: bool | None = None


class Cache(_Open):
    """Whether the gateway answers from its cache; ``max_age`` in seconds."""

    mode: Literal["simple", "semantic"]
    max_age: float | None = Field(default=None, gt=0)


class Target(_Open):
    """A provider to call, or a strategy over further targets."""

    name: str | None = None
    weight: float | None = Field(default=None, ge=0)
    provider: str | None = None
    api_key: str | None = None
    virtual_key: str | None = None
    custom_host: str | None = None
    forward_headers: list[str] | None = None
    strict_open_ai_compliance: bool | None = None
    strategy: Strategy | None = None
    targets: list[Target] | None = None
    retry: Retry | None = None
    cache: Cache | None = None
    request_timeout: int | None = Field(default=None, gt=0)
    override_params: dict[str, Any] | None = None
    default_params: dict[str, Any] | None = None
    drop_params: list[str] | None = None
    input_guardrails: list[Any] | None = None
    output_guardrails: list[Any] | None = None
    before_request_hooks: list[Any] | None = None
    after_request_hooks: list[Any] | None = None

    @model_validator(mode="after")
    def _strategy_has_targets(self) -> Target:
        if self.strategy is not None and self.strategy.mode != "single" and not self.targets:
            raise ValueError(f"strategy mode {self.strategy.mode!r} needs `targets`, a list of one target or more")
        if self.targets is not None and not self.targets:
            raise ValueError("`targets` is empty; list one target or more")
        weights = [target.weight for target in self.targets or () if target.weight is not None]
        if self.targets and len(weights) == len(self.targets) and not sum(weights):
            raise ValueError("all weights of `targets` are 0, so none could be chosen")
        return self


def check(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check a Config and return it as plain data.

    Parameters
    ----------
    config : mapping
        A Config as documented by Portkey (config object, JSON schema). Keys that are not known are let through, since
        providers have options of their own, unless one looks like a slip of a known key.

    Returns
    -------
    dict
        The Config without unset keys.

    Raises
    ------
    ConfigError
        One line naming the place, the value and what would fit.
    """
    if not config:
        raise ConfigError("the config is empty; give it a `provider`, or a `strategy` with `targets`")
    _refuse_slips(config, Target, "")
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
    return value.reveal() if hasattr(value, "reveal") else value


def _refuse_slips(value: Mapping[str, Any], model: type[BaseModel], place: str) -> None:
    inner: dict[str, type[BaseModel]] = {"strategy": Strategy, "retry": Retry, "cache": Cache}
    for name, item in value.items():
        where = f"{place}.{name}" if place else str(name)
        if name not in model.model_fields:
            close = difflib.get_close_matches(str(name), model.model_fields, 1, cutoff=0.8)
            if close:
                raise ConfigError(f"config: unknown key `{where}`; did you mean `{close[0]}`?")
        elif name in inner and isinstance(item, Mapping):
            _refuse_slips(item, inner[name], where)
        elif name == "targets" and isinstance(item, list):
            for index, target in enumerate(item):
                if isinstance(target, Mapping):
                    _refuse_slips(target, Target, f"{where}[{index}]")


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
