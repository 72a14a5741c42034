"""What a call cost: usage and model to US dollars with the unit prices and their source, or None with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

MILLION = 1_000_000

PriceTable = Mapping[str, Mapping[str, float]]
"""Model -> US dollars per million tokens under ``input``, ``output``, ``cached`` and ``cache_write``."""

PROVIDERS: Mapping[str, str] = {
    "mistral-ai": "mistral",
    "bedrock": "aws",
    "azure-openai": "azure",
    "azure-ai": "azure",
    "together-ai": "together",
    "perplexity-ai": "perplexity",
    "fireworks-ai": "fireworks",
    "vertex-ai": "google",
    "novita-ai": "novita",
}
"""Portkey's provider id -> that of genai-prices, where they differ."""

_DATE = re.compile(r"[-@]20\d\d-?[01]\d-?[0-3]\d$")


@dataclass(frozen=True, slots=True)
class UsageParts:
    """Tokens of one call in one meaning; None where unknown.

    Attributes
    ----------
    input_tokens : int or None
        Cached and cache-written tokens included.
    output_tokens : int or None
        Reasoning included.
    cached_input_tokens, cache_write_tokens : int or None
        Parts of the input.
    reasoning_tokens : int or None
        Part of the output.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Priced:
    """What a call cost.

    Attributes
    ----------
    cost_usd : float or None
        US dollars; None where it is unknown.
    price : dict or None
        ``input_per_m``, ``output_per_m`` and, where known, ``cached_input_per_m`` and ``cache_write_per_m`` (US dollars
        per million tokens), ``source``, ``model`` and ``date``.
    reason : str or None
        Why the cost is unknown.
    """

    cost_usd: float | None
    price: dict[str, Any] | None = field(default=None)
    reason: str | None = None


def price_call(
    model: str,
    provider: str | None,
    usage: UsageParts,
    *,
    demo: bool,
    at: datetime,
    answered: str | None = None,
    user_prices: PriceTable | None = None,
    demo_prices: PriceTable | None = None,
) -> Priced:
    """Price one call.

    Parameters
    ----------
    model : str
        The requested model; ``@slug/`` before it is ignored.
    provider : str or None
        Portkey's id of the provider that answered.
    usage : UsageParts
    demo : bool
        Whether the demo gateway answered; real prices are never put on its answers.
    at : datetime
        When it was asked: prices change.
    answered : str, optional
        The model that the answer names; it goes before the requested one, since a fallback may have answered.
    user_prices, demo_prices : mapping, optional
        Model -> US dollars per million tokens (``input``, ``output``, ``cached``, ``cache_write``). The user's own
        table goes before all others.

    Returns
    -------
    Priced
        Never raises: what cannot be priced has no cost and a reason.
    """
    odd = _oddity(usage)
    if odd is not None:
        return Priced(None, None, odd)
    own = _own_price(model, answered, provider, user_prices or {})
    if own is not None:
        return _by_table(*own, usage, "user", at)
    if demo:
        for name in _names(answered, model):
            if name in (demo_prices or {}):
                return _by_table(name, (demo_prices or {})[name], usage, "demo", at)
        return Priced(None, None, f"the demo gateway has no price for {model!r}")
    return _by_genai(model, answered, provider, usage, at)


def _oddity(usage: UsageParts) -> str | None:
    """Say what is wrong with a usage, if it is."""
    if usage.input_tokens is None or usage.output_tokens is None:
        return "the answer did not say how many tokens it used"
    parts = (usage.input_tokens, usage.output_tokens, usage.cached_input_tokens, usage.cache_write_tokens)
    for count in parts:
        if count is not None and (not isinstance(count, int) or count < 0):
            return f"the answer counts {count!r} tokens"
    cached = (usage.cached_input_tokens or 0) + (usage.cache_write_tokens or 0)
    if cached > usage.input_tokens:
        return f"the answer counts {cached} cached tokens in {usage.input_tokens} of input"
    return None


def bare_model(model: str) -> str:
    """Return a model's name without the ``@slug/`` of Portkey's model catalogue.

    Examples
    --------
    >>> bare_model("@openai-prod/gpt-4o"), bare_model("@cf/meta/llama-3-8b")
    ('gpt-4o', '@cf/meta/llama-3-8b')
    """
    if model.startswith("@") and not model.startswith(("@cf/", "@hf/")):
        return model.partition("/")[2] or model
    return model


def _names(*models: str | None) -> Iterator[str]:
    """Yield the names under which a table may hold a model: as given, without slug, without date."""
    for model in models:
        if model:
            yield from dict.fromkeys((model, bare_model(model), _DATE.sub("", bare_model(model))))


def _own_price(
    model: str, answered: str | None, provider: str | None, table: PriceTable
) -> tuple[str, Mapping[str, float]] | None:
    for name in _names(answered):
        if name in table:
            return name, table[name]
    if table and answered and _is_another(model, answered, provider):
        return None
    return next(((name, table[name]) for name in _names(model) if name in table), None)


def _is_another(model: str, answered: str, provider: str | None) -> bool:
    """Tell whether two names are known to be different models (a deployment's own name is known to nobody)."""
    first, second = _find(bare_model(model), None), _find(bare_model(answered), provider)
    return first is not None and second is not None and first != second


def _by_table(name: str, price: Mapping[str, float], usage: UsageParts, source: str, at: datetime) -> Priced:
    try:
        units = {
            key: float(price[column]) for key, column in _TABLE.items() if column in price and price[column] is not None
        }
    except (TypeError, ValueError):
        return Priced(None, None, f"the {source} price of {name!r} is no table of numbers: {price!r}")
    if not {"input_per_m", "output_per_m"} <= set(units) or not all(
        0 <= unit < float("inf") for unit in units.values()
    ):
        return Priced(
            None, None, f"the {source} price of {name!r} needs `input` and `output` in USD per million tokens"
        )
    cached, written = usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
    plain = (usage.input_tokens or 0) - cached - written
    cost = plain * units["input_per_m"] + (usage.output_tokens or 0) * units["output_per_m"]
    cost += cached * units.get("cached_input_per_m", units["input_per_m"])
    cost += written * units.get("cache_write_per_m", units["input_per_m"])
    return Priced(cost / MILLION, {**units, "source": source, "model": name, "date": at.date().isoformat()})


_TABLE = {
    "input_per_m": "input",
    "output_per_m": "output",
    "cached_input_per_m": "cached",
    "cache_write_per_m": "cache_write",
}
_GENAI = {
    "input_per_m": "input_mtok",
    "output_per_m": "output_mtok",
    "cached_input_per_m": "cache_read_mtok",
    "cache_write_per_m": "cache_write_mtok",
}


def _by_genai(model: str, answered: str | None, provider: str | None, usage: UsageParts, at: datetime) -> Priced:
    from genai_prices import Usage, __version__, calc_price  # a tenth of a second, and only for real answers

    counts = Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_input_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    reason = f"no price is known for {model!r}" + (f" of {provider}" if provider else "")
    for name in dict.fromkeys(bare_model(each) for each in (answered, model) if each):
        try:
            found = calc_price(counts, name, provider_id=_provider_id(provider), genai_request_timestamp=at)
        except LookupError:
            continue
        except ValueError as error:
            reason = f"the usage cannot be priced: {error}"
            continue
        units = _unit_prices(found.model_price, usage.input_tokens or 0)
        source = {"source": f"genai-prices {__version__}", "model": found.model.id, "date": at.date().isoformat()}
        if "input_per_m" not in units or "output_per_m" not in units:
            reason = f"the price of {name!r} is not one of input and output tokens"
            continue
        return Priced(float(found.total_price), {**units, **source})
    return Priced(None, None, f"{reason}; set your own under [tool.portkey_nb.prices] in pyproject.toml")


def _unit_prices(price: Any, input_tokens: int) -> dict[str, float]:
    """Return the unit prices in force: beyond a threshold of input tokens some models charge more for all of them."""
    units: dict[str, float] = {}
    for key, name in _GENAI.items():
        unit = getattr(price, name, None)
        if unit is None:
            continue
        reached = [tier.price for tier in getattr(unit, "tiers", ()) if input_tokens > tier.start]
        units[key] = float(reached[-1] if reached else getattr(unit, "base", unit))
    return units


def load_prices() -> None:
    """Read the price list now, so that the first answer does not wait for it."""
    _find("gpt-4o", None)


def prices_read() -> bool:
    """Tell whether the price list has been read."""
    return _find.cache_info().currsize > 0


@lru_cache(maxsize=256)
def _find(name: str, provider: str | None) -> str | None:
    from genai_prices import Usage, calc_price  # as above

    try:
        return calc_price(Usage(input_tokens=0), name, provider_id=_provider_id(provider)).model.id
    except (LookupError, ValueError):
        return None


def _provider_id(provider: str | None) -> str | None:
    if not provider:
        return None
    return PROVIDERS.get(provider.lower().removeprefix("@"), provider.lower().removeprefix("@"))
