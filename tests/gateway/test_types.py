"""Answers as objects: attribute access, unknown fields, readable and unchanged."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from portkey_nb.gateway.types import ChatCompletion, ChatCompletionChunk, Message, mend
from tests.servers import COMPLETION, chunk


def test_attribute_access_in_the_openai_shapes() -> None:
    answer = ChatCompletion(
        {
            **COMPLETION,
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "content": None,
                        "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                    },
                    "logprobs": {"content": [{"token": "a", "top_logprobs": [{"logprob": -1}]}]},
                    "finish_reason": "tool_calls",
                }
            ],
            "usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}, "queue_time": 0.5},
        }
    )
    choice = answer.choices[0]
    assert choice.message.tool_calls[0].function.arguments == "{}"
    assert choice.logprobs.content[0].top_logprobs[0].logprob == -1
    assert answer.usage.prompt_tokens_details.cached_tokens == 1
    assert answer.usage.completion_tokens is None
    assert answer.usage.completion_tokens_details is None
    assert answer.usage.queue_time == 0.5


def test_unknown_fields_are_kept_and_absent_ones_are_attribute_errors() -> None:
    answer = ChatCompletion({"choices": [], "brand_new": [{"deep": 1}]})
    assert answer.brand_new[0].deep == 1
    assert answer.id is None
    assert answer.usage is None
    assert "brand_new" in dir(answer)
    assert "brand_new" in repr(answer)
    with pytest.raises(AttributeError, match="no field 'nonsense'"):
        _ = answer.nonsense
    assert not hasattr(answer, "_ipython_display_")


def test_a_dump_is_a_copy() -> None:
    answer = ChatCompletion(copy.deepcopy(COMPLETION), {"x-portkey-trace-id": "t"})
    dumped = answer.model_dump()
    dumped["choices"][0]["message"]["content"] = "changed"
    assert answer.choices[0].message.content == "Hello"
    assert answer.headers == {"x-portkey-trace-id": "t"}


def test_copies_and_pickles_are_equal() -> None:
    for answer in (ChatCompletion(COMPLETION, {"a": "b"}), ChatCompletionChunk(chunk("x")), Message({"content": "x"})):
        assert copy.copy(answer) == copy.deepcopy(answer) == pickle.loads(pickle.dumps(answer)) == answer
        assert json.loads(answer.model_dump_json()) == answer.model_dump()
    assert ChatCompletion(COMPLETION) != ChatCompletionChunk(COMPLETION)


def test_an_empty_trace_id_is_none() -> None:
    assert ChatCompletion({}, {"x-portkey-trace-id": ""}).trace_id is None


def test_mending_leaves_what_is_right_alone() -> None:
    for data, part in ((COMPLETION, "message"), (chunk("x"), "delta")):
        assert mend(copy.deepcopy(data), part) == data
    nothing_called = {"choices": [{"index": 0, "message": {"tool_calls": None}}]}
    assert mend(copy.deepcopy(nothing_called), "message") == nothing_called
    assert ChatCompletion(nothing_called).choices[0].message.tool_calls == []


@pytest.mark.parametrize(
    ("data", "mended"),
    [
        ({}, {"choices": []}),
        ({"choices": None}, {"choices": []}),
        ({"choices": {"delta": {}}}, {"choices": [{"index": 0, "delta": {}}]}),
        ({"choices": [{"delta": None}]}, {"choices": [{"index": 0, "delta": {}}]}),
        ({"choices": [{"index": "x"}]}, {"choices": [{"index": 0, "delta": {}}]}),
        (
            {"choices": [{"index": 1, "delta": {"tool_calls": {"id": "t"}}}]},
            {"choices": [{"index": 1, "delta": {"tool_calls": [{"id": "t"}]}}]},
        ),
    ],
)
def test_what_is_misshapen_is_mended(data: dict[str, object], mended: dict[str, object]) -> None:
    assert mend(data, "delta") == mended


@pytest.mark.parametrize("choices", [["x"], 5, [{"delta": "x"}], [None]])
def test_what_cannot_be_read_is_refused(choices: object) -> None:
    with pytest.raises(ValueError, match="no object"):
        mend({"choices": choices}, "delta")
