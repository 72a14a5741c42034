"""What goes along for Portkey's logs, how it is switched off, and the address of a reply's trace."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb import ask, compare, scorers
from portkey_nb.engine.batch import Batch, Limits
from portkey_nb.engine.call import METADATA_LIMIT, Call
from portkey_nb.engine.reply import Reply
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.traces import run_metadata, trace_url
from portkey_nb.errors import SettingsError
from portkey_nb.gateway.client import Portkey
from portkey_nb.gateway.demo.server import DemoGateway
from portkey_nb.settings import user_file
from tests.servers import COMPLETION, ScriptedServer, Seen, chunk, streamed, whole

OWN = {"run_id", "notebook", "cell_id", "group_id", "group_label"}


def metadata(request: Seen) -> Any:
    return json.loads(request.headers.get("x-portkey-metadata", "null"))


def sent(*calls: Call) -> list[Any]:
    """Make calls as a batch does; return the metadata that each sent."""
    with ScriptedServer(whole(COMPLETION)) as server:
        batch = Batch(Runner(None), [replace(call, base_url=server.url) for call in calls], Limits(concurrency=1))
        list(batch.outcomes())
        return [metadata(request) for request in server.requests]


def a_call(**more: Any) -> Call:
    return Call(**{"model": "m", "messages": [{"role": "user", "content": "a secret plan"}], "stream": False, **more})


FACTS = {"notebook": "C:\\work\\trip.ipynb", "cell_id": "c-1", "group_id": "g-1", "group_label": "trips"}


def test_run_notebook_cell_and_group_go_along_and_nothing_that_was_said() -> None:
    (found,) = sent(a_call(facts={**FACTS, "prompt": "a secret plan", "system": "a secret plan"}))
    run_id = found.pop("run_id")
    assert len(run_id) == 26
    assert found == {"notebook": "trip.ipynb", "cell_id": "c-1", "group_id": "g-1", "group_label": "trips"}


def test_what_the_user_says_goes_before_what_is_ours() -> None:
    tags = {"run_id": "mine", "team": "red"}
    (found,) = sent(a_call(facts=FACTS, options={"metadata": tags}))
    assert found == {**tags, "notebook": "trip.ipynb", "cell_id": "c-1", "group_id": "g-1", "group_label": "trips"}


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(OWN | {"prompt", "text"})), st.text(max_size=300) | st.none()))
def test_each_value_is_a_text_that_portkey_takes(facts: dict[str, Any]) -> None:
    found = run_metadata("01J", facts)
    assert set(found) <= OWN
    assert all(isinstance(text, str) and 0 < len(text) <= METADATA_LIMIT for text in found.values())
    assert found["run_id"] == "01J"


@pytest.mark.parametrize("off", ["0", "false", "Off", "no"])
def test_it_is_switched_off_by_the_environment(off: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_TRACE_METADATA", off)
    assert sent(a_call(facts=FACTS), a_call(options={"metadata": {"team": "red"}})) == [None, {"team": "red"}]
    with ScriptedServer(whole(COMPLETION)) as server:
        ask("Hello", model="m", base_url=server.url, stream=False)
        compare("Hello", "m", client=Portkey(api_key="k-1", base_url=server.url), progress=False)
        ask("Hello", model="m", base_url=server.url, stream=False, trace_metadata=True)
    *without, wanted = map(metadata, server.requests)
    assert without == [None, None]
    assert set(wanted) == {"run_id"}


@pytest.mark.parametrize("value", ["false", '"0"'])
def test_it_is_switched_off_by_the_settings_file(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = user_file()
    path.parent.mkdir(parents=True)
    path.write_text(f"trace_metadata = {value}\n")
    assert sent(a_call(facts=FACTS)) == [None]
    monkeypatch.setenv("PORTKEY_NB_TRACE_METADATA", "1")
    assert sent(a_call()) != [None]


def test_it_is_switched_off_for_one_question() -> None:
    with ScriptedServer(whole(COMPLETION)) as server:
        ask("Hello", model="m", base_url=server.url, stream=False, trace_metadata=False)
    assert metadata(server.requests[0]) is None
    assert b"trace_metadata" not in server.requests[0].body


def test_it_is_switched_for_one_comparison_and_its_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(trace_metadata: Any, **more: Any) -> list[Any]:
        verdict = streamed(chunk('{"reason": "", "score": 1}'), chunk(finish="stop"), b"data: [DONE]\n\n")
        with ScriptedServer(whole(COMPLETION), verdict) as server:
            options = {"client": Portkey(api_key="k-1", base_url=server.url), "cache": False, "progress": False}
            frame = pd.DataFrame({"q": ["Hello"]})
            frame.portkey.complete(
                "{{q}}",
                "m",
                scorers=scorers.judge("n", "Is it a greeting?"),
                trace_metadata=trace_metadata,
                **options,
                **more,
            )
        assert all(b"trace_metadata" not in request.body for request in server.requests)
        assert len(server.requests) == 2
        return [metadata(request) is not None for request in server.requests]

    assert judged(None) == judged(True) == [True, True]
    assert judged(False) == [False, False]
    monkeypatch.setenv("PORTKEY_NB_TRACE_METADATA", "0")
    assert judged(None) == [False, False]
    assert judged(True) == [True, True]
    with pytest.raises(SettingsError, match="trace_metadata is 'no'; give True, False or None"):
        compare("Hello", "m", trace_metadata="no", progress=False)  # type: ignore[arg-type]


def test_a_switch_that_is_neither_on_nor_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_TRACE_METADATA", "maybe")
    with pytest.raises(SettingsError, match="PORTKEY_NB_TRACE_METADATA is 'maybe'; write 1 or 0"):
        ask("Hello", model="m", base_url="demo")
    monkeypatch.delenv("PORTKEY_NB_TRACE_METADATA")
    Path("pyproject.toml").write_text("[tool.portkey_nb]\ntrace_metadata = 7\n")
    with pytest.raises(SettingsError, match=r"setting `trace_metadata` in .* is 7"):
        ask("Hello", model="m", base_url="demo")


def test_a_hosted_reply_knows_where_its_trace_is_and_no_other(
    demo: DemoGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(whole(COMPLETION)) as server:
        assert ask("Hello", model="m", base_url=server.url, stream=False).trace_url is None
        # A proxy on this machine stands for the hosted gateway.
        monkeypatch.setenv("HTTP_PROXY", server.url.removesuffix("/v1"))
        monkeypatch.setenv("PORTKEY_API_KEY", "pk-a-key-of-this-test-alone-0123")
        reply = ask("Hello", model="m", base_url="http://api.portkey.ai/v1", stream=False, trace_id="trip 7/8")
    assert reply.trace_url == "https://app.portkey.ai/logs?traceView=true&selectedTraceId=trip%207%2F8"
    assert Reply(reply.run.with_(trace_id=None)).trace_url is None
    assert ask("Say this is a test", model="gpt-4o", base_url=demo.base_url).trace_url is None


@pytest.mark.parametrize(
    "base_url", [None, "demo", "http://127.0.0.1:8787/v1", "https://notportkey.ai/v1", "https://portkey.ai.example/v1"]
)
def test_no_other_gateway_has_traces_there(base_url: str | None) -> None:
    assert trace_url(base_url, "nb-7f3a") is None
