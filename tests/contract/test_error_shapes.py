"""The ten shapes in which gateway and providers say that something went wrong, each read for what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from portkey_nb import errors
from tests.gateway import conftest
from tests.gateway.sides import Side
from tests.servers import ScriptedServer, whole

side = conftest.side

ANSWERED = {"x-portkey-provider": "openai", "x-portkey-trace-id": "t-1"}


@dataclass(frozen=True)
class Case:
    """One answer, and what is to be made of it."""

    shape: int
    status: int
    body: Any
    kind: type[errors.APIStatusError]
    says: str
    code: str | None = None
    provider: str | None = "openai"
    trace_id: str | None = "t-1"
    own: bool = False
    """Whether the gateway answered by itself, without headers of its own."""


def _failed(message: str, **more: Any) -> dict[str, Any]:
    return {"status": "failure", "message": message, **more}


def _hosted(message: str, code: str) -> dict[str, Any]:
    text = f"Portkey Error: {message}. Error Code: {code}"
    return _failed(text, error={"message": text, "code": code})


def _refused(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": None, "param": None, "code": None, **more}}


def _admin(message: str, code: str) -> dict[str, Any]:
    return {"success": False, "data": {"message": message, "errorCode": code}}


HOOKS = {"before_request_hooks": [{"id": "g-1", "verdict": False}], "after_request_hooks": []}

CASES = {
    # 1. The provider's own error, its name before it; the code may be a number.
    "provider": Case(
        1,
        400,
        {**_refused("openai error: no such model", code="model_not_found"), "provider": "openai"},
        errors.BadRequestError,
        "openai error: no such model",
        "model_not_found",
    ),
    "provider, number": Case(
        1,
        429,
        {**_refused("google error: quota", code=429), "provider": "google"},
        errors.RateLimitError,
        "google error: quota",
        "429",
    ),
    # 2. A shape that the gateway does not know.
    "unknown shape": Case(
        2,
        500,
        {**_refused('Invalid response received from cohere: {"a":1}'), "provider": "cohere"},
        errors.GatewayError,
        'Invalid response received from cohere: {"a":1}',
    ),
    # 3. The gateway's own; the first of its details is the useful one.
    "gateway": Case(
        3, 400, _failed("Invalid provider passed"), errors.BadRequestError, "Invalid provider passed",
        provider=None, trace_id=None, own=True,
    ),
    "gateway, details": Case(
        3, 400, _failed("Invalid config passed", errors=["path: retry, message: no"]), errors.BadRequestError,
        "Invalid config passed: path: retry, message: no", provider=None, trace_id=None, own=True,
    ),
    # 4. What the provider sent was no JSON, or nothing came of it.
    "html": Case(
        4, 502, {"html-message": "<html><h1>Bad</h1> <script>x()</script>gateway</html>"}, errors.GatewayError,
        "Bad gateway",
    ),
    "no connection": Case(
        4, 500, {"html-message": "Message: fetch failed Cause: Error: connect ECONNREFUSED"}, errors.GatewayError,
        "fetch failed Cause: Error: connect ECONNREFUSED",
    ),
    # 5. The gateway's time limit.
    "time limit": Case(
        5, 408, _refused("Request exceeded the timeout sent in the request: 300ms", type="timeout_error"),
        errors.RequestTimeoutError, "300ms",
    ),
    # 6. A guardrail.
    "guardrail": Case(
        6, 446, {**_refused("The guardrail checks failed", type="hooks_failed"), "hook_results": HOOKS},
        errors.GuardrailError, "The guardrail checks failed",
    ),
    # 7. The hosted gateway about the key.
    "hosted, expired": Case(
        7, 401, _hosted("Expired API Key", "01"), errors.AuthenticationError, "Expired API Key", "01"
    ),
    "hosted, wrong": Case(
        7, 401, _hosted("Invalid API Key", "03"), errors.AuthenticationError, "Invalid API Key", "03"
    ),
    "hosted, forbidden": Case(
        7, 403, _hosted("Forbidden", "033"), errors.PermissionDeniedError, "Forbidden", "033"
    ),
    "hosted, budget": Case(
        7, 412, _hosted("Usage limit exceeded", "04"), errors.BudgetExceededError, "Usage limit exceeded", "04"
    ),
    "hosted, rate": Case(
        7, 429, _hosted("Rate limit exceeded", "05"), errors.RateLimitError, "Rate limit exceeded", "05"
    ),
    # 8. An organisation that wants saved configs alone: the header is named.
    "saved only": Case(
        8, 400, _refused("Inline providers are blocked", code="inline_provider_blocked", field="x-portkey-provider"),
        errors.BadRequestError, "Inline providers are blocked (x-portkey-provider)", "inline_provider_blocked",
    ),
    # 9. The hosted administration (lists of models, configs, providers).
    **{
        f"administration, {code}": Case(9, status, _admin(message, code), kind, message, code)
        for code, status, kind, message in (
            ("AB01", 400, errors.BadRequestError, "Request Validation Error"),
            ("AB03", 403, errors.PermissionDeniedError, "User not allowed to access the resource"),
            ("AB04", 500, errors.GatewayError, "Internal Server Error"),
            ("AB05", 401, errors.AuthenticationError, "Unauthorized access"),
            ("AB06", 429, errors.RateLimitError, "Rate limit exceeded"),
            ("AB07", 409, errors.BadRequestError, "Resource already exists"),
            ("AB08", 404, errors.NotFoundError, "Resource not found"),
            ("AB09", 402, errors.BadRequestError, "Subscription exhausted"),
        )
    },
    # 10. No route; and headers so large that the server says nothing at all.
    "no route": Case(
        10, 404, {"message": "Not Found", "ok": False}, errors.NotFoundError, "Not Found",
        provider=None, trace_id=None, own=True,
    ),
    "too large": Case(
        10, 431, b"", errors.BadRequestError, "the config is too large for a header",
        provider=None, trace_id=None, own=True,
    ),
}  # fmt: skip


def test_all_ten_are_here() -> None:
    assert {case.shape for case in CASES.values()} == set(range(1, 11))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", CASES)
def test_error_shapes(side: Side, name: str, stream: bool) -> None:
    case = CASES[name]
    with ScriptedServer(whole(case.body, case.status, {} if case.own else ANSWERED)) as server:
        client = side.client(base_url=server.url, max_retries=0)
        with pytest.raises(errors.APIStatusError) as caught:
            side.create(client, stream=stream)
    error = caught.value
    assert type(error) is case.kind
    assert error.message.startswith(f"{case.status} ")
    assert case.says in error.message
    assert "{'" not in error.message
    assert "\n" not in error.message
    assert "; " in error.message
    assert (error.status, error.code) == (case.status, case.code)
    assert (error.provider, error.trace_id) == (case.provider, case.trace_id)
    assert error.body == (case.body if isinstance(case.body, dict) else "")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.shape == 9])
def test_lists_say_what_the_administration_says(side: Side, name: str) -> None:
    case = CASES[name]
    with ScriptedServer(whole(case.body, case.status)) as server:
        client = side.client(base_url=server.url, max_retries=0)
        with pytest.raises(case.kind, match=case.says):
            side.models(client)
