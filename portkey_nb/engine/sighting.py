"""What is known of a comparison's variants before anything is sent: their way, their parameters' fate, their price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from portkey_nb.engine.call import Call
from portkey_nb.engine.conclusion import demo_prices
from portkey_nb.engine.connections import ROUTES, client_for
from portkey_nb.engine.cost import UsageParts, price_call
from portkey_nb.engine.crossing import Way
from portkey_nb.engine.foresight import foresee, provider_named
from portkey_nb.engine.shapes import quoted
from portkey_nb.engine.variants import Variant
from portkey_nb.errors import SettingsError
from portkey_nb.gateway.client import AsyncPortkey, Portkey
from portkey_nb.gateway.many import ManyTransport
from portkey_nb.gateway.outline import leaves
from portkey_nb.gateway.secrecy import redact
from portkey_nb.gateway.tapes import has_tape
from portkey_nb.settings import load

_SOME = UsageParts(input_tokens=1000, output_tokens=1000)


def check_client(client: Any) -> Portkey | AsyncPortkey | None:
    """Return the client that a person gave.

    Raises
    ------
    SettingsError
        When it is none of ours, or has a transport of its own, which calls on other connections would pass by.
    """
    if client is None:
        return None
    if isinstance(client, Portkey | AsyncPortkey):
        if has_tape(client._transport):
            raise SettingsError(
                "a comparison makes connections of its own, past the client's recording or replay; leave transport "
                "out, and use `%portkey record FILE` and `replay FILE`, or PORTKEY_NB_RECORD and PORTKEY_NB_REPLAY"
            )
        if client._transport is not None and not isinstance(client._transport, ManyTransport):
            raise SettingsError(
                f"a comparison makes connections of its own, past the client's transport {quoted(client._transport)}; "
                "give a client without transport"
            )
        return client
    raise SettingsError(f"client is {quoted(client)}; give a portkey_nb.Portkey or AsyncPortkey, or leave it out")


def way_of(variant: Variant, client: Portkey | AsyncPortkey | None) -> Way:
    """Return how the calls of a variant are made: the client's way, but for what the variant says itself.

    A variant with a gateway of its own gets nothing of the client's: its keys are for the client's gateway alone.
    """
    own = variant.ways
    if client is None:
        return Way(base_url=variant.base_url, options=own)
    if variant.base_url not in (None, client.base_url):
        return Way(base_url=variant.base_url, options=own, timeout=client._limits)
    given = dict(client._options)
    if any(own.get(route) for route in ROUTES):
        given = {name: value for name, value in given.items() if name not in ROUTES}
    return Way(base_url=client.base_url, options={**given, **own}, timeout=client._limits)


def foreseen(call: Call) -> tuple[list[str], dict[str, Any]]:
    """Return what is to be said of a variant's parameters, and what its rows will hold.

    Raises
    ------
    PortkeyError
        When its calls cannot be made: no key, a Config that is none, a parameter that its provider demands.
    """
    client = client_for(call.base_url, call.options)
    sight = foresee(call, client)
    config = client._options.get("config")
    facts = {
        "model": call.model,
        "params": sight.params,
        "config": config if isinstance(config, str) or config is None else json.dumps(redact(config)),
        "demo": client.base_url == "demo",
    }
    return sight.sentences, facts


def check_price(call: Call) -> None:
    """Refuse a model without a price, since no budget could be kept.

    Raises
    ------
    SettingsError
        Before anything is sent.
    """
    client = client_for(call.base_url, call.options)
    demo, provider = client.base_url == "demo", provider_named(call.model, client._options)
    prices = load().prices
    for model in _models(call.model, client._options.get("config")):
        priced = price_call(
            model,
            provider,
            _SOME,
            demo=demo,
            at=datetime.now(UTC),
            user_prices=prices,
            demo_prices=demo_prices(demo=demo),
        )
        if priced.cost_usd is None:
            raise SettingsError(f"max_cost_usd cannot be kept: {priced.reason}; or leave max_cost_usd out")


def _models(model: str, config: Any) -> list[str]:
    """Return the models that may answer, where a Config names others."""
    if not isinstance(config, Mapping):
        return [model]
    named = [str((target.get("override_params") or {}).get("model") or model) for _, target in leaves(config)]
    return list(dict.fromkeys(named)) or [model]
