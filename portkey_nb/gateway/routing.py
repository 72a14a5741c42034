"""The routing Config: built in Python or read from text, checked at once, shown without its secrets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from portkey_nb.errors import ConfigError
from portkey_nb.gateway.outline import described
from portkey_nb.gateway.providers import PROVIDERS
from portkey_nb.gateway.secrecy import hidden, redact, revealed, sealed
from portkey_nb.settings import Secret


class Config(dict[str, Any]):
    """A routing Config: which providers are asked, in which order, how often and for how long.

    It is a dictionary in the form that Portkey documents, checked when it is made and whenever a key of it is set.
    Keys of providers stay in it and are sent, but are not shown: not by its repr, ``dict(config)``, ``json.dumps`` or
    pickling; ``config["api_key"].reveal()`` and ``to_json(reveal=True)`` give them back.

    Parameters
    ----------
    config : mapping, optional
        The Config's keys.
    **settings
        Further keys, as in ``Config(provider="openai", retry={"attempts": 3})``.

    Raises
    ------
    ConfigError
        One line naming the place, the value and what would fit.

    Examples
    --------
    >>> Config.fallback(
    ...     {"provider": "openai", "api_key": "sk-1"}, Config(provider="ollama").with_params(model="llama3")
    ... ).with_retry(3).with_timeout(20)
    Config: fallback
      1. openai (api_key ***)
      2. ollama (model llama3)
      retry 3 times, timeout 20 s
    """

    def __init__(self, config: Mapping[str, Any] | None = None, /, **settings: Any) -> None:
        # Hidden at once: what goes wrong from here on may show every local name.
        config, settings = sealed(config), sealed(settings)
        if isinstance(config, str):
            raise ConfigError(
                "a Config is made of keys and values; Config.from_json and from_yaml read text, "
                "and the id of a saved config is used as it is"
            )
        if config is not None and not isinstance(config, Mapping):
            raise ConfigError(f"a Config is made of keys and values, not of {type(config).__name__}")
        super().__init__(_checked({**(config or {}), **settings}))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a Config from JSON text.

        Raises
        ------
        ConfigError
            When the text is no JSON object or does not fit the schema.
        """
        text = Secret(text)
        parsed = sealed(parse_config(text)) if text.lstrip().startswith("{") else None
        if parsed is None:
            raise ConfigError("the text is no JSON object; a Config begins with `{`")
        return cls(parsed)

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read a Config from YAML text, as ``%%portkey_config`` does.

        Raises
        ------
        ConfigError
            When the text is no YAML mapping or does not fit the schema.
        """
        import yaml  # only where a config is written as YAML

        text = Secret(text)
        try:
            parsed = sealed(yaml.safe_load(text.reveal()))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        else:
            return cls(parsed)
        raise ConfigError(f"the config is not valid YAML{where}; write keys and values")

    @classmethod
    def fallback(cls, *targets: Any, on_status_codes: Sequence[int] | int | None = None, **common: Any) -> Self:
        """Ask the targets one after another until one answers.

        Parameters
        ----------
        *targets : Config, mapping or str
            A text is a provider's name (``"openai"``), ``"@slug"`` of one saved in Portkey, or ``"@slug/model"``.
        on_status_codes : sequence of int, optional
            HTTP status codes that lead to the next target; by default any but 2xx.
        **common
            Keys of the whole Config, such as ``request_timeout``.

        Examples
        --------
        >>> Config.fallback("@openai-prod/gpt-4o", "ollama", on_status_codes=[429])
        Config: fallback on 429
          1. @openai-prod (model gpt-4o)
          2. ollama
        """
        strategy: dict[str, Any] = {"mode": "fallback"}
        if on_status_codes is not None:
            strategy["on_status_codes"] = _codes(on_status_codes)
        return cls({"strategy": strategy, "targets": [_target(target) for target in targets], **common})

    @classmethod
    def loadbalance(cls, *targets: Any, weights: Sequence[float] | None = None, **common: Any) -> Self:
        """Spread the requests over the targets, at random by their weights.

        Parameters
        ----------
        *targets : Config, mapping or str
            As for :meth:`fallback`; or one mapping of such texts to their weights.
        weights : sequence of float, optional
            One for each target; only their proportions count. By default each target is as likely as any other.

        Examples
        --------
        >>> Config.loadbalance({"openai": 3, "anthropic": 1})
        Config: loadbalance
          1. openai (weight 3)
          2. anthropic (weight 1)
        """
        if len(targets) == 1 and weights is None and _are_weights(targets[0]):
            targets, weights = tuple(targets[0]), tuple(targets[0].values())
        found = [_target(target) for target in targets]
        if weights is not None:
            if len(weights) != len(found):
                raise ConfigError(f"{len(weights)} weights for {len(found)} targets; give one for each target")
            found = [{**target, "weight": weight} for target, weight in zip(found, weights, strict=True)]
        return cls({"strategy": {"mode": "loadbalance"}, "targets": found, **common})

    @classmethod
    def conditional(
        cls,
        conditions: Mapping[str, Mapping[str, Any]] | Iterable[tuple[Mapping[str, Any], str]],
        targets: Mapping[str, Any],
        default: str,
        **common: Any,
    ) -> Self:
        """Choose the target by what the request says.

        Parameters
        ----------
        conditions : mapping or sequence of pairs
            Target's name -> query, or pairs of query and target's name; the first that holds decides. A query compares
            ``metadata.NAME`` or ``params.NAME``, as in ``{"metadata.plan": {"$eq": "paid"}}``.
        targets : mapping
            Name -> target, each as for :meth:`fallback`.
        default : str
            Name of the target for requests that no condition fits.

        Examples
        --------
        >>> paid = {"metadata.plan": {"$eq": "paid"}}
        >>> Config.conditional({"good": paid}, {"good": "openai", "free": "ollama"}, default="free")
        Config: conditional, good where metadata.plan $eq paid, else free
          1. good: openai
          2. free: ollama
        """
        if not isinstance(targets, Mapping):
            raise ConfigError(f"the targets are {type(targets).__name__}; give a mapping of their names to them")
        if isinstance(conditions, Mapping):
            conditions = [(query, name) for name, query in conditions.items()]
        conditions = list(conditions)
        if not all(isinstance(each, list | tuple) and len(each) == 2 for each in conditions):
            raise ConfigError("the conditions are no pairs; give a mapping of target names to queries")
        strategy = {
            "mode": "conditional",
            "conditions": [{"query": query, "then": name} for query, name in conditions],
            "default": default,
        }
        found = [{**_target(target), "name": name} for name, target in targets.items()]
        return cls({"strategy": strategy, "targets": found, **common})

    def with_retry(
        self,
        attempts: int,
        on_status_codes: Sequence[int] | int | None = None,
        *,
        use_retry_after_headers: bool | None = None,
    ) -> Self:
        """Return a Config whose gateway repeats a failed try, up to five times.

        Parameters
        ----------
        attempts : int
            Tries beyond the first, per target.
        on_status_codes : sequence of int, optional
            HTTP status codes that are tried again; by default 429 and what says that the provider failed.
        use_retry_after_headers : bool, optional
            Whether to wait as long as the provider asks.
        """
        codes = None if on_status_codes is None else _codes(on_status_codes)
        retry = {"attempts": attempts, "on_status_codes": codes, "use_retry_after_headers": use_retry_after_headers}
        return self._with(retry=retry)

    def with_cache(self, mode: str = "simple", *, max_age: float | None = None) -> Self:
        """Return a Config whose gateway may answer from its cache; ``max_age`` in seconds."""
        return self._with(cache={"mode": mode, "max_age": max_age})

    def with_timeout(self, seconds: float) -> Self:
        """Return a Config whose gateway gives up on a provider that has not begun to answer after these seconds."""
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0.001 <= seconds < 1e6:
            raise ConfigError(f"timeout is {seconds!r}; give seconds, such as 30")
        return self._with(request_timeout=round(seconds * 1000))

    def with_params(self, **params: Any) -> Self:
        """Return a Config that sets parameters of the request, such as ``model``, over those that a request gives."""
        return self._with(override_params={**self.get("override_params", {}), **params})

    def _with(self, **settings: Any) -> Self:
        return type(self)({**self, **settings})

    def to_json(self, *, reveal: bool = False, indent: int | None = None) -> str:
        """Return the Config as JSON text; its keys are in it with ``reveal=True`` alone."""
        return json.dumps(parse_config(self) if reveal else self.redacted(), indent=indent)

    def redacted(self) -> dict[str, Any]:
        """Return a copy whose secrets are ``***``."""
        return dict(redact(self))

    def copy(self) -> Self:
        """Return a Config of its own with the same content."""
        return type(self)(self)

    __copy__ = copy

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def update(self, *changes: Any, **settings: Any) -> None:
        """Set keys, if the Config still fits its schema with them."""
        super().update(_checked({**self, **dict(*sealed(changes), **sealed(settings))}))

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Set a key that is not there, if the Config still fits its schema with it."""
        if name not in self:
            self.update({name: default})
        return self.get(name)

    def __ior__(self, other: Any) -> Self:  # type: ignore[override]
        self.update(other)
        return self

    def __or__(self, other: Any) -> Self:  # type: ignore[override]
        return self._with(**dict(other))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (dict(self),))

    def __repr__(self) -> str:
        return "Config: " + "\n".join(described(redact(self)))

    __str__ = __repr__


def _codes(given: Any) -> list[Any]:
    """Return one status code, or several, as a list for the schema to check."""
    return list(given) if isinstance(given, list | tuple | set | range) else [given]


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Check a Config and return it with sealed secrets, its targets being Configs too."""
    found: dict[str, Any] = sealed(parse_config(config))
    if "targets" in found:
        found["targets"] = [_inner(target) for target in found["targets"]]
    return found


def _inner(target: dict[str, Any]) -> dict[str, Any]:
    """Make a Config of a target that is checked already; an empty one, which takes all from above, stays as it is."""
    return Config(target) if target else target


def _target(given: Any) -> Mapping[str, Any]:
    """Read one target as people write it."""
    if isinstance(given, Mapping):
        return given
    if not isinstance(given, str):
        raise ConfigError(f"a target is {type(given).__name__}; give a Config, a mapping, a provider's name or `@slug`")
    text = given.strip()
    provider, _, model = text.partition("/")
    if text.startswith("@") and len(provider) > 1:
        return {"provider": provider, "override_params": {"model": model}} if model else {"provider": provider}
    if text in PROVIDERS:
        return {"provider": text}
    if provider in PROVIDERS and model:
        raise ConfigError(
            f"target {text!r}: write {{'provider': {provider!r}, 'override_params': {{'model': {model!r}}}}}"
        )
    shown = repr(text) if len(text) < 40 and not text.startswith(("sk-", "pk-")) else "its text"
    raise ConfigError(
        f"target {shown} is no provider that the gateway knows, such as openai or anthropic; "
        "give a mapping with `provider`, and a model under `override_params`"
    )


def _are_weights(given: Any) -> bool:
    return (
        isinstance(given, Mapping)
        and not isinstance(given, Config)
        and all(isinstance(weight, int | float) and not isinstance(weight, bool) for weight in given.values())
        and not any(name in ("weight", "request_timeout") for name in given)
    )


def parse_config(value: Any) -> str | dict[str, Any]:
    """Read what a person gave as a config.

    Parameters
    ----------
    value : str or mapping
        A saved config's id, a mapping, or JSON text of one.

    Returns
    -------
    str or dict
        The id, or the checked mapping.

    Raises
    ------
    ConfigError
        When the JSON is broken or the mapping does not fit the schema.
    """
    if isinstance(value, str):
        # It may hold keys, and what goes wrong from here on may show every local name.
        value = text = Secret(revealed(value).strip())
        if not text.startswith("{"):
            if not text:
                raise ConfigError("the config is empty; give a saved config's id or a mapping")
            return text.reveal()
        try:
            value = hidden(json.loads(text))
        except json.JSONDecodeError as error:
            where = f"{error.msg} at column {error.colno}"
        else:
            return parse_config(value)
        raise ConfigError(f"the config is not valid JSON ({where}); mend it, or name a saved config's id")
    if not isinstance(value, Mapping):
        raise ConfigError(f"a config is a saved id or a mapping, not {type(value).__name__}; see `%%portkey_config`")
    from portkey_nb.gateway.schema import check  # pydantic: only where a Config is given inline

    return check(value)


def shown_config(value: Any) -> str:
    """Return a config as it may be shown in one line: the id, or the mapping without its secrets."""
    parsed = parse_config(value)
    return parsed if isinstance(parsed, str) else f"Config({redact(parsed)!r})"
