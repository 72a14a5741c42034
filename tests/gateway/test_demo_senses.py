"""The demo's models with images, thoughts, log probabilities and parameters that their provider never gets."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from portkey_nb.gateway.demo.images import read_picture
from portkey_nb.gateway.demo.server import DemoGateway

LAX = {"x-portkey-strict-open-ai-compliance": "false"}
THINK = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
EFFORT = {"reasoning_effort": "high"}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with DemoGateway(speed=0) as gateway, httpx.Client(base_url=gateway.base_url) as client:
        yield client


def ask(http: httpx.Client, content: Any = "What is 17 * 23 + 4?", headers: Any = None, **body: Any) -> httpx.Response:
    sent = {"model": "gpt-4o", "temperature": 0, "messages": [{"role": "user", "content": content}], **body}
    return http.post("/chat/completions", json=sent, headers=headers)


def message(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["choices"][0]["message"]
    return found


def deltas(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line and "[DONE]" not in line]
    return [choice["delta"] for line in lines for choice in json.loads(line)["choices"]]


# Images


def image(form: str, width: int, height: int, mode: str = "RGB", **how: Any) -> bytes:
    written = io.BytesIO()
    Image.new(mode, (width, height)).save(written, form, **how)
    return written.getvalue()


def part(data: bytes | str, kind: str = "image/png") -> dict[str, Any]:
    url = data if isinstance(data, str) else f"data:{kind};base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("form", "mode", "how"),
    [
        ("PNG", "RGB", {}),
        ("JPEG", "RGB", {}),
        ("JPEG", "L", {"progressive": True, "comment": b"\xff\xc0 not a frame"}),
        ("GIF", "P", {}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"exif": b"Exif\x00\x00"}),
    ],
)
@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet", "gemini-flash", "llama-local"])
def test_type_and_size_are_read_from_the_header(
    http: httpx.Client, model: str, form: str, mode: str, how: dict[str, Any]
) -> None:
    data = image(form, 321, 45, mode, **how)
    text = message(ask(http, [{"type": "text", "text": "What is this?"}, part(data)], model=model))["content"]
    assert f"{form.replace('WEBP', 'WebP')} image of 321 × 45 pixels ({len(data):,} bytes)" in text


def test_several_images_are_told_apart_and_none_is_fetched(http: httpx.Client) -> None:
    parts = [part(image("PNG", 3, 4)), part(image("GIF", 30, 40, "P")), part("https://example.org/a.png")]
    text = message(ask(http, [{"type": "text", "text": "Which is the largest?"}, *parts]))["content"]
    assert "3 images" in text
    assert "the second is the largest" in text
    assert "https://example.org/a.png>, which the demo gateway does not fetch" in text


def test_an_image_of_an_earlier_question_can_be_asked_about(http: httpx.Client) -> None:
    messages = [
        {"role": "user", "content": [part(image("PNG", 77, 88))]},
        {"role": "assistant", "content": "A PNG image."},
        {"role": "user", "content": "How wide is the image, in one word?"},
    ]
    assert message(ask(http, messages=messages))["content"] == "77"
    messages[-1]["content"] = "What is 2 + 2?"
    assert "4" in message(ask(http, messages=messages))["content"]


def test_an_image_fills_a_schema_and_costs_tokens(http: httpx.Client) -> None:
    fields = {"format": {"type": "string"}, "width": {"type": "integer"}, "height": {"type": "integer"}}
    form = {"name": "image", "schema": {"type": "object", "properties": fields, "required": list(fields)}}
    content = [{"type": "text", "text": "Describe the image."}, part(image("PNG", 600, 100))]
    response = ask(http, content, response_format={"type": "json_schema", "json_schema": form})
    assert json.loads(message(response)["content"]) == {"format": "PNG", "width": 600, "height": 100}
    plain = ask(http, content[:1]).json()["usage"]["prompt_tokens"]
    assert response.json()["usage"]["prompt_tokens"] == plain + 85 + 2 * 170


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("data:image/png;base64,@@@", "no valid base64"),
        ("data:image/png;base64,AAAA", "send PNG, JPEG, GIF or WebP"),
        ("data:image/png;base64," + base64.b64encode(image("PNG", 5, 5)[:18]).decode(), "send PNG"),
        ("data:image/bmp;base64," + base64.b64encode(image("BMP", 5, 5)).decode(), "send PNG"),
        ("file:///etc/passwd", "neither an http(s) address nor a data URL"),
        ("", "neither an http(s) address"),
    ],
)
def test_what_is_no_image_is_refused(http: httpx.Client, url: str, said: str) -> None:
    response = ask(http, [part(url)], model="claude-sonnet")
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["message"].startswith("anthropic error: ")
    assert said in error["message"]
    assert error["param"] == "messages[0].content[0].image_url.url"


def test_only_people_send_images(http: httpx.Client) -> None:
    messages = [{"role": "system", "content": [part(image("PNG", 1, 1))]}, {"role": "user", "content": "hi"}]
    assert "only allowed for messages with role 'user'" in ask(http, messages=messages).json()["error"]["message"]


@given(st.binary(max_size=64), st.sampled_from((b"", b"\xff\xd8", b"RIFF1234WEBPVP8 ", b"RIFF1234WEBPVP8L", b"GIF89a")))
def test_any_bytes_are_an_image_or_refused(tail: bytes, head: bytes) -> None:
    url = f"data:image/png;base64,{base64.b64encode(head + tail).decode()}"
    try:
        picture = read_picture(url)
    except ValueError:
        return
    assert picture.width > 0 < picture.height


# Thoughts


def test_thoughts_of_openai_are_counted_alone(http: httpx.Client) -> None:
    for headers in (None, LAX):
        plain, thought = ask(http, headers=headers).json(), ask(http, headers=headers, **EFFORT).json()
        assert thought["choices"] == plain["choices"]
        reasoning = thought["usage"]["completion_tokens_details"]["reasoning_tokens"]
        assert reasoning > 0
        assert thought["usage"]["completion_tokens"] == plain["usage"]["completion_tokens"] + reasoning
    few = ask(http, reasoning_effort="minimal").json()["usage"]["completion_tokens_details"]["reasoning_tokens"]
    assert 0 < few < reasoning
    assert ask(http, reasoning_effort="none").json()["usage"] == ask(http).json()["usage"]


def test_thoughts_of_claude_come_as_blocks_and_are_lost_when_strict(http: httpx.Client) -> None:
    strict, lax = ask(http, model="claude-sonnet", **THINK), ask(http, model="claude-sonnet", headers=LAX, **THINK)
    assert "content_blocks" not in message(strict)
    assert "17 × 23" not in str(strict.json()["usage"])
    thinking, text = message(lax)["content_blocks"]
    assert thinking["type"] == "thinking"
    assert "17 * 23 + 4" in thinking["thinking"]
    assert thinking["signature"]
    assert text == {"type": "text", "text": message(lax)["content"]}
    usage = lax.json()["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    streamed = deltas(ask(http, model="claude-sonnet", headers=LAX, stream=True, **THINK))
    blocks = [block for delta in streamed for block in delta.get("content_blocks", ())]
    said = {index: [block["delta"] for block in blocks if block["index"] == index] for index in (0, 1)}
    assert "".join(delta.get("thinking", "") for delta in said[0]) == thinking["thinking"]
    assert "".join(delta.get("signature", "") for delta in said[0]) == thinking["signature"]
    assert "".join(delta["text"] for delta in said[1]) == text["text"]
    assert {} in deltas(ask(http, model="claude-sonnet", stream=True, **THINK))


def test_claude_thinks_by_thinking_alone_and_within_its_limits(http: httpx.Client) -> None:
    assert (
        ask(http, model="claude-sonnet", **EFFORT).json()["usage"] == ask(http, model="claude-sonnet").json()["usage"]
    )
    refused = ask(http, model="claude-sonnet", max_tokens=1000, **THINK)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "max_tokens")


def test_thoughts_of_gemini_stand_beside_the_completion_tokens(http: httpx.Client) -> None:
    plain = ask(http, model="gemini-flash").json()["usage"]
    response = ask(http, model="gemini-flash", headers=LAX, **EFFORT)
    usage = response.json()["usage"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    assert reasoning > 0
    assert usage["completion_tokens"] == plain["completion_tokens"]
    assert usage["total_tokens"] == plain["total_tokens"] + reasoning
    assert [block["type"] for block in message(response)["content_blocks"]] == ["thinking", "text"]
    assert response.json()["choices"][0]["finish_reason"] == "STOP"
    streamed = ask(http, model="gemini-flash", headers=LAX, stream=True, **EFFORT)
    assert "[DONE]" not in streamed.text
    last = json.loads(streamed.text.strip().rpartition("data: ")[2])
    assert last["usage"] == usage


def test_thoughts_of_a_local_model_are_reasoning_content(http: httpx.Client) -> None:
    whole = message(ask(http, model="llama-local", **THINK))
    assert "17 * 23 + 4" in whole["reasoning_content"]
    streamed = deltas(ask(http, model="llama-local", stream=True, **THINK))
    assert "".join(delta.get("reasoning_content", "") for delta in streamed) == whole["reasoning_content"]
    assert "".join(delta.get("content", "") for delta in streamed) == whole["content"]


def test_a_token_limit_can_be_thought_away(http: httpx.Client) -> None:
    body = ask(http, max_tokens=10, **EFFORT).json()
    assert (body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]) == ("", "length")
    assert body["usage"]["completion_tokens"] == 10


def test_claudes_prompt_tokens_leave_out_the_prompt_cache(http: httpx.Client) -> None:
    system = {"type": "text", "text": "You are a terse expert. " * 20, "cache_control": {"type": "ephemeral"}}
    messages = [{"role": "system", "content": [system]}, {"role": "user", "content": "What is 2 + 2?"}]
    first, again = (ask(http, model="claude-sonnet", messages=messages).json()["usage"] for _ in range(2))
    assert (first["cache_read_input_tokens"], again["cache_creation_input_tokens"]) == (0, 0)
    assert first["cache_creation_input_tokens"] == again["cache_read_input_tokens"] > 50
    assert first["prompt_tokens"] == again["prompt_tokens"] < 50
    for usage in (first, again):
        cached = usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
        assert usage["total_tokens"] == usage["prompt_tokens"] + cached + usage["completion_tokens"]


# Log probabilities


def test_log_probabilities_are_told_for_each_token(http: httpx.Client) -> None:
    whole = ask(http, "Explain recursion", logprobs=True, top_logprobs=4).json()["choices"][0]
    entries = whole["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == whole["message"]["content"]
    for entry in entries:
        likely = [math.exp(one["logprob"]) for one in entry["top_logprobs"]]
        assert len(likely) == 4
        assert sum(likely) <= 1
        assert entry["top_logprobs"][0]["token"] == entry["token"]
        assert bytes(entry["bytes"]).decode() == entry["token"]
    streamed = ask(http, "Explain recursion", logprobs=True, top_logprobs=4, stream=True).text
    chunks = [json.loads(line.removeprefix("data: ")) for line in streamed.split("\n\n")[:-2]]
    told = [chunk["choices"][0]["logprobs"] for chunk in chunks]
    assert [entry for one in told if one for entry in one["content"]] == entries
    assert ask(http, logprobs=True).json()["choices"][0]["logprobs"]["content"][0]["top_logprobs"] == []


# Parameters that do not arrive


@pytest.mark.parametrize(
    "lost",
    [
        {"n": 3},
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "high"},
        {"frequency_penalty": 1.5},
    ],
)
def test_what_a_provider_never_gets_has_no_effect(http: httpx.Client, lost: dict[str, Any]) -> None:
    plain, asked = ask(http, model="claude-sonnet").json(), ask(http, model="claude-sonnet", **lost).json()
    assert (asked["choices"], asked["usage"]) == (plain["choices"], plain["usage"])


def test_what_the_gateway_limits_is_limited(http: httpx.Client) -> None:
    def texts(temperature: float) -> set[str]:
        return {message(ask(http, "Write a poem", temperature=temperature, seed=3))["content"] for _ in range(3)}

    assert texts(9) == texts(2)
    assert ask(http, model="claude-sonnet", temperature=5).status_code == 200


def test_stop_is_lost_on_the_way_to_mistral(http: httpx.Client) -> None:
    whole = message(ask(http, "Explain recursion", model="mistral-small"))["content"]
    assert message(ask(http, "Explain recursion", model="mistral-small", stop=["calling"]))["content"] == whole
    assert message(ask(http, "Explain recursion", model="gpt-4o", stop=["calling"]))["content"] != whole
