"""The table of parameters says what the running gateway does: each is sent through it, and read at the other end."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from portkey_nb.gateway.parameters import altered, keeps, lost_in_messages
from portkey_nb.gateway.provider_facts import Cell, table
from tests.contract.conftest import Started

pytestmark = pytest.mark.node

HELLO = {"role": "user", "content": "Hello"}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
}


def _tool(name: str) -> dict[str, Any]:
    function = {"name": name, "description": "d", "parameters": {"type": "object", "properties": {}}, "strict": True}
    return {"type": "function", "function": function}


TOOLS = [_tool("first"), _tool("second")]
NAMED = {"type": "function", "function": {"name": "first"}}
TYPICAL: Mapping[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "function_call": "auto",
    "functions": [{"name": "f", "parameters": {}}],
    "image_config": {"aspect_ratio": "1:1"},
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "metadata": {"k": "v"},
    "modalities": ["text", "audio"],
    "parallel_tool_calls": False,
    "reasoning": {"effort": "low"},
    "reasoning_effort": "low",
    "response_format": SCHEMA,
    "stop": ["END"],
    "stream_options": {"include_usage": True},
    "thinking": {"type": "enabled", "budget_tokens": 2048},
    "tool_choice": NAMED,
    "tools": TOOLS,
    "usage": {"include": True},
    "user": "somebody",
}
"""Values that mean something; any other parameter is tried with a number."""
NUMBER = 3
FAR = 987_654
BESIDE: Mapping[str, Mapping[str, Any]] = {
    "tool_choice": {"tools": TOOLS},
    "parallel_tool_calls": {"tools": TOOLS},
    "top_logprobs": {"logprobs": True},
}
"""What a parameter makes no sense without."""
ELSEWHERE = (*TYPICAL, "top_logprobs", "made_up", "min_p", "top_a", "repetition_penalty", "best_of", "echo", "suffix")
NAMES = sorted({*ELSEWHERE, *(name for row in table().values() for name in row.cells)})
CREDENTIALS = {
    "authorization": "Bearer none",
    "x-portkey-aws-access-key-id": "none",
    "x-portkey-aws-secret-access-key": "none",
    "x-portkey-aws-region": "us-east-1",
}


class Provider(ThreadingHTTPServer):
    """Takes any request of any provider, keeps its body, and refuses it: only the request matters here."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[Any] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        answer = b'{"error": {"message": "seen"}}'
        head = f"HTTP/1.1 400 Seen\r\ncontent-type: application/json\r\ncontent-length: {len(answer)}\r\n\r\n"
        self.wfile.write(head.encode() + answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Way:
    """The way through the gateway to one provider, or to one family of its models."""

    def __init__(self, gateway: Started, provider: Provider, row: str) -> None:
        self.provider, _, family = row.partition(":")
        family = family or {"bedrock": "anthropic"}.get(self.provider, "")
        self.model = f"{family}.model-1" if family else "model-1"
        self._seen = provider.bodies
        self._headers = {
            "content-type": "application/json",
            "x-portkey-provider": self.provider,
            "x-portkey-custom-host": f"http://127.0.0.1:{provider.server_address[1]}",
            **CREDENTIALS,
        }
        host, _, path = gateway.base_url.removeprefix("http://").partition("/")
        self._path = f"/{path}/chat/completions"
        self.connection = http.client.HTTPConnection(host, timeout=20)

    def send(self, params: Mapping[str, Any], messages: list[Any] | None = None) -> dict[str, Any]:
        """Send a request and return what the provider received."""
        before = len(self._seen)
        body = {"model": self.model, "messages": messages or [HELLO], **params}
        self.connection.request("POST", self._path, json.dumps(body), self._headers)
        answer = self.connection.getresponse().read()
        assert len(self._seen) == before + 1, f"{self.provider} was not asked: {answer.decode()}"
        received: dict[str, Any] = self._seen[-1]
        return received

    def changes(self, params: Mapping[str, Any], beside: Mapping[str, Any]) -> dict[str, Any]:
        """Return what parameters change in the provider's request: place -> value."""
        return dict(_changed(self.send(beside), self.send({**beside, **params})))


def _changed(before: Any, after: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves that differ, and the objects above them, outermost first."""
    if before == after:
        return
    if place:
        yield place, after
    if isinstance(after, dict):
        earlier = before if isinstance(before, dict) else {}
        for name in {**earlier, **after}:
            yield from _changed(earlier.get(name), after.get(name), f"{place}.{name}" if place else name)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.fixture
def way(request: pytest.FixtureRequest, local_gateway: Started, provider: Provider) -> Iterator[Way]:
    found = Way(local_gateway, provider, request.param)
    with closing(found.connection):
        yield found


def _observed(way: Way, name: str) -> Cell | None:
    """Derive a cell of the table: where a parameter arrives, within which limits; None where it does not."""
    value, beside = TYPICAL.get(name, NUMBER), BESIDE.get(name, {})
    changes = way.changes({name: value}, beside)
    if not changes:
        return None
    leaves = [place for place in changes if not any(other.startswith(f"{place}.") for other in changes)]
    if value is NUMBER:
        assert len(leaves) == 1, f"{name} arrives in several places: {leaves}"
        low, high = (way.changes({name: far}, beside).get(leaves[0]) for far in (-FAR, FAR))
        return Cell(leaves[0], None if low == -FAR else low, None if high == FAR else high)
    whole = [place for place, arrived in changes.items() if arrived == value]
    return Cell(whole[0]) if whole else Cell(_common(leaves), reshaped=True)


def _common(places: list[str]) -> str:
    """Return what several places share."""
    shared = places[0].split(".")
    for place in places[1:]:
        parts = place.split(".")
        shared = [ours for ours, theirs in zip(shared, parts, strict=False) if ours == theirs]
    return ".".join(shared)


def _word(name: str, cell: Cell | None) -> str:
    """Write a cell as it stands in the table."""
    if cell is None:
        return "(dropped)"
    limits = ["" if limit is None else limit for limit in (cell.low, cell.high)]
    return (
        name
        + (f">{cell.place}" if cell.place != name else "")
        + (f"[{limits[0]}..{limits[1]}]" if any(limit != "" for limit in limits) else "")
        + ("~" if cell.reshaped else "")
    )


EVERY_ROW = pytest.mark.parametrize("way", sorted(table()), indirect=True)


@EVERY_ROW
def test_every_cell_is_as_the_gateway_does(way: Way, request: pytest.FixtureRequest) -> None:
    row = table()[request.node.callspec.params["way"]]
    dropped = [name for name in NAMES if name not in row.cells]
    # All at once, for time's sake; where anything arrives, one by one.
    doubtful = dropped if way.changes({name: TYPICAL.get(name, NUMBER) for name in dropped}, {}) else []
    stale = {}
    for name in [*row.cells, *doubtful]:
        said, seen = _word(name, row.cells.get(name)), _word(name, _observed(way, name))
        if said != seen:
            stale[name] = f"the table says {said}, the gateway does {seen}"
    assert not stale, "parameters.txt is stale:\n" + "\n".join(
        f"{way.provider} ({way.model}): {name}: {what}" for name, what in stale.items()
    )


@EVERY_ROW
def test_of_two_limits_of_tokens_the_named_one_wins(way: Way) -> None:
    both = {"max_tokens": 256, "max_completion_tokens": 300}
    (*losers,) = (one.parameter for one in altered(way.provider, both, model=way.model))
    received = json.dumps(way.send(both))
    arrived = {name for name, value in both.items() if f": {value}" in received}
    assert arrived == {*both} - {*losers}


@EVERY_ROW
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("tool_choice", choice) for choice in ("auto", "none", "required")),
        *(("reasoning_effort", effort) for effort in ("none", "minimal", "high")),
        *(("response_format", {"type": kind}) for kind in ("text", "json_object")),
        ("thinking", {"type": "disabled"}),
    ],
    ids=str,
)
def test_a_value_is_called_dropped_where_it_does_not_arrive(way: Way, name: str, value: Any) -> None:
    params = {**BESIDE.get(name, {}), name: value}
    said = any(one.parameter == name for one in altered(way.provider, params, model=way.model))
    changed = any(arrived not in (None, {}) for arrived in way.changes({name: value}, BESIDE.get(name, {})).values())
    # These ask for what happens anyway, whether or not they arrive.
    if value not in ("auto", {"type": "text"}):
        assert said == (not changed)
    else:
        assert not said


@EVERY_ROW
def test_strictness_of_tools(way: Way) -> None:
    said = any("`strict`" in one.text for one in altered(way.provider, {"tools": TOOLS}, model=way.model))
    if keeps(way.provider, "tools", model=way.model):
        assert said == ('"strict"' not in json.dumps(way.send({"tools": TOOLS})))


@pytest.mark.parametrize("way", ["cohere"], indirect=True)
def test_the_name_of_the_function_to_call(way: Way) -> None:
    params = {"tools": TOOLS, "tool_choice": NAMED}
    assert way.send(params)["tool_choice"] == "REQUIRED"
    assert [one.parameter for one in altered("cohere", params)] == ["tool_choice"]
    # Of one tool, "some tool" is that one.
    assert altered("cohere", {**params, "tools": TOOLS[:1]}) == ()


@pytest.mark.parametrize("way", ["google", "vertex-ai"], indirect=True)
def test_adaptive_thinking_is_switched_off(way: Way) -> None:
    params = {"thinking": {"type": "adaptive"}}
    assert way.send(params)["generationConfig"]["thinking_config"] == {"include_thoughts": False}
    assert altered(way.provider, params)[0].text == f"adaptive is taken for disabled by {way.provider}"


@pytest.mark.parametrize("way", ["ollama"], indirect=True)
def test_the_budget_of_thinking(way: Way) -> None:
    params = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert way.send(params)["think"] is True
    assert altered("ollama", params)[0].text == "reaches ollama without budget_tokens"


@pytest.mark.parametrize("way", ["anthropic", "vertex-ai:anthropic"], indirect=True)
def test_the_gateway_sets_no_max_tokens_of_its_own(way: Way) -> None:
    assert "max_tokens" not in way.send({})


CALL = {"id": "call-77", "type": "function", "function": {"name": "zeta", "arguments": '{"city": "Oslo"}'}}
RESULT = {"role": "tool", "tool_call_id": "call-77", "content": "12 degrees"}
SYSTEM = {"role": "system", "content": "first rule"}
CONVERSATIONS: Mapping[str, tuple[list[Any], str]] = {
    "audio": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Listen"},
                    {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
                ],
            }
        ],
        "QUJD",
    ),
    "later_system": ([SYSTEM, {"role": "system", "content": "second rule"}, HELLO], "second rule"),
    "name": ([{**HELLO, "name": "robert"}], "robert"),
    "text_beside_tool_calls": (
        [HELLO, {"role": "assistant", "content": "I look", "tool_calls": [CALL]}, RESULT],
        "I look",
    ),
    "tool_calls": ([HELLO, {"role": "assistant", "content": None, "tool_calls": [CALL]}, RESULT], "zeta"),
}
"""Word of the table -> messages, and a text that shows whether it arrives."""


@EVERY_ROW
def test_what_messages_lose(way: Way, request: pytest.FixtureRequest) -> None:
    row = table()[request.node.callspec.params["way"]]
    lost = set()
    for word, (messages, trace) in CONVERSATIONS.items():
        arrived = trace in json.dumps(way.send({}, messages))
        said = lost_in_messages(way.provider, messages, model=way.model)
        assert arrived or said, f"{word} is lost by {way.provider} in silence"
        lost |= set() if arrived else {word}
    nameless = CONVERSATIONS["tool_calls"][0]
    if "gateway-tool-filler-name" in json.dumps(way.send({}, nameless)):
        lost.add("tool_name")
        named = [*nameless[:-1], {**RESULT, "name": "zeta"}]
        assert "gateway-tool-filler-name" not in json.dumps(way.send({}, named))
    assert lost == row.lost
