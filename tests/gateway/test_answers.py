"""Errors: every status, every shape of body, and a sentence that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_nb import errors
from tests.gateway.sides import Side
from tests.servers import COMPLETION, ScriptedServer, whole

STATUSES = {
    302: errors.APIStatusError,
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    408: errors.RequestTimeoutError,
    409: errors.BadRequestError,
    412: errors.BudgetExceededError,
    413: errors.BadRequestError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    431: errors.BadRequestError,
    446: errors.GuardrailError,
    500: errors.GatewayError,
    502: errors.GatewayError,
    503: errors.GatewayError,
    529: errors.GatewayError,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_its_class(side: Side, status: int, stream: bool) -> None:
    body = {"error": {"message": "openai error: no", "code": "c-1"}, "provider": "openai"}
    headers = {"x-portkey-trace-id": "t-1", "retry-after": "7"}
    with ScriptedServer(whole(body, status, headers)) as server:
        client = side.client(base_url=server.url, max_retries=0)
        with pytest.raises(errors.APIStatusError) as caught:
            side.create(client, stream=stream)
    error = caught.value
    assert type(error) is STATUSES[status]
    assert (error.status, error.code, error.provider, error.trace_id) == (status, "c-1", "openai", "t-1")
    assert error.body == body
    assert error.headers["retry-after"] == "7"
    assert error.message.startswith(str(status))
    assert "\n" not in error.message
    assert error.__context__ is None
    if status == 429:
        assert error.retry_after == 7


SHAPES: dict[str, tuple[Any, str]] = {
    "provider's error": ({"error": {"message": "openai error: bad\nmodel", "type": "x"}}, "openai error: bad model"),
    "unknown shape": ({"error": {"message": 'Invalid response received from cohere: {"a":1}'}}, "Invalid response"),
    "gateway's own": ({"status": "failure", "message": "Invalid config"}, "Invalid config"),
    "html message": ({"html-message": "Message: fetch failed Cause: ECONNRESET"}, "fetch failed"),
    "html page in a message": ({"html-message": "<html><body><h1>502</h1> <p>Bad</p></body></html>"}, "502 Bad"),
    "timeout": ({"error": {"message": "Request exceeded the timeout sent in the request: 300ms"}}, "300ms"),
    "hooks": ({"error": {"message": "denied", "type": "hooks_failed"}, "hook_results": {"a": []}}, "denied"),
    "hosted": ({"status": "failure", "message": "x", "error": {"message": "Invalid key", "code": "03"}}, "Invalid key"),
    "text in error": ({"error": "just a text"}, "just a text"),
    "message alone": ({"message": "Not Found", "ok": False}, "Not Found"),
    "plain text": (b"upstream connect error", "upstream connect error"),
    "html": (b"<html><style>p{color:red}</style><h1>502 Bad Gateway</h1>\n<script>x()</script></html>", "502 Bad"),
    "nothing": (b"", "no message"),
    "an empty object": ({}, "no message"),
    "a list": (["x"], "x"),
    "not UTF-8": (b"\xff\xfe broken", "broken"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_body_is_read(side: Side, shape: str) -> None:
    body, said = SHAPES[shape]
    with ScriptedServer(whole(body, 400)) as server:
        client = side.client(base_url=server.url)
        with pytest.raises(errors.BadRequestError) as caught:
            side.create(client)
    assert said in caught.value.message
    assert "<" not in caught.value.message
    assert "color" not in caught.value.message
    assert "check the model's name" in caught.value.message


def test_a_config_too_large_for_a_header_says_so(side: Side) -> None:
    with ScriptedServer(whole(b"", 431)) as server:
        client = side.client(base_url=server.url)
        with pytest.raises(errors.BadRequestError, match="the config is too large for a header"):
            side.create(client)


def test_a_long_page_is_cut(side: Side) -> None:
    with ScriptedServer(whole(b"x" * 100_000, 500)) as server:
        client = side.client(base_url=server.url, max_retries=0)
        with pytest.raises(errors.GatewayError) as caught:
            side.create(client)
    assert len(caught.value.message) < 1000


def test_a_moved_address_is_named_and_not_followed(side: Side) -> None:
    with ScriptedServer(whole(b"", 307, {"location": "https://elsewhere.example/v1"})) as server:
        client = side.client(base_url=server.url, api_key="pk-secret")
        with pytest.raises(errors.APIStatusError, match=r"elsewhere\.example"):
            side.create(client)
        assert len(server.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "Invalid response received from google: {}", "code": None}}, errors.APIStatusError),
        ({"error": {"message": "no", "code": 429}}, errors.RateLimitError),
        ({"error": {"message": "no", "code": "429"}}, errors.RateLimitError),
        ({"error": {"message": "no", "type": "overloaded_error"}}, errors.GatewayError),
        ({"error": {"message": "no", "type": "authentication_error"}}, errors.AuthenticationError),
        ({"error": "no"}, errors.APIStatusError),
        ({"status": "failure", "message": "no"}, errors.APIStatusError),
    ],
)
def test_an_error_under_status_200_is_an_error(
    side: Side, body: dict[str, Any], kind: type[errors.APIStatusError], stream: bool
) -> None:
    with ScriptedServer(whole(body)) as server:
        client = side.client(base_url=server.url)
        ask = (lambda: side.read(side.create(client, stream=True))) if stream else (lambda: side.create(client))
        with pytest.raises(kind) as caught:
            ask()
    assert caught.value.status == 200
    assert caught.value.body == body


def test_an_answer_that_a_guardrail_only_flagged_is_an_answer(side: Side) -> None:
    with ScriptedServer(whole({**COMPLETION, "hook_results": {"x": 1}}, 246)) as server:
        assert side.create(side.client(base_url=server.url)).hook_results.x == 1


def test_ipython_shows_one_line() -> None:
    error = errors.status_error("first\nsecond", status=429)
    (line,) = error._render_traceback_()
    assert line.startswith("RateLimitError: 429 first second")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("Either x-portkey-config or x-portkey-provider header is required", "--provider openai"),
        ("Invalid custom host", "TRUSTED_CUSTOM_HOSTS"),
        ("fetch failed Cause: Error: connect ECONNREFUSED 127.0.0.1:11434", "is the model server running"),
    ],
)
def test_common_mistakes_get_advice_of_their_own(side: Side, said: str, advice: str) -> None:
    refusal = whole({"status": "failure", "message": said}, 400)
    with ScriptedServer(refusal) as server, pytest.raises(errors.BadRequestError) as caught:
        side.create(side.client(base_url=server.url))
    assert advice in caught.value.message
    assert "check the model's name" not in caught.value.message


def test_a_base_url_without_a_path_is_noticed(side: Side) -> None:
    with ScriptedServer(whole({"message": "Not Found", "ok": False}, 404)) as server:
        bare = server.url.removesuffix("/v1")
        with pytest.raises(errors.NotFoundError, match=f"most gateways answer at {bare}/v1"):
            side.create(side.client(base_url=bare))
