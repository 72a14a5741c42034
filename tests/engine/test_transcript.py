"""Conversations as rows and as static pages: tools folded into answers, alternatives counted, images never fetched."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from portkey_nb.engine.record import Run
from portkey_nb.engine.transcript import (
    LARGEST_IMAGE,
    message_images,
    message_text,
    rows,
    talk_bundle,
    talk_heading,
    totals_line,
)
from portkey_nb.gateway.conversation import Conversation, Turn
from tests.engine.runs_of import begun, done
from tests.hostile import EVIL, REPLIES
from tests.safe_html import Page, dangers

GIF = b"GIF89a\x02\x00\x03\x00" + bytes(20)


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def called(**arguments: Any) -> dict[str, Any]:
    function = {"name": "weather", "arguments": json.dumps(arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": function}]}


def gave(text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "1", "name": "weather", "content": text}


def turn(*messages: dict[str, Any], parent: Turn | None = None, run: Run | None = None, **facts: Any) -> Turn:
    fresh = Turn.new(messages, parent_id=parent.turn_id if parent else None, run_id=run.run_id if run else None)
    return dataclasses.replace(fresh, **facts)


def talk(*turns: Turn, system: str | None = None, head: Turn | None = None) -> Conversation:
    return Conversation("c", turns, (head or turns[-1]).turn_id, system)


def data_url(data: bytes, kind: str = "image/gif") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_each_message_is_a_row() -> None:
    run = done(text="Hello!", variant="gpt-4o")
    first = turn(user("Hi"), said("Hello!"), run=run)
    second = turn({"role": "developer", "content": "Be brief"}, user("Bye"), parent=first)
    found = rows(talk(first, second), {run.run_id: run})
    assert [row.id for row in found] == [f"{first.turn_id}:0", f"{first.turn_id}:1"] + [
        f"{second.turn_id}:{place}" for place in (0, 1)
    ]
    assert [row.role for row in found] == ["user", "assistant", "developer", "user"]
    assert [len(row.answers) for row in found] == [0, 1, 0, 0]
    assert found[1].message == said("Hello!")
    answer = found[1].answers[0]
    assert (answer.turn_id, answer.run, answer.text, answer.chosen, answer.mark) == (
        first.turn_id,
        run,
        "Hello!",
        True,
        "ok",
    )
    assert (answer.column.label, answer.column.text) == ("gpt-4o", "Hello!")
    assert "3 → 2 tokens" in answer.column.footer


def test_tools_and_the_answer_that_they_led_to_are_one_row() -> None:
    asked = turn(user("Weather?"), called(city="Paris", days=2), gave("22 degrees"), said("Warm."))
    question, answer = rows(talk(asked), {})
    assert (question.place, answer.place, answer.role) == (0, 3, "assistant")
    (step,) = answer.answers[0].column.steps
    assert (step.call, step.result) == ("weather(city='Paris', days=2)", "22 degrees")
    assert answer.answers[0].text == "Warm."


def test_what_was_said_before_a_tool_is_a_step() -> None:
    call = {**called(), "content": "Let me look."}
    (_, answer) = rows(talk(turn(user("?"), call, gave("x"), called(), gave("y"), said("Done"))), {})
    assert [step.text or step.name for step in answer.answers[0].column.steps] == ["Let me look.", "weather", "weather"]


def test_the_footer_of_several_requests_says_of_which_it_is() -> None:
    run = done(text="Warm.")
    found = rows(talk(turn(user("?"), called(), gave("x"), said("Warm."), run=run)), {run.run_id: run})
    assert found[1].answers[0].column.footer.endswith("the last of 2 requests")


def test_answers_side_by_side_stand_in_one_row_oldest_first() -> None:
    runs = [done(text=name, variant=name) for name in ("a", "b", "c")]
    question = user("Which?")
    beside = [turn(question, said(run.variant or ""), run=run, group_id="g") for run in runs]
    other = turn(user("Another?"), said("x"))
    found = rows(talk(*beside, other, head=beside[1]), {run.run_id: run for run in runs})
    assert [answer.column.label for answer in found[1].answers] == ["a", "b", "c"]
    assert [answer.chosen for answer in found[1].answers] == [False, True, False]
    assert found[0].branch == (1, 2)
    assert found[1].branch is None
    shown = talk_bundle("", talk(*beside, other, head=beside[1]), {run.run_id: run for run in runs})
    assert "1 of 2 versions" in shown["text/plain"]


def test_a_turn_without_alternatives_has_no_branch() -> None:
    first = turn(user("a"), said("b"))
    assert [row.branch for row in rows(talk(first, turn(user("c"), parent=first)), {})] == [None] * 3


def test_an_interrupted_answer_says_so() -> None:
    run = done(text="Once", status="interrupted")
    for known in ({run.run_id: run}, {}):
        found = rows(talk(turn(user("?"), said("Once"), run=run, mark="interrupted")), known)
        answer = found[1].answers[0]
        assert answer.mark == "interrupted"
        assert answer.column.footer.count("interrupted") == 1


def test_what_the_conversation_says_counts_not_what_the_log_says() -> None:
    run = done(text="as logged")
    (_, answer) = rows(talk(turn(user("?"), said("as edited"), run=run)), {run.run_id: run})
    assert answer.answers[0].column.text == "as edited"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [said("alone")],
        [gave("nobody asked")],
        [called(city="x")],
        [user("?"), called(), gave("and no answer")],
        [user("?"), {"role": "assistant", "content": None}],
        [user("?"), {"role": "assistant", "tool_calls": ["odd", {"function": None}, {"function": {"arguments": "{"}}]}],
        [user(None), user([]), user(["odd", 3, {}]), {"role": "what is this", "content": {}}],
        [user("example"), said("shown"), user("real"), said("answer")],
    ],
)
def test_odd_turns_are_shown_all_the_same(messages: list[dict[str, Any]]) -> None:
    conversation = talk(turn(*messages))
    found = rows(conversation, {})
    assert len({row.id for row in found}) == len(found)
    assert dangers(talk_bundle("odd", conversation, {})["text/html"]) == []


def test_the_text_of_a_message() -> None:
    assert message_text(user("Hi")) == "Hi"
    assert message_text(user([{"type": "text", "text": "a"}, picture("x"), {"type": "text", "text": "b"}])) == "a\nb"
    assert message_text({"role": "assistant", "content": None}) == ""
    assert message_text({"role": "assistant", "content": None, "refusal": "No."}) == "No."
    assert message_text(user("half a pair \ud83d")) == "half a pair \ufffd"


def test_small_images_are_shown_from_their_own_bytes() -> None:
    (shown,) = message_images(user([picture(data_url(GIF))]))
    assert shown == ("image/gif 2x3, 30 bytes", data_url(GIF))
    # What the URL says of itself does not count.
    assert message_images(user([picture(data_url(GIF, "text/html"))])) == [shown]


@pytest.mark.parametrize(
    ("url", "label"),
    [
        (EVIL, "image (evil.invalid)"),
        ("//evil.invalid/x", "image (evil.invalid)"),
        ("javascript:alert(1)", "image"),
        ("https://[broken", "image"),
        ("data:image/svg+xml;base64," + base64.b64encode(b"<svg onload='x'/>").decode(), "image of unknown type"),
        ("data:text/html,<script>", "image of unknown type"),
        (data_url(b"<html><svg>"), "image of unknown type"),
        ("data:image/gif;base64,R0l*", "image of unknown type"),
        (data_url(GIF + bytes(LARGEST_IMAGE)), "image/gif 2x3, 293 KB"),
    ],
)
def test_other_images_are_named_and_never_loaded(url: str, label: str) -> None:
    found = message_images(user([picture(url)]))
    assert len(found) == 1
    assert found[0][1] is None
    assert label in found[0][0] or found[0][0].startswith("image of unknown type")
    conversation = talk(turn(user([picture(url)])))
    html = talk_bundle("", conversation, {})["text/html"]
    assert "<img" not in html
    assert Page(html).links == []


def test_other_parts_are_named() -> None:
    assert message_images(user([{"type": "input_audio", "input_audio": {}}])) == [("input_audio", None)]


def test_many_images_do_not_swell_the_notebook() -> None:
    large = data_url(GIF + bytes(250_000))
    conversation = talk(turn(*(user([picture(large)]) for _ in range(40))))
    assert len(talk_bundle("", conversation, {})["text/html"]) < 4_000_000


def test_totals_tell_what_is_known() -> None:
    assert totals_line([]) == ""
    assert totals_line([done(cost_usd=0.012, input_tokens=3000, output_tokens=400)]) == "3,400 tokens · $0.0120"
    assert totals_line([done(cost_usd=None)]) == "5 tokens · cost n/a"
    assert totals_line([done(), done(cost_usd=None)]) == "10 tokens · at least $0.25"
    assert totals_line([done(cached=True)]) == "5 tokens · $0.00"
    assert totals_line([done(demo=True)]) == "5 tokens · $0.25 of demo money"
    assert totals_line([done(), done(demo=True)]) == "10 tokens · $0.25 + $0.25 of demo money"
    unknown = done(input_tokens=None, output_tokens=None)
    assert totals_line([unknown]).startswith("tokens n/a")
    assert totals_line([done(), unknown]).startswith("at least 5 tokens")
    assert totals_line([done(), begun(status="error", error="no")]) == "5 tokens · $0.25"


def test_the_heading_counts_the_rows_that_are_to_come() -> None:
    asked = turn(user("Weather?"), called(), gave("22 degrees"), said("Warm."))
    shown = talk_heading("a <b> draft", talk(asked))
    assert "a <b> draft" in Page(shown["text/html"]).words
    assert list(shown) == list(talk_bundle("a <b> draft", talk(asked), {}))
    for form in shown.values():
        assert "2 messages" in form
        assert "Warm" not in form
    assert dangers(shown["text/html"]) == []
    assert "1 message" in talk_heading("", talk(turn(user("?"))))["text/plain"]


@pytest.mark.parametrize("name", REPLIES)
def test_nothing_of_a_hostile_conversation_runs_or_fetches(name: str) -> None:
    text = REPLIES[name]
    call = called()
    call["tool_calls"][0]["function"] = {"name": text, "arguments": json.dumps({text: text})}
    run = done(model=text, variant=text, model_response=text, text=text, reasoning=text, finish_reason="length")
    conversation = talk(
        turn(user([{"type": "text", "text": text}, picture(f"https://{text}")]), call, gave(text), said(text), run=run),
        system=text,
    )
    shown = talk_bundle(text, conversation, {run.run_id: run})
    assert dangers(shown["text/html"]) == []
    assert "\x1b" not in shown["text/plain"]


def test_the_system_prompt_is_a_row_of_the_static_form() -> None:
    shown = talk_bundle("draft", talk(turn(user("Hi")), system="Be brief."), {})
    for form in shown.values():
        assert form.index("draft") < form.index("Be brief.") < form.index("Hi")
    assert "system" not in talk_bundle("draft", talk(turn(user("Hi"))), {})["text/plain"]


@pytest.mark.parametrize(
    ("asked", "answered", "label"),
    [
        ("gpt-4o", "claude-sonnet-4-5", "gpt-4o → claude-sonnet-4-5"),
        ("gpt-4o", "gpt-4o-mini", "gpt-4o → gpt-4o-mini"),
        ("gpt-4o", "gpt-4o-2024-08-06", "gpt-4o"),
        ("@openai-prod/gpt-4o", "gpt-4o", "@openai-prod/gpt-4o"),
        ("gpt-4o", None, "gpt-4o"),
        (None, "claude-sonnet-4-5", "claude-sonnet-4-5"),
        (None, None, "assistant"),
    ],
)
def test_an_answer_is_headed_by_the_model_that_gave_it(asked: str | None, answered: str | None, label: str) -> None:
    run = done(model=asked, variant=asked, model_response=answered, text="Hello!")
    conversation = talk(turn(user("Hi"), said("Hello!"), run=run))
    assert rows(conversation, {run.run_id: run})[-1].answers[0].column.label == label
    assert label in talk_bundle("chat", conversation, {run.run_id: run})["text/html"]


def test_a_label_that_tells_two_of_one_model_apart_stays() -> None:
    run = done(model="gpt-4o", variant="gpt-4o (2)", model_response="gpt-4o-2024-08-06", text="Hello!")
    found = rows(talk(turn(user("Hi"), said("Hello!"), run=run)), {run.run_id: run})
    assert found[-1].answers[0].column.label == "gpt-4o (2)"
