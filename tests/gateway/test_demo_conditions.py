"""The demo gateway's conditional routing, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from portkey_nb.gateway.demo.server import DemoGateway


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with DemoGateway(speed=0) as gateway, httpx.Client(base_url=gateway.base_url) as client:
        yield client


def target(name: str, model: str = "gpt-4o", **more: Any) -> dict[str, Any]:
    return {"provider": "openai", "name": name, "override_params": {"model": model}, **more}


def ask(http: httpx.Client, config: Any, metadata: Any = None, **body: Any) -> httpx.Response:
    headers = {"x-portkey-config": json.dumps(config)}
    if metadata is not None:
        headers["x-portkey-metadata"] = metadata if isinstance(metadata, str) else json.dumps(metadata)
    sent = {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": "Hello"}], **body}
    return http.post("/chat/completions", json=sent, headers=headers)


def routed(query: Any, **strategy: Any) -> dict[str, Any]:
    conditions = [{"query": query, "then": "yes"}]
    return {
        "strategy": {"mode": "conditional", "conditions": conditions, "default": "no", **strategy},
        "targets": [target("no"), target("yes", "gpt-4o-mini")],
    }


def index(response: httpx.Response) -> str:
    return response.headers["x-portkey-last-used-option-index"]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"metadata.tier": {"$eq": "paid"}}, True),
        ({"metadata.tier": "paid"}, True),
        ({"metadata.tier": {"$eq": "free"}}, False),
        ({"metadata.tier": {"$ne": "free"}}, True),
        ({"metadata.nothing": {"$ne": "free"}}, True),
        ({"metadata.nothing": {"$eq": "free"}}, False),
        ({"metadata.score": {"$gt": 4}}, True),
        ({"metadata.score": {"$gt": 5}}, False),
        ({"metadata.score": {"$gte": 5}}, True),
        ({"metadata.score": {"$lt": 5}}, False),
        ({"metadata.score": {"$lte": "5"}}, True),
        ({"metadata.tier": {"$gt": 1}}, False),
        ({"metadata.tier": {"$in": ["paid", "gold"]}}, True),
        ({"metadata.tier": {"$nin": ["paid", "gold"]}}, False),
        ({"metadata.tier": {"$regex": "^pa"}}, True),
        ({"params.model": {"$regex": "^claude"}}, False),
        ({"params.max_tokens": {"$gte": 10, "$lt": 100}}, True),
        ({"params.stream": {"$eq": False}}, True),
        ({"url.pathname": {"$regex": "chat/completions$"}}, True),
        ({"url.pathname": {"$eq": "/v1/embeddings"}}, False),
        ({"$and": [{"metadata.tier": "paid"}, {"metadata.score": {"$gt": 9}}]}, False),
        ({"$or": [{"metadata.tier": "free"}, {"$and": [{"metadata.score": "5"}]}]}, True),
        ({"metadata.tier": "paid", "params.model": "other"}, False),
    ],
)
def test_queries_choose_the_target(http: httpx.Client, query: Any, fits: bool) -> None:
    response = ask(http, routed(query), {"tier": "paid", "score": "5"}, max_tokens=50, stream=False)
    assert response.json()["model"] == ("gpt-4o-mini" if fits else "gpt-4o")
    assert index(response) == f"config.targets[{int(fits)}]"


def test_the_first_query_that_fits_counts(http: httpx.Client) -> None:
    config = routed({"metadata.tier": "paid"})
    config["strategy"]["conditions"].append({"query": {"metadata.tier": {"$ne": ""}}, "then": "no"})
    assert index(ask(http, config, {"tier": "paid"})) == "config.targets[1]"


@pytest.mark.parametrize("strategy", [{"default": None}, {"default": "nobody"}])
def test_no_target_is_a_400_of_the_gateway(http: httpx.Client, strategy: dict[str, Any]) -> None:
    response = ask(http, routed({"metadata.tier": "paid"}, **strategy))
    assert response.status_code == 400
    assert response.json() == {
        "status": "failure",
        "message": "Query router did not resolve to any valid target",
    }
    assert "x-portkey-last-used-option-index" not in response.headers


def test_metadata_that_is_no_json_fits_nothing(http: httpx.Client) -> None:
    assert index(ask(http, routed({"metadata.tier": "paid"}), "{")) == "config.targets[0]"


def test_conditions_nest_with_fallback_and_load_balancing(http: httpx.Client) -> None:
    spare = {
        "name": "yes",
        "strategy": {"mode": "fallback"},
        "targets": [target("first", "demo-500"), target("second", "gpt-4o-mini")],
    }
    config = routed({"metadata.tier": "paid"})
    config["targets"][1] = spare
    response = ask(http, config, {"tier": "paid"})
    assert (response.json()["model"], index(response)) == ("gpt-4o-mini", "config.targets[1].targets[1]")
    above = {"strategy": {"mode": "fallback"}, "targets": [target("broken", "demo-500"), config]}
    assert index(ask(http, above, {"tier": "free"})) == "config.targets[1].targets[0]"
    balanced = {"strategy": {"mode": "loadbalance"}, "targets": [config]}
    assert index(ask(http, balanced, {"tier": "free"})) == "config.targets[0].targets[0]"


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        (None, "path: strategy,conditions"),
        ([], "path: strategy,conditions"),
        ([{"query": {"metadata.a": 1}}], "path: strategy,conditions,0,then"),
        ([{"query": {}, "then": "yes"}], "path: strategy,conditions,0,query"),
        ([{"query": {"metadata.a": {"$like": 1}}, "then": "yes"}], "'$like' is no operator"),
        ([{"query": {"tier": 1}, "then": "yes"}], "'tier' is no path of a query"),
        ([{"query": {"metadata.a": {"$in": "x"}}, "then": "yes"}], "$in takes a list"),
        ([{"query": {"metadata.a": {"$regex": "("}}, "then": "yes"}], "is no regular expression"),
        ([{"query": {"$or": {}}, "then": "yes"}], "$or takes a list"),
    ],
)
def test_a_wrong_condition_is_named_by_its_path(http: httpx.Client, conditions: Any, said: str) -> None:
    response = ask(http, routed({}, conditions=conditions))
    assert response.status_code == 400
    assert any(said in error for error in response.json()["errors"])


def test_another_host_is_refused_in_one_sentence(http: httpx.Client) -> None:
    config = {"provider": "openai", "api_key": "sk-secret", "custom_host": "http://127.0.0.1:11434/v1"}
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"x-portkey-custom-host": "http://127.0.0.1:11434/v1"}
    for response in (ask(http, config), http.post("/chat/completions", json=body, headers=headers)):
        assert response.status_code == 400
        assert "reaches no other host" in response.json()["message"]
        assert "portkey-nb gateway" in response.json()["message"]
        assert "sk-secret" not in response.text
