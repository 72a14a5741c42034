"""What the demo gateway has of hosted Portkey: prompt templates, feedback and saved configs, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from portkey_nb.gateway.client import Portkey
from portkey_nb.gateway.demo.prompts import TEMPLATES
from portkey_nb.gateway.demo.server import DemoGateway


@pytest.fixture(scope="module")
def gateway() -> Iterator[DemoGateway]:
    with DemoGateway(speed=0) as running:
        yield running


@pytest.fixture
def http(gateway: DemoGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.base_url) as client:
        yield client


def test_a_template_is_rendered_with_its_variables(http: httpx.Client) -> None:
    body = {"variables": {"language": "French", "text": "Good morning {{text}}"}}
    answer = http.post("/prompts/pp-demo-translate/render", json=body).json()
    assert answer["success"] is True
    assert answer["data"]["messages"] == [
        {"role": "user", "content": "Translate into French: Good morning {{text}}"},
    ]
    assert (answer["data"]["model"], answer["data"]["temperature"]) == ("gpt-4o-mini", 0)


def test_a_missing_variable_stays_empty(http: httpx.Client) -> None:
    for body in ({}, {"variables": {}}, {"variables": None}, {"variables": {"text": None}}):
        answer = http.post("/prompts/pp-demo-summary@latest/render", json=body).json()
        assert answer["data"]["messages"][-1]["content"] == "Summarise in  sentences: "


@pytest.mark.parametrize("stream", [False, True])
def test_a_template_is_asked(gateway: DemoGateway, http: httpx.Client, stream: bool) -> None:
    variables = {"text": "I love it, it is great."}
    body = {"variables": variables, "stream": stream, "model": "gpt-3.5-turbo"}
    response = http.post("/prompts/pp-demo-classify/completions", json=body, headers={"x-portkey-trace-id": "t-1"})
    assert response.status_code == 200
    assert response.headers["x-portkey-trace-id"] == "t-1"
    if stream:
        assert response.text.endswith("data: [DONE]\n\n")
        *lines, _ = response.text.strip().split("\n\n")
        deltas = [json.loads(line.removeprefix("data: "))["choices"][0]["delta"] for line in lines]
        assert "positive" in "".join(delta.get("content", "") for delta in deltas).lower()
    else:
        assert "positive" in response.json()["choices"][0]["message"]["content"].lower()
        assert response.json()["model"] == "gpt-3.5-turbo"


def test_every_template_can_be_asked_and_is_listed(http: httpx.Client) -> None:
    listed = http.get("/prompts").json()
    assert [entry["slug"] for entry in listed["data"]] == list(TEMPLATES)
    assert listed["total"] == len(TEMPLATES)
    values = {"text": "The cat sat on the mat. It was warm.", "language": "German", "sentences": 1}
    for slug in TEMPLATES:
        response = http.post(f"/prompts/{slug}/completions", json={"variables": values})
        assert response.json()["choices"][0]["message"]["content"].strip()


def test_the_one_saved_config_is_listed(http: httpx.Client) -> None:
    (config,) = http.get("/configs").json()["data"]
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"x-portkey-config": config["slug"]}
    assert http.post("/chat/completions", json=body, headers=headers).status_code == 200


@pytest.mark.parametrize("action", ["render", "completions"])
def test_wrong_prompts_are_refused(http: httpx.Client, action: str) -> None:
    unknown = http.post(f"/prompts/pp-nothing/{action}", json={"variables": {}})
    assert unknown.status_code == 404
    assert "pp-demo-summary" in unknown.json()["message"]
    wrong = http.post(f"/prompts/pp-demo-summary/{action}", json={"variables": ["a"]})
    assert (wrong.status_code, wrong.json()["status"]) == (400, "failure")
    assert http.post(f"/prompts/pp-demo-summary/{action}", content=b"[").status_code == 400
    assert http.get(f"/prompts/pp-demo-summary/{action}").status_code == 405
    headers = {"x-portkey-api-key": "wrong-key"}
    assert http.post(f"/prompts/pp-demo-summary/{action}", json={}, headers=headers).status_code == 401


def test_feedback_is_taken(http: httpx.Client) -> None:
    for body in (
        {"trace_id": "t", "value": 10},
        {"trace_id": "t", "value": -10, "weight": 0.5, "metadata": {"a": "b"}},
    ):
        answer = http.post("/feedback", json=body).json()
        assert answer["status"] == "success"
        assert answer["message"]
        assert len(answer["feedback_ids"]) == 1


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"trace_id": None}, "trace_id"),
        ({"trace_id": ""}, "trace_id"),
        ({"value": 11}, "value"),
        ({"value": -10.5}, "value"),
        ({"value": True}, "value"),
        ({"value": None}, "value"),
        ({"weight": 1.5}, "weight"),
        ({"weight": "heavy"}, "weight"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_wrong_feedback_is_refused_by_name(http: httpx.Client, change: dict[str, Any], name: str) -> None:
    response = http.post("/feedback", json={"trace_id": "t", "value": 1, **change})
    assert response.status_code == 400
    assert f"Invalid {name} passed" in response.json()["message"]


def test_our_own_client_renders_and_asks(gateway: DemoGateway) -> None:
    with Portkey(base_url=gateway.base_url) as portkey:
        rendered = portkey.prompts.render(
            prompt_id="pp-demo-translate", variables={"language": "French", "text": "cat"}
        )
        assert rendered.messages == [{"role": "user", "content": "Translate into French: cat"}]
        assert rendered.model == "gpt-4o-mini"
