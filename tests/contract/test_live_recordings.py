"""Every recorded request sent again to the running gateway: it answers, and passes on, what it did then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from portkey_nb import errors
from tests.contract.checks import assert_answer, assert_error, settled
from tests.contract.conftest import Started
from tests.contract.live import OF_THE_CONNECTION, asked_again, moved
from tests.contract.providers import Providers
from tests.contract.recorded import ANSWERED, Told, client_options, recording, told
from tests.gateway import conftest
from tests.gateway.sides import Side

pytestmark = pytest.mark.node
side = conftest.side

LEFT_OUT = {
    "up-dns": "asks a name server",
    "cfg-loadbalance": "the gateway throws dice",
    "openai-stream-cut": "the client left",
    "anthropic-stream-cut": "the client left",
}
RESET = ("openai-stream-midabort", "anthropic-stream-midabort", "cfg-fallback-midstream")
ASKED_AGAIN = [name for name in ANSWERED if name not in LEFT_OUT]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Providers]:
    with Providers() as providers:
        yield providers


def _then(name: str) -> Told:
    call = recording(name)
    return told(b"".join(call.wire), call.sent["method"])


def _headers(answer: Told) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OF_THE_CONNECTION}


@pytest.mark.parametrize("name", ASKED_AGAIN)
def test_the_gateway_answers_as_recorded(local_gateway: Started, upstream: Providers, name: str) -> None:
    call, then = recording(name), _then(name)
    upstream.seen.clear()
    try:
        now = asked_again(call, local_gateway.base_url, upstream)
    except httpx.ReadError:
        # Node closes behind its 431 while the headers are still being sent, so that the answer may be lost.
        assert then.status == 431
        return
    assert now.status == then.status
    assert _headers(now) == _headers(then)
    assert settled(now.data) == settled(then.data)
    # How much of a stream passes before a reset is a matter of time.
    until = len(now.events) if name in RESET else None
    assert settled(now.events) == settled(then.events[:until])
    if now.data is None and not now.events:
        assert now.body == then.body
    passed_on = [(seen.method, seen.body) for seen in upstream.seen]
    recorded = [(seen["method"], json.loads(seen["body"] or "null")) for seen in call.upstream if "body" in seen]
    if all("body" in seen for seen in call.upstream):
        assert passed_on == recorded


# Hosted features and broken requests, which the client need not let out; and what takes seconds.
NOT_BY_CLIENTS = {
    *("gw-badprovider", "gw-noheaders", "gw-badcontenttype", "gw-badconfig-json", "gw-config-badmode", "gw-config-id"),
    *("gw-config-virtualkey", "gw-config-catalog", "gw-catalog-model", "gw-catalog-provider-header", "cfg-guard-id"),
    *("cfg-conditional-nomatch", "cfg-conditional-params"),
    *("hdr-config-17k", "hdr-config-40k", "openai-n-stream"),
    *("cfg-retry-after", "cfg-retry-after-3", "cfg-retry-after-120", "cfg-retry-flaky2", "cfg-retry-exhausted"),
    *("cfg-timeout-midstall", "cfg-timeout-retry408", "cfg-retry-header-only", "up-econnrefused-retry"),
}
BY_CLIENTS = [name for name in ASKED_AGAIN if recording(name).is_chat and name not in NOT_BY_CLIENTS]


@pytest.mark.parametrize("name", BY_CLIENTS)
def test_clients_read_the_running_gateway(side: Side, local_gateway: Started, upstream: Providers, name: str) -> None:
    call, then = recording(name), _then(name)
    options, extra = client_options(moved(call, upstream))
    client = side.client(base_url=local_gateway.base_url, max_retries=0, **options)

    def ask() -> Any:
        answer = side.create(client, **{**call.params, "extra_headers": extra})
        return side.final(answer) if call.streamed else answer

    if then.status >= 400:
        with pytest.raises(errors.APIStatusError) as refused:
            ask()
        assert_error(refused.value, then, live=True)
    elif any("error" in each for each in (then.data or {}, *then.events)):
        with pytest.raises(errors.APIStatusError) as false_success:
            ask()
        assert false_success.value.status == 200
    elif call.streamed and then.unfinished:
        with pytest.raises(errors.StreamIncomplete) as cut:
            ask()
        text = cut.value.completion.choices[0].message.content
        assert text == then.choices[0].text or (name in RESET and then.choices[0].text.startswith(text))
    else:
        assert_answer(ask(), then, live=True)
