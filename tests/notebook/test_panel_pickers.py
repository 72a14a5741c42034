"""The model pickers: which models are chosen, what is offered, and what is said where there is no list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import pytest

from portkey_nb.engine.store import open_store
from portkey_nb.errors import PromptError
from portkey_nb.gateway.demo.server import DemoGateway
from tests.engine.runs_of import done
from tests.hostile import REPLIES
from tests.notebook.fields_page import Page, pages
from tests.safe_html import dangers
from tests.servers import CLOSE, STALL, ScriptedServer, whole

MORE = "+ Compare with another model"


@pytest.fixture
def panel() -> Iterator[Callable[..., Page]]:
    with pages() as make:
        yield make


def models(*names: str) -> list[Any]:
    return whole({"object": "list", "data": [{"id": name, "owned_by": "somebody"} for name in names]})


def test_the_model_given_goes_before_the_setting(panel: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_MODEL", "from-settings")
    assert panel(models=("given",)).fields.composed.models == ("given",)
    assert panel(models=()).fields.composed.models == ("from-settings",)


def test_without_a_model_nothing_can_be_sent(panel: Callable[..., Page]) -> None:
    page = panel(models=())
    assert page.trouble.startswith("no model: choose one")
    page.type("Model", " any-name ")
    assert (page.trouble, page.fields.composed.models, page.told) == ("", ("any-name",), 1)


def test_up_to_four_models_stand_side_by_side(panel: Callable[..., Page]) -> None:
    page = panel(models=("gpt-4o",))
    page.control(MORE).click()
    assert page.trouble == "no model in picker 2: choose one, or remove the picker"
    page.type("Model 2", "gpt-4o")
    page.control(MORE).click()
    page.type("Model 3", "c")
    page.control(MORE).click()
    page.type("Model 4", "d")
    assert MORE not in page.labels()
    assert page.fields.composed.models == ("gpt-4o", "gpt-4o", "c", "d")
    calls, _ = page.fields.composed.calls([{"role": "user", "content": "Hi"}], {})
    assert [call.label for call in calls] == ["gpt-4o", "gpt-4o (2)", "c", "d"]
    page.control("Remove model 2").click()
    page.control("Remove model 3").click()
    assert page.fields.composed.models == ("gpt-4o", "c")
    page.control("Remove model 1").click()
    assert page.fields.composed.models == ("c",)
    assert [label for label in page.labels() if "emove" in label] == []
    with pytest.raises(PromptError, match="5 models are given"):
        page.fields.set_models("abcde")


def test_nothing_is_asked_of_a_gateway_before_the_panel_is_shown(panel: Callable[..., Page]) -> None:
    with ScriptedServer(models("one", "two")) as server, ScriptedServer(models("other")) as elsewhere:
        page = panel(base_url=server.url, models=("mine",))
        page.type("Provider", "openai")
        # A request that was made by now would be there before that of a panel which is shown later.
        shown = panel(base_url=elsewhere.url)
        shown.fields.refresh()
        shown.until(lambda: shown.control("Model").options == ("other",))
        assert server.requests == []
        assert page.fields.known[0] == "mine"
        page.fields.refresh()
        page.until(lambda: page.control("Model").options == ("one", "two"))
        assert [request.path for request in server.requests] == ["/v1/models"]
        assert server.requests[0].headers["x-portkey-provider"] == "openai"
        assert page.fields.known == ["mine", "one", "two"]
        assert page.told == 1


def test_without_a_key_no_gateway_is_asked_and_that_is_said(panel: Callable[..., Page]) -> None:
    page = panel(base_url=None)
    page.listed("no Portkey key and no base URL")
    assert "gpt-4o" in page.control("Model").options
    assert page.trouble == ""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (models(), "The gateway lists no models; any name may be typed."),
        (whole({"error": {"message": "no scope for models"}}, 403), "This key may not list models"),
        (whole({"error": {"message": "who are you?"}}, 401), "This key may not list models"),
        (whole(b"<html>not here</html>", 404), "No list of models"),
        (whole({"error": {"message": " ".join(REPLIES.values())[:2000]}}, 400), "No list of models"),
    ],
)
def test_why_there_is_no_list_is_one_muted_line(panel: Callable[..., Page], script: list[Any], said: str) -> None:
    open_store().write([(done(model="logged-before"), False)])
    with ScriptedServer(script) as server:
        page = panel(base_url=server.url)
        page.listed(said)
    assert dangers(page.lines()) == []
    assert {"logged-before", "claude-sonnet"} <= {*page.control("Model").options, *page.fields.known}
    page.type("Model", "any-name")
    assert (page.trouble, page.fields.composed.models) == ("", ("any-name",))


def test_a_dead_gateway_costs_no_more_than_the_list(panel: Callable[..., Page]) -> None:
    with ScriptedServer([CLOSE]) as server:
        dead = server.url
    page = panel(base_url=dead)
    page.listed("cannot reach")
    assert page.trouble == ""


def test_of_ten_thousand_models_those_are_offered_that_hold_what_is_typed(panel: Callable[..., Page]) -> None:
    names = [f"vendor/model-{number:05}" for number in range(10_000)]
    with ScriptedServer(models(*names)) as server:
        page = panel(base_url=server.url, models=("model-0999",))
        page.listed("10,000 models")
    assert page.control("Model").options == tuple(names[9990:])
    page.type("Model", "VENDOR/model-001")
    assert page.control("Model").options == tuple(names[100:200])
    page.type("Model", "")
    assert len(page.control("Model").options) == len(page.fields.known) == 300


def test_names_that_cannot_be_names_are_not_offered(panel: Callable[..., Page]) -> None:
    with ScriptedServer(models("good", "good", "bad\x1b[31m", "x" * 5000, "<b>odd</b>")) as server:
        page = panel(base_url=server.url)
        page.fields.refresh()
        page.until(lambda: page.control("Model").options == ("good", "<b>odd</b>"))


def test_the_list_follows_where_requests_go(panel: Callable[..., Page], demo: DemoGateway) -> None:
    with ScriptedServer([STALL]) as slow, ScriptedServer(models("one"), models("two")) as server:
        page = panel(base_url=slow.url)
        page.fields.refresh()
        page.type("Base URL", server.url)
        page.until(lambda: page.control("Model").options == ("one",))
        page.type("Virtual key", "vk-1")
        page.until(lambda: page.control("Model").options == ("two",))
        assert server.requests[-1].headers["x-portkey-virtual-key"] == "vk-1"
        page.type("Base URL", demo.base_url)
        page.until(lambda: "claude-sonnet" in page.control("Model").options)


def test_what_becomes_of_parameters_is_said_beforehand(panel: Callable[..., Page]) -> None:
    page = panel(models=("claude-sonnet",), params={"temperature": 1.5})
    page.fields.refresh()
    page.says("`temperature` 1.5 is limited to 1 by anthropic")
    page.control(MORE).click()
    page.type("Model 2", "gpt-4o")
    page.says("claude-sonnet: `temperature`")
    page.type("temperature", "0")
    page.until(lambda: "limited" not in page.lines())
    assert page.trouble == ""


def test_a_demand_of_the_provider_is_said_beforehand(panel: Callable[..., Page]) -> None:
    with ScriptedServer(models("claude")) as server:
        page = panel(base_url=server.url, models=("claude",), options={"provider": "anthropic"})
        page.fields.refresh()
        page.says("anthropic answers only where `max_tokens` is set")
        page.type("max_tokens", "64")
        page.until(lambda: "max_tokens" not in page.lines())


def test_what_goes_with_each_request_is_listed_without_its_values(panel: Callable[..., Page]) -> None:
    def weather(city: str) -> str:
        """Tell the weather."""
        return city

    class Person:
        name: str

    others = {"tools": [weather], "schema": Person, "tags": {"run": 7}, "timeout": 5}
    page = panel(others=others, options={"api_key": "pk-secret", "trace_id": "t-1"})
    assert "tools: weather · schema: Person · tags: run=7 · as given: timeout, api_key, trace_id" in page.lines()
    assert "pk-secret" not in page.lines()
    assert page.fields.composed.others == {**others, "stream": True}


def test_headings_tell_what_is_set_in_a_folded_group(panel: Callable[..., Page]) -> None:
    page = panel(params={"temperature": 0}, options={"config": "pc-1"})
    assert {"Parameters · temperature 0", "Routing · demo", "Config · pc-1"} <= set(page.labels())
    page.type("seed", "x")
    assert "Parameters · not right yet" in page.labels()


def test_closed_fields_leave_no_widget_behind(panel: Callable[..., Page]) -> None:
    before = set(ipywidgets.Widget.get_manager_state()["state"])
    page = panel()
    page.control(MORE).click()
    page.control("Remove model 1").click()
    page.fields.close()
    after = ipywidgets.Widget.get_manager_state()["state"]
    assert {after[name]["model_name"] for name in after.keys() - before} == set()
