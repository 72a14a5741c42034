"""The demo gateway's faults and Configs, over real HTTP."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from portkey_nb.gateway.demo.server import DemoGateway

SLOW_S = 0.3


@pytest.fixture(scope="module")
def gateway() -> Iterator[DemoGateway]:
    with DemoGateway(speed=0, fault_delay=SLOW_S) as running:
        yield running


@pytest.fixture
def http(gateway: DemoGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.base_url) as client:
        yield client


def body(model: str = "gpt-4o", text: str = "Explain recursion", **more: Any) -> dict[str, Any]:
    return {"model": model, "temperature": 0, "messages": [{"role": "user", "content": text}], **more}


def ask(http: httpx.Client, config: Any = None, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    sent = dict(headers or {})
    if config is not None:
        sent["x-portkey-config"] = config if isinstance(config, str) else json.dumps(config)
    return http.post("/chat/completions", json=body(**more), headers=sent)


def target(model: str, **more: Any) -> dict[str, Any]:
    return {"provider": "openai", "override_params": {"model": model}, **more}


def index(response: httpx.Response) -> str:
    return response.headers["x-portkey-last-used-option-index"]


def retries(response: httpx.Response) -> str:
    return response.headers["x-portkey-retry-attempt-count"]


# Faults


def test_429_says_when_to_come_back(http: httpx.Client) -> None:
    for stream in (False, True):
        response = ask(http, model="demo-429", stream=stream)
        assert (response.status_code, response.headers["retry-after"]) == (429, "1")
        assert response.json()["error"]["code"] == "rate_limit_exceeded"


def test_500_is_a_providers_error(http: httpx.Client) -> None:
    response = ask(http, model="demo-500")
    assert response.status_code == 500
    assert set(response.json()) == {"error", "provider"}


def test_flaky_fails_once_for_each_request(http: httpx.Client) -> None:
    def status(trace: str, text: str) -> int:
        return ask(http, model="demo-flaky", text=text, headers={"x-portkey-trace-id": trace}).status_code

    assert [status("a", "one"), status("b", "one"), status("a", "two")] == [500, 500, 500]
    assert [status("a", "one"), status("b", "one"), status("a", "two")] == [200, 200, 200]
    assert [ask(http, model="demo-flaky").status_code for _ in range(2)] == [500, 200]


def test_break_cuts_the_connection(http: httpx.Client) -> None:
    for stream in (False, True):
        with pytest.raises(httpx.RemoteProtocolError):
            ask(http, model="demo-break", stream=stream)


def test_malformed_puts_something_else_than_json_in_the_middle(http: httpx.Client) -> None:
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        ask(http, model="demo-malformed").json()
    events = [line.removeprefix("data: ") for line in ask(http, model="demo-malformed", stream=True).text.split("\n\n")]
    bad = [place for place, event in enumerate(events) if event not in ("", "[DONE]") and not _is_json(event)]
    assert len(bad) == 1
    assert 1 < bad[0] < len(events) - 3


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_noend_ends_without_a_finish_reason(http: httpx.Client) -> None:
    text = ask(http, model="demo-noend", stream=True).text
    assert "[DONE]" not in text
    assert '"finish_reason":"' not in text
    deltas = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"] for line in text.split("\n\n") if line]
    assert "".join(delta.get("content", "") for delta in deltas).startswith("Recursion is")


def test_error200_is_an_error_in_a_good_answer(http: httpx.Client) -> None:
    response = ask(http, model="demo-error200")
    assert response.status_code == 200
    assert "overloaded" in response.json()["error"]["message"]
    streamed = ask(http, model="demo-error200", stream=True)
    assert streamed.status_code == 200
    assert "error" in json.loads(streamed.text.removeprefix("data: "))


def test_stall_keeps_silent_until_the_client_leaves(gateway: DemoGateway, http: httpx.Client) -> None:
    before = gateway.stats().disconnects
    timeout = httpx.Timeout(5, read=0.3)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/chat/completions", json=body("demo-stall", stream=True), timeout=timeout)
    assert gateway.wait_for_disconnect(before + 1)
    with pytest.raises(httpx.ReadTimeout):
        http.post("/chat/completions", json=body("demo-stall"), timeout=timeout)
    assert gateway.wait_for_disconnect(before + 2)


def test_slow_sends_nothing_at_first_and_then_answers(http: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.post("/chat/completions", json=body("demo-slow", stream=True), timeout=httpx.Timeout(5, read=SLOW_S / 3))
    assert ask(http, model="demo-slow").status_code == 200


def test_a_client_that_leaves_ends_its_stream(gateway: DemoGateway, http: httpx.Client) -> None:
    before = gateway.stats()
    more = {"headers": {"x-portkey-demo-speed": "1"}, "json": body(text="Write 500 words about tea", stream=True)}
    with http.stream("POST", "/chat/completions", **more) as response:  # type: ignore[arg-type]
        received = response.iter_raw()
        next(received)
        assert gateway.stats().open_streams == 1
    assert gateway.wait_for_disconnect(before.disconnects + 1)
    assert gateway.stats().open_streams == 0
    assert gateway.stats().requests == before.requests + 1


def test_an_answer_read_to_its_end_is_no_disconnect(gateway: DemoGateway, http: httpx.Client) -> None:
    before = gateway.stats().disconnects
    ask(http, stream=True)
    ask(http)
    http.close()
    with httpx.Client(base_url=gateway.base_url) as other:
        ask(other)
    assert gateway.stats().disconnects == before


# Configs


def test_override_params_win_over_the_body(http: httpx.Client) -> None:
    response = ask(http, {"provider": "anthropic", "override_params": {"model": "claude-sonnet", "max_tokens": 3}})
    assert response.json()["model"] == "claude-sonnet"
    assert response.json()["usage"]["completion_tokens"] == 3
    assert response.headers["x-portkey-provider"] == "anthropic"


def test_fallback_takes_the_next_target_on_any_failure(http: httpx.Client) -> None:
    targets = [target("demo-429"), target("demo-500"), target("claude-sonnet", provider="anthropic")]
    for stream in (False, True):
        response = ask(http, {"strategy": {"mode": "fallback"}, "targets": targets}, stream=stream)
        assert response.status_code == 200
        assert index(response) == "config.targets[2]"
        assert response.headers["x-portkey-provider"] == "anthropic"


def test_fallback_keeps_to_its_status_codes(http: httpx.Client) -> None:
    def route(codes: list[int]) -> httpx.Response:
        strategy = {"mode": "fallback", "on_status_codes": codes}
        return ask(http, {"strategy": strategy, "targets": [target("demo-429"), target("gpt-4o")]})

    assert (route([429]).status_code, index(route([429]))) == (200, "config.targets[1]")
    assert (route([500]).status_code, index(route([500]))) == (429, "config.targets[0]")


def test_the_last_failure_is_the_answer_when_all_fail(http: httpx.Client) -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [target("demo-429"), target("demo-500")]}
    response = ask(http, config)
    assert (response.status_code, index(response)) == (500, "config.targets[1]")


def test_fallback_also_moves_on_from_a_refused_request(http: httpx.Client) -> None:
    bad = {"provider": "openai", "override_params": {"n": 0}}
    response = ask(http, {"strategy": {"mode": "fallback"}, "targets": [bad, target("gpt-4o")]})
    assert (response.status_code, index(response)) == (200, "config.targets[1]")


def test_single_takes_the_first_target(http: httpx.Client) -> None:
    config = {"strategy": {"mode": "single"}, "targets": [target("demo-500"), target("gpt-4o")]}
    assert ask(http, config).status_code == 500


def test_load_is_balanced_by_weight(http: httpx.Client) -> None:
    targets = [target("gpt-4o", weight=0.75), target("gpt-4o-mini", weight=0.25), target("demo-500", weight=0)]
    config = {"strategy": {"mode": "loadbalance"}, "targets": targets}
    seen = Counter(index(ask(http, config, text=f"What is {number}+1?", seed=number)) for number in range(120))
    assert seen["config.targets[0]"] + seen["config.targets[1]"] == 120
    assert seen["config.targets[0]"] > 2 * seen["config.targets[1]"] > 0
    again = {index(ask(http, config, seed=5)) for _ in range(8)}
    assert len(again) == 1


def test_retry_counts_and_says_when_it_is_used_up(http: httpx.Client) -> None:
    flaky = ask(http, {"retry": {"attempts": 2}}, model="demo-flaky", text="retry me")
    assert (flaky.status_code, retries(flaky)) == (200, "1")
    failed = ask(http, {"retry": {"attempts": 2}}, model="demo-500")
    assert (failed.status_code, retries(failed)) == (500, "-1")
    other = ask(http, {"retry": {"attempts": 2, "on_status_codes": [429]}}, model="demo-500")
    assert (other.status_code, retries(other)) == (500, "0")


def test_request_timeout_is_a_408_until_the_headers(http: httpx.Client) -> None:
    response = ask(http, {"request_timeout": 50}, model="demo-slow", stream=True)
    assert response.status_code == 408
    assert response.json() == {
        "error": {
            "message": "Request exceeded the timeout sent in the request: 50ms",
            "type": "timeout_error",
            "param": None,
            "code": None,
        }
    }
    by_header = ask(http, headers={"x-portkey-request-timeout": "50"}, model="demo-slow")
    assert by_header.status_code == 408
    fallback = {
        "strategy": {"mode": "fallback", "on_status_codes": [408]},
        "targets": [target("demo-slow"), target("gpt-4o")],
    }
    moved = ask(http, {**fallback, "request_timeout": 50})
    assert (moved.status_code, index(moved)) == (200, "config.targets[1]")
    # A stream that has begun is not cut: the limit ends with the headers.
    with pytest.raises(httpx.ReadTimeout):
        http.post(
            "/chat/completions",
            json=body("demo-stall", stream=True),
            headers={"x-portkey-config": '{"request_timeout": 50}'},
            timeout=httpx.Timeout(5, read=0.3),
        )


def test_targets_nest_and_inherit(http: httpx.Client) -> None:
    inner = {
        "strategy": {"mode": "fallback"},
        "override_params": {"max_tokens": 4},
        "targets": [target("demo-500"), {"provider": "anthropic", "override_params": {"model": "claude-sonnet"}}],
    }
    config = {
        "strategy": {"mode": "fallback"},
        "retry": {"attempts": 1},
        "override_params": {"max_tokens": 9, "temperature": 0},
        "targets": [target("demo-429"), inner],
    }
    response = ask(http, config)
    assert index(response) == "config.targets[1].targets[1]"
    assert response.json()["model"] == "claude-sonnet"
    assert response.json()["usage"]["completion_tokens"] == 4


def test_the_simple_cache_serves_from_memory(http: httpx.Client) -> None:
    def status(**headers: str) -> tuple[str, str]:
        sent = {f"x-portkey-{name.replace('_', '-')}": value for name, value in headers.items()}
        response = ask(http, {"cache": {"mode": "simple"}}, sent, text="Write an essay about wine", temperature=1)
        return response.headers["x-portkey-cache-status"], response.json()["choices"][0]["message"]["content"]

    first, hit = status(), status()
    assert (first[0], hit[0]) == ("MISS", "HIT")
    assert first[1] == hit[1]
    fresh = status(cache_force_refresh="true")
    assert fresh[0] == "REFRESH"
    assert fresh[1] != first[1]
    assert status() == ("HIT", fresh[1])
    assert status(cache_namespace="mine")[0] == "MISS"


def test_a_cached_answer_streams_and_grows_old(http: httpx.Client) -> None:
    config = {"cache": {"mode": "simple", "max_age": 60}}
    whole = ask(http, config, text="Write an essay about salt", temperature=1)
    streamed = ask(http, config, text="Write an essay about salt", temperature=1, stream=True)
    assert streamed.headers["x-portkey-cache-status"] == "HIT"
    chunks = [json.loads(line.removeprefix("data: ")) for line in streamed.text.split("\n\n")[:-2]]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == whole.json()["choices"][0]["message"]["content"]
    old = ask(http, {"cache": {"mode": "simple", "max_age": 1e-9}}, text="Write an essay about salt", temperature=1)
    assert old.headers["x-portkey-cache-status"] == "MISS"


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"strategy": {"mode": "roundrobin"}, "targets": [target("gpt-4o")]}, "path: strategy,mode"),
        ({"strategy": {"mode": "conditional"}, "targets": [target("gpt-4o")]}, "path: strategy,conditions"),
        ({"strategy": {"mode": "fallback"}}, "path: targets"),
        ({"strategy": {"mode": "fallback"}, "targets": []}, "path: targets"),
        ({"strategy": {"mode": "fallback"}, "targets": ["gpt-4o"]}, "path: targets,0"),
        ({"strategy": {"mode": "loadbalance"}, "targets": [target("gpt-4o", weight=-1)]}, "path: targets,0,weight"),
        ({"strategy": {"mode": "loadbalance"}, "targets": [target("gpt-4o", weight=0)]}, "path: targets"),
        ({"strategy": {"mode": "fallback", "on_status_codes": 429}, "targets": [target("a")]}, "on_status_codes"),
        ({"targets": [{"provider": "openia"}]}, "path: targets,0,provider"),
        ({"targets": [{"provider": "@prod"}]}, "path: targets,0,provider"),
        ({"targets": [{"virtual_key": "saved"}]}, "path: targets,0,virtual_key"),
        ({"retry": {"attempts": "many"}}, "path: retry,attempts"),
        ({"request_timeout": 0}, "path: request_timeout"),
        ({"cache": {"mode": "semantic"}}, "path: cache,mode"),
        ({"override_params": []}, "path: override_params"),
        ({"input_guardrails": [{"default.contains": {}}]}, "path: input_guardrails"),
    ],
)
def test_a_wrong_config_is_named_by_its_path(http: httpx.Client, config: Any, path: str) -> None:
    response = ask(http, config)
    assert response.status_code == 400
    assert response.json()["status"] == "failure"
    assert response.json()["message"] == "Invalid config passed"
    assert path in response.json()["errors"][0]


@pytest.mark.parametrize("config", ["{", '{"a":', "[1,"])
def test_a_config_that_is_no_json_is_refused(http: httpx.Client, config: str) -> None:
    response = ask(http, config)
    assert response.status_code == 400
    assert response.json() == {
        "status": "failure",
        "message": "Invalid config passed. You need to pass a valid json",
    }
