"""Recorded requests sent again: the made-up addresses in them lead to the simulated providers of now."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import httpx

from tests.contract.providers import SIMULATED, Providers
from tests.contract.recorded import Recording, Told, understood

_RENAMED = {"reset": "gone", "ok": "plain"}
_RECORDED_HOST = re.compile(r"http://127\.0\.0\.1:9101/([^/]+)(/v1)?")

OF_THE_CONNECTION = {"date", "server", "connection", "keep-alive", "content-length", "transfer-encoding"}
"""Headers of an answer that belong to the connection, or are new with each answer."""


def moved(call: Recording, upstream: Providers) -> dict[str, Any]:
    """Return the headers of a recording, with the hosts of now; a config stays a mapping."""
    headers: dict[str, Any] = dict(call.headers)
    provider = headers.get("x-portkey-provider", "openai")
    config = headers.get("x-portkey-config", "")
    if config.startswith("{"):
        with contextlib.suppress(ValueError):
            headers["x-portkey-config"] = _moved(json.loads(config), provider, upstream)
    if "x-portkey-custom-host" in headers:
        headers["x-portkey-custom-host"] = _host(headers["x-portkey-custom-host"], provider, upstream)
    return headers


def _moved(config: Any, provider: str, upstream: Providers) -> Any:
    if isinstance(config, list):
        return [_moved(item, provider, upstream) for item in config]
    if not isinstance(config, dict):
        return config
    provider = config.get("provider", provider)
    found = {name: _moved(item, provider, upstream) for name, item in config.items()}
    if "custom_host" in found:
        found["custom_host"] = _host(found["custom_host"], provider, upstream)
    return found


def _host(recorded: str, provider: str, upstream: Providers) -> str:
    known = _RECORDED_HOST.fullmatch(recorded)
    if known is None:
        return recorded
    fault = _RENAMED.get(known[1], known[1])
    return upstream.host(provider if provider in SIMULATED else "openai", fault)


def asked_again(call: Recording, base_url: str, upstream: Providers) -> Told:
    """Send a recorded request as it was, by httpx, and read the answer."""
    headers = {
        name: json.dumps(value) if isinstance(value, dict) else value
        for name, value in moved(call, upstream).items()
        if name not in ("host", "content-length")
    }
    body = call.sent["body"]
    content = body if isinstance(body, str) else None if body is None else json.dumps(body)
    address = base_url.removesuffix("/v1") + call.sent["path"]
    with httpx.Client(trust_env=False, timeout=30) as client:
        answer = client.request(call.sent["method"], address, headers=headers, content=content)
    return understood(answer.status_code, dict(answer.headers), answer.content)
