"""What a gateway lists: names in its order, and why there is no list."""

from __future__ import annotations

from typing import Any

import pytest

from portkey_nb.engine.catalogue import ModelName, list_models
from portkey_nb.engine.loop import submit
from portkey_nb.errors import APIConnectionError, AuthenticationError, PortkeyError, SettingsError
from portkey_nb.gateway.demo.server import DemoGateway
from portkey_nb.gateway.hosted import not_allowed
from portkey_nb.settings import Secret
from tests.servers import CLOSE, ScriptedServer, whole


def listed(base_url: str | None, **options: Any) -> list[ModelName]:
    return submit(list_models(base_url, options)).result(timeout=30)


def test_models_come_with_who_serves_them_in_the_gateway_s_order() -> None:
    answer = {"object": "list", "data": [{"id": "b", "owned_by": "openai"}, {"id": "a"}, {"owned_by": "nobody"}]}
    with ScriptedServer(whole(answer)) as server:
        assert listed(server.url) == [ModelName("b", "openai"), ModelName("a", "")]
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/v1/models")


def test_the_demo_gateway_lists_its_models(demo: DemoGateway) -> None:
    assert ModelName("claude-sonnet", "anthropic") in listed(demo.base_url)


def test_a_provider_s_own_list_is_asked_for_with_its_name_and_key() -> None:
    with ScriptedServer(whole({"data": []})) as server:
        assert listed(server.url, provider="openai", virtual_key=Secret("vk-1")) == []
    (request,) = server.requests
    assert (request.headers["x-portkey-provider"], request.headers["x-portkey-virtual-key"]) == ("openai", "vk-1")


@pytest.mark.parametrize("base_url", [None, "https://api.portkey.ai/v1"])
def test_without_a_key_the_hosted_gateway_is_not_asked(base_url: str | None) -> None:
    with pytest.raises(SettingsError, match="no Portkey key"):
        listed(base_url)


def test_a_key_that_may_not_list_is_told_from_a_failure() -> None:
    with (
        ScriptedServer(whole({"error": {"message": "no scope"}}, 403)) as server,
        pytest.raises(PortkeyError) as caught,
    ):
        listed(server.url)
    assert not_allowed(caught.value)
    with ScriptedServer(whole({"error": {"message": "who?"}}, 401)) as server, pytest.raises(AuthenticationError):
        listed(server.url)


def test_a_gateway_that_hangs_up_is_a_failure() -> None:
    with ScriptedServer([CLOSE]) as server, pytest.raises(APIConnectionError) as caught:
        listed(server.url)
    assert not not_allowed(caught.value)
