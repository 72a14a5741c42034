"""A conversation keeps every turn, whatever is appended, forked, switched, saved or read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.errors import PortkeyError, PromptError, StoreError
from portkey_nb.gateway.conversation import Conversation, Turn


def exchange(question: str, answer: str = "yes", **facts: Any) -> Turn:
    return Turn.new([{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **facts)


def questions(conversation: Conversation) -> list[str]:
    return [turn.messages[0]["content"] for turn in conversation.path()]


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Grow a conversation by any sequence of appends, forks and switches."""
    conversation = Conversation.new(draw(st.none() | st.text()))
    for step in draw(st.lists(st.sampled_from(["append", "fork", "switch"]), max_size=12)):
        if step == "append":
            turn = exchange(
                draw(st.text(max_size=8)),
                cell_key=draw(st.none() | st.sampled_from(["c1", "c2", "c3"])),
                run_id=draw(st.none() | st.just("run")),
                mark=draw(st.sampled_from(["ok", "interrupted"])),
            )
            conversation = conversation.append(turn)
        elif step == "fork":
            conversation, _ = conversation.fork_for(draw(st.sampled_from(["c1", "c2", "c3"])))
        elif conversation.turns:
            conversation = conversation.switch(draw(st.sampled_from(conversation.turns)).turn_id)
    return conversation


@given(conversations(), st.text())
def test_an_appended_turn_ends_the_path_and_nothing_else_changes(conversation: Conversation, text: str) -> None:
    before = conversation.to_dict()
    longer = conversation.append(exchange(text))
    assert questions(longer) == [*questions(conversation), text]
    assert longer.path()[:-1] == conversation.path()
    assert longer.turns[:-1] == conversation.turns
    assert longer.messages()[: len(conversation.messages())] == conversation.messages()
    assert conversation.to_dict() == before


@given(conversations(), st.sampled_from(["c1", "c2", "c3", None]))
def test_a_fork_steps_back_to_before_the_cell_and_keeps_every_turn(
    conversation: Conversation, cell_key: str | None
) -> None:
    path = conversation.path()
    places = [i for i, turn in enumerate(path) if cell_key is not None and turn.cell_key == cell_key]
    forked, left = conversation.fork_for(cell_key)
    assert forked.turns == conversation.turns
    if places:
        assert forked.path() == path[: places[-1]]
        assert left == len(path) - places[-1] - 1
    else:
        assert (forked, left) == (conversation, 0)
    again = forked.append(exchange("again", cell_key=cell_key))
    assert set(conversation.turns) < set(again.turns)
    assert again.switch(conversation.head).path() == path


@given(conversations())
def test_every_turn_lies_on_a_branch_that_can_be_switched_to(conversation: Conversation) -> None:
    reached = {turn for leaf in conversation.branches() for turn in conversation.switch(leaf.turn_id).path()}
    assert reached == set(conversation.turns)


@given(conversations())
def test_a_conversation_survives_json(conversation: Conversation) -> None:
    assert Conversation.from_dict(json.loads(json.dumps(conversation.to_dict()))) == conversation


def test_rerunning_the_middle_cell_leaves_the_later_turns_on_the_old_branch() -> None:
    conversation = Conversation.new("Be brief.")
    for cell in ("a", "b", "c"):
        conversation = conversation.append(exchange(f"ask {cell}", cell_key=cell))
    forked, left = conversation.fork_for("b")
    assert left == 1
    rerun = forked.append(exchange("ask b better", cell_key="b"))
    assert questions(rerun) == ["ask a", "ask b better"]
    assert [leaf.messages[0]["content"] for leaf in rerun.branches()] == ["ask c", "ask b better"]
    # The cell below was never run on this branch: it goes on from here, it does not fork.
    assert rerun.fork_for("c") == (rerun, 0)


def test_rerunning_the_first_cell_begins_at_the_root() -> None:
    conversation = Conversation.new().append(exchange("one", cell_key="a")).append(exchange("two", cell_key="b"))
    forked, left = conversation.fork_for("a")
    assert (forked.head, forked.messages(), left) == (None, [], 1)
    assert questions(forked.append(exchange("one again", cell_key="a"))) == ["one again"]


def test_the_system_prompt_comes_first_and_can_be_exchanged() -> None:
    conversation = Conversation.new("Be brief.").append(exchange("hi"))
    assert [message["role"] for message in conversation.messages()] == ["system", "user", "assistant"]
    assert conversation.with_system("Be long.").messages()[0] == {"role": "system", "content": "Be long."}
    assert conversation.with_system(None).messages()[0]["role"] == "user"


def test_an_interrupted_turn_keeps_its_partial_text_and_says_so() -> None:
    conversation = Conversation.new().append(exchange("tell me", "Once upon a", mark="interrupted"))
    assert conversation.messages()[-1] == {"role": "assistant", "content": "Once upon a"}
    assert Conversation.from_dict(conversation.to_dict()).path()[-1].mark == "interrupted"


def test_a_turn_that_began_earlier_becomes_a_branch_beside_the_faster_one() -> None:
    start = Conversation.new().append(exchange("start"))
    slow = exchange("slow", parent_id=start.head)
    both = start.append(exchange("fast")).append(slow)
    assert questions(both) == ["start", "slow"]
    assert len(both.branches()) == 2


def test_history_cannot_be_rewritten_through_what_goes_in_or_comes_out() -> None:
    given_messages = [{"role": "user", "content": [{"type": "text", "text": "as asked"}]}]
    conversation = Conversation.new().append(Turn.new(given_messages))
    given_messages[0]["content"][0]["text"] = "changed"  # type: ignore[index]
    conversation.messages()[0]["content"][0]["text"] = "changed"
    conversation.to_dict()["turns"][0]["messages"][0]["content"][0]["text"] = "changed"
    assert conversation.messages()[0]["content"][0]["text"] == "as asked"
    with pytest.raises(FrozenInstanceError):
        conversation.head = None  # type: ignore[misc]


def test_unknown_turns_are_refused_where_they_are_named() -> None:
    conversation = Conversation.new().append(exchange("one"))
    with pytest.raises(PromptError, match="'nowhere'"):
        conversation.switch("nowhere")
    with pytest.raises(PromptError, match="'nowhere'"):
        conversation.append(exchange("two", parent_id="nowhere"))
    with pytest.raises(PromptError, match="already"):
        conversation.append(conversation.turns[0])


def _cycle(data: dict[str, Any]) -> None:
    data["turns"][0]["parent_id"] = data["turns"][1]["turn_id"]


def _orphan(data: dict[str, Any]) -> None:
    data["turns"][1]["parent_id"] = "gone"


def _twins(data: dict[str, Any]) -> None:
    data["turns"][1]["turn_id"] = data["turns"][0]["turn_id"]


def _lost_head(data: dict[str, Any]) -> None:
    data["head"] = "gone"


def _no_id(data: dict[str, Any]) -> None:
    del data["conversation_id"]


def _bad_mark(data: dict[str, Any]) -> None:
    data["turns"][0]["mark"] = "lost"


def _bad_message(data: dict[str, Any]) -> None:
    data["turns"][0]["messages"] = ["hello"]


def _self_parent(data: dict[str, Any]) -> None:
    data["turns"][0]["parent_id"] = data["turns"][0]["turn_id"]


@pytest.mark.parametrize("damage", [_cycle, _orphan, _twins, _lost_head, _no_id, _bad_mark, _bad_message, _self_parent])
def test_a_damaged_conversation_is_refused_in_one_line_with_a_next_step(
    damage: Callable[[dict[str, Any]], None],
) -> None:
    data = Conversation.new().append(exchange("one")).append(exchange("two")).to_dict()
    damage(data)
    with pytest.raises(StoreError, match="%portkey reset") as caught:
        Conversation.from_dict(data)
    assert "\n" not in caught.value.message


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["conversation_id", "turns", "head", "system", "turn_id", "parent_id", "messages", "role"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(_ANYTHING)
def test_reading_anything_gives_a_conversation_or_one_of_our_errors(data: Any) -> None:
    try:
        conversation = Conversation.from_dict(data)
    except PortkeyError:
        return
    assert Conversation.from_dict(conversation.to_dict()) == conversation
