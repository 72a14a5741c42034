"""Cells and their traces: metadata switched for a notebook, spans within the cell's own, an address for each reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portkey_nb.errors import PortkeyError
from tests.servers import COMPLETION, HELLO, ScriptedServer, streamed, whole
from tests.telemetry import Telemetry


def cell(shell: Any, line: str, body: str) -> Any:
    return shell.run_cell_magic("portkey", line, body)


def test_a_notebook_switches_its_metadata(
    shell: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("config", "PortkeyMagics")
    assert "PortkeyMagics.trace_metadata" in capsys.readouterr().out
    with ScriptedServer(whole(COMPLETION)) as server:
        line = f"-m m --no-stream --base-url {server.url}"
        cell(shell, line, "Hello")
        shell.run_line_magic("config", "PortkeyMagics.trace_metadata = False")
        cell(shell, f"{line} --tag team=red", "Hello")
        cell(shell, line, "Hello")
        shell.run_line_magic("portkey", "status")
        shown = capsys.readouterr().out
        shell.run_line_magic("config", "PortkeyMagics.trace_metadata = None")
        monkeypatch.setenv("PORTKEY_NB_TRACE_METADATA", "0")
        cell(shell, line, "Hello")
        shell.run_line_magic("config", "PortkeyMagics.trace_metadata = True")
        reply = cell(shell, line, "Hello")
    sent = [json.loads(request.headers.get("x-portkey-metadata", "null")) for request in server.requests]
    assert set(sent[0]) >= {"run_id"}
    assert sent[1:4] == [{"team": "red"}, None, None]
    assert sent[4]["run_id"] == reply.run.run_id
    assert "no run id, notebook, cell or group goes along (PortkeyMagics.trace_metadata is off)" in shown


def test_a_panel_opened_by_the_magic_sends_none_either(shell: Any) -> None:
    with ScriptedServer(streamed(*HELLO)) as server:
        shell.run_line_magic("config", "PortkeyMagics.trace_metadata = False")
        shell.run_line_magic("config", f"PortkeyMagics.base_url = {server.url!r}")
        shell.run_line_magic("config", "PortkeyMagics.model = 'm'")
        panel = shell.run_line_magic("portkey", "panel")
        assert panel.send("Hello").result(10) == "Hello"
        panel.close()
    assert "x-portkey-metadata" not in server.requests[0].headers


def test_the_spans_of_a_cell_are_within_the_one_that_runs_it(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with Telemetry() as telemetry:
        with telemetry.tracer.start_as_current_span("cell") as parent:
            replies = cell(shell, "-m demo-fast -m gpt-4o --tag team=red", "Say this is a test")
        shell.run_line_magic("portkey", "status")
        found = telemetry.spans
    assert "runs are spans of OpenTelemetry" in capsys.readouterr().out
    assert {span.name for span in found} == {"chat demo-fast", "chat gpt-4o"}
    assert {span.parent.span_id for span in found if span.parent} == {parent.get_span_context().span_id}
    told = {str((span.attributes or {})["portkey_nb.run_id"]) for span in found}
    assert told == {reply.run.run_id for reply in replies.values()}
    assert {(span.attributes or {})["portkey_nb.source"] for span in found} == {"magic"}


def test_a_cell_of_which_one_model_fails_ends_both_spans(shell: Any) -> None:
    with Telemetry() as telemetry, pytest.raises(PortkeyError):
        cell(shell, "-m demo-fast -m demo-500", "Hello")
    assert {(span.name, span.status.description) for span in telemetry.spans} == {
        ("chat demo-fast", None),
        ("chat demo-500", "GatewayError"),
    }
