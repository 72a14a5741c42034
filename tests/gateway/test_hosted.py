"""Prompts, feedback, configs and models of the hosted gateway, alike for blocking calls and for ``await``."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest

from portkey_nb import AsyncPortkey, Config, Portkey
from portkey_nb.errors import (
    APIStatusError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    PromptError,
    SettingsError,
)
from portkey_nb.gateway.hosted import not_allowed
from tests.gateway.sides import Asynchronous, Side
from tests.servers import COMPLETION, HELLO, ScriptedServer, streamed, whole

RENDERED = {
    "success": True,
    "data": {
        "model": "gpt-4o",
        "temperature": 0.2,
        "max_tokens": None,
        "stream": False,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell me of salt."}],
    },
}
CONFIGS = {
    "success": True,
    "data": [{"id": "4e54a1a4", "name": "steady", "slug": "pc-steady-ca7a87", "is_default": 0, "status": "active"}],
}
PROMPTS = {
    "data": [{"id": "3c90", "slug": "pp-salt", "name": "salt", "model": "gpt-4o", "status": "active"}],
    "total": 1,
}
MODELS = {"object": "list", "total": 2, "data": [{"id": "@a/x", "slug": "x"}, {"id": "@b/y", "slug": "y"}]}
FEEDBACK = {"status": "success", "message": "Feedback successfully saved", "feedback_ids": ["f-1"]}


def done(side: Side, value: Any) -> Any:
    """Return what a method of either client gives."""
    return side.runner.run(value) if isinstance(side, Asynchronous) and inspect.iscoroutine(value) else value


def test_a_template_is_rendered(side: Side) -> None:
    with ScriptedServer(whole(RENDERED)) as server:
        client = side.client(base_url=server.url, api_key="pk-1", provider="openai", Authorization="sk-provider")
        answer = done(
            side,
            client.prompts.render(prompt_id="pp-salt@latest", variables={"topic": "salt"}, temperature=0.2, n=None),
        )
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/prompts/pp-salt@latest/render")
    assert request.json == {"variables": {"topic": "salt"}, "temperature": 0.2}
    assert request.headers["x-portkey-api-key"] == "pk-1"
    # The provider's key is none of the prompt library's business.
    assert "authorization" not in request.headers
    assert answer.messages == RENDERED["data"]["messages"]  # type: ignore[index]
    assert answer.model == "gpt-4o"
    assert answer.params == {"temperature": 0.2}
    answer.messages.clear()
    assert len(answer.messages) == 2


def test_a_rendered_template_can_be_asked(side: Side) -> None:
    with ScriptedServer(whole(RENDERED), whole(COMPLETION)) as server:
        client = side.client(base_url=server.url, api_key="pk-1")
        made = done(side, client.prompts.render(prompt_id="pp-salt"))
        side.create(client, messages=made.messages, model=made.model, **made.params)
    assert server.requests[0].json == {"variables": {}}
    assert server.requests[1].json == {
        "model": "gpt-4o",
        "messages": RENDERED["data"]["messages"],  # type: ignore[index]
        "temperature": 0.2,
    }


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({"prompt": "Tell me of salt."}, [{"role": "user", "content": "Tell me of salt."}]),
        ({}, []),
        (None, []),
        ({"messages": "none"}, []),
    ],
)
def test_templates_of_other_kinds(side: Side, data: Any, messages: list[Any]) -> None:
    with ScriptedServer(whole({"success": True, "data": data})) as server:
        answer = done(side, side.client(base_url=server.url).prompts.render(prompt_id="pp-1"))
    assert (answer.messages, answer.model, answer.params) == (messages, None, {})


def test_a_template_is_answered(side: Side) -> None:
    documented = {"status": "success", "headers": {}, "body": COMPLETION}
    with ScriptedServer(whole(COMPLETION), whole(documented)) as server:
        client = side.client(base_url=server.url, api_key="pk-1", trace_id="t-1")
        for _ in range(2):
            answer = done(
                side,
                client.prompts.completions.create(
                    prompt_id="pp-salt",
                    variables={"topic": "salt"},
                    max_tokens=9,
                    seed=None,
                    extra_headers={"x-a": "b"},
                ),
            )
            assert answer.choices[0].message.content == "Hello"
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/prompts/pp-salt/completions")
    assert request.json == {"variables": {"topic": "salt"}, "max_tokens": 9}
    assert request.headers["x-portkey-trace-id"] == "t-1"
    assert request.headers["x-a"] == "b"


def test_a_templates_answer_streams(side: Side) -> None:
    with ScriptedServer(streamed(*HELLO)) as server:
        client = side.client(base_url=server.url)
        stream = done(side, client.prompts.completions.create(prompt_id="pp-salt", stream=True))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in side.read(stream))
    assert text == "Hello"
    assert server.requests[0].json == {"variables": {}, "stream": True}
    assert server.requests[0].headers["accept"] == "text/event-stream"


def test_feedback_is_sent_once(side: Side) -> None:
    with ScriptedServer(whole(FEEDBACK), whole({"message": "no"}, 503)) as server:
        client = side.client(base_url=server.url, api_key="pk-1", config={"provider": "openai", "api_key": "sk-1"})
        answer = done(
            side, client.feedback.create(trace_id="t-1", value=-10, weight=0.5, metadata={"_user": "ana", "n": 1})
        )
        with pytest.raises(Exception, match="503"):
            done(side, client.feedback.create(trace_id="t-1", value=0))
    assert answer.feedback_ids == ["f-1"]
    assert answer.status == "success"
    first, second = server.requests
    assert (first.method, first.path) == ("POST", "/v1/feedback")
    assert first.json == {"trace_id": "t-1", "value": -10, "weight": 0.5, "metadata": {"_user": "ana", "n": 1}}
    assert second.json == {"trace_id": "t-1", "value": 0}
    assert "x-portkey-config" not in first.headers


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"value": 11}, "value is 11; give a whole number from -10 to 10"),
        ({"value": 1.5}, "value is 1.5"),
        ({"value": True}, "value is True"),
        ({"value": 1, "weight": 1.01}, "weight is 1.01; give a number from 0 to 1"),
        ({"value": 1, "weight": "1"}, "weight is '1'"),
        ({"value": 1, "trace_id": " "}, "trace_id is ' '"),
        ({"value": 1, "trace_id": None}, "trace_id is None"),
        ({"value": 1, "metadata": "text"}, "metadata is str"),
        ({"value": 1, "metadata": {"x": object()}}, "type object is no JSON"),
    ],
)
def test_feedback_out_of_range_is_not_sent(side: Side, given: dict[str, Any], said: str) -> None:
    with ScriptedServer() as server, pytest.raises(PromptError, match=said):
        done(side, side.client(base_url=server.url).feedback.create(**{"trace_id": "t-1", **given}))
    assert server.requests == []


def test_saved_configs_and_prompts_are_listed(side: Side) -> None:
    with ScriptedServer(whole(CONFIGS), whole(PROMPTS)) as server:
        client = side.client(base_url=server.url, api_key="pk-1", provider="openai")
        configs = done(side, client.configs.list(workspace_id="w 1"))
        prompts = done(side, client.prompts.list(page_size=5, search=None))
    assert [(config.slug, config.name) for config in configs] == [("pc-steady-ca7a87", "steady")]
    assert (len(prompts), prompts.total, next(iter(prompts)).model) == (1, 1, "gpt-4o")
    assert [request.path for request in server.requests] == ["/v1/configs?workspace_id=w+1", "/v1/prompts?page_size=5"]
    assert all("x-portkey-provider" not in request.headers for request in server.requests)


def test_models_are_listed_by_a_query(side: Side) -> None:
    with ScriptedServer(whole(MODELS)) as server:
        client = side.client(base_url=server.url, api_key="pk-1")
        done(side, client.models.list())
        found = done(side, client.models.list(ai_service="openai", limit=2, offset=0, sort="name", order="desc"))
        done(side, client.with_options(provider="openai").models.list(only_new=True))
    assert [model.id for model in found] == ["@a/x", "@b/y"]
    assert [request.path for request in server.requests] == [
        "/v1/models",
        "/v1/models?ai_service=openai&limit=2&offset=0&sort=name&order=desc",
        "/v1/models?only_new=true",
    ]
    assert server.requests[2].headers["x-portkey-provider"] == "openai"


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDeniedError)])
@pytest.mark.parametrize(("what", "still"), [("models", "gpt-4o"), ("prompts", "pp-..."), ("configs", "pc-...")])
def test_a_listing_that_a_key_may_not_see_is_no_failure(
    side: Side, what: str, still: str, status: int, kind: type[Exception]
) -> None:
    refused = {"status": "failure", "message": "You do not have permission; ask for pk-secret-1", "error": {}}
    with ScriptedServer(whole(refused, status)) as server:
        client = side.client(base_url=server.url, api_key="pk-secret-1")
        with pytest.raises(kind) as caught:
            done(side, getattr(client, what).list())
        message = str(caught.value)
        assert f"{status} listing {what} is not allowed for this key (You do not have permission)" in message
        assert still in message
        assert "pk-secret-1" not in message
        assert "\n" not in message
        assert not_allowed(caught.value)
        # Elsewhere the same answer is one.
        with pytest.raises(kind) as failed:
            side.create(client)
        assert not not_allowed(failed.value)


def test_other_errors_of_listings_stay_what_they_are(side: Side) -> None:
    with ScriptedServer(whole({"message": "Not Found", "ok": False}, 404)) as server:
        with pytest.raises(NotFoundError) as caught:
            done(side, side.client(base_url=server.url).configs.list())
        assert not not_allowed(caught.value)


def test_a_failure_in_a_good_answer_is_one(side: Side) -> None:
    with ScriptedServer(whole({"status": "failure", "message": "No such prompt"})) as server:
        client = side.client(base_url=server.url)
        with pytest.raises(APIStatusError, match="No such prompt"):
            done(side, client.prompts.render(prompt_id="pp-1"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"prompt_id": " "}, "prompt_id is ' '"),
        ({"prompt_id": None}, "prompt_id is None"),
        ({"prompt_id": "pp-1", "variables": "salt"}, "variables is str"),
        ({"prompt_id": "pp-1", "variables": {"x": object()}}, "type object is no JSON"),
        ({"prompt_id": "pp-1", "variables": {"x": float("nan")}}, "cannot be encoded"),
        ({"prompt_id": "pp-1", "variables": {"x": "half \ud83d"}}, "cannot be encoded"),
    ],
)
def test_prompts_that_cannot_be_sent(side: Side, given: dict[str, Any], said: str) -> None:
    with ScriptedServer() as server:
        client = side.client(base_url=server.url)
        for create in (client.prompts.render, client.prompts.completions.create):
            with pytest.raises(PromptError, match=said):
                done(side, create(**given))
        with pytest.raises(PromptError, match="stream is 'yes'"):
            done(side, client.prompts.completions.create(prompt_id="pp-1", stream="yes"))
    assert server.requests == []


def test_an_id_stays_within_its_place(side: Side) -> None:
    with ScriptedServer(whole(RENDERED)) as server:
        done(side, side.client(base_url=server.url).prompts.render(prompt_id="../feedback?x=1"))
    assert server.requests[0].path == "/v1/prompts/..%2Ffeedback%3Fx%3D1/render"


def test_a_key_given_as_authorization_serves(side: Side) -> None:
    with ScriptedServer(whole(CONFIGS)) as server:
        done(side, side.client(base_url=server.url, Authorization="pk-1").configs.list())
    assert server.requests[0].headers["authorization"] == "Bearer pk-1"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda client: client.prompts.render(prompt_id="pp-1"), "prompt templates live in Portkey"),
        (lambda client: client.prompts.completions.create(prompt_id="pp-1"), "send the messages themselves"),
        (lambda client: client.prompts.list(), "saved prompts live in Portkey"),
        (lambda client: client.feedback.create(trace_id="t", value=1), "feedback and the logs"),
        (lambda client: client.configs.list(), "give the Config inline"),
        (lambda client: client.models.list(), "give `provider`"),
    ],
)
def test_the_open_source_gateway_is_sent_none_of_it(side: Side, call: Any, said: str) -> None:
    client = side.client(base_url="local")
    with pytest.raises(SettingsError, match=said) as caught:
        done(side, call(client))
    assert "the open-source gateway at http://127.0.0.1:8787/v1" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("options", [{"provider": "openai"}, {"config": Config(provider="openai")}])
def test_the_open_source_gateway_hands_on_a_providers_models(side: Side, options: dict[str, Any]) -> None:
    request = side.client(base_url="local", **options)._listing("models", {})
    assert request.path == "/models"


def test_both_clients_have_the_same_parts() -> None:
    parts = ("chat.completions", "models", "prompts", "prompts.completions", "feedback", "configs")
    for part in parts:
        found: list[Any] = [Portkey(base_url="local"), AsyncPortkey(base_url="local")]
        for name in part.split("."):
            found = [getattr(item, name) for item in found]
        blocking, awaited = (
            {name: inspect.signature(member) for name, member in inspect.getmembers(item, inspect.ismethod)}
            for item in found
        )
        awaited.pop("perform", None)
        for names in (blocking, awaited):
            names.pop("__init__")
        assert set(blocking) == set(awaited), part
        for name, signature in blocking.items():
            assert list(signature.parameters.values()) == list(awaited[name].parameters.values()), f"{part}.{name}"


def test_a_body_keeps_every_letter(side: Side) -> None:
    with ScriptedServer(whole(RENDERED)) as server:
        done(
            side,
            side.client(base_url=server.url).prompts.render(prompt_id="pp-1", variables={"a": "é😀 {{b}}"}),
        )
    assert json.loads(server.requests[0].body)["variables"] == {"a": "é😀 {{b}}"}
