"""A conversation keeps every turn, whatever is appended, forked, switched, saved or read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.errors import PortkeyError, PromptError, StoreError
from portkey_nb.gateway.conversation import Conversation, Turn


def exchange(question: str, answer: str = "yes", **facts: Any) -> Turn:
    return Turn.new([{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **facts)


def asks(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def says(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


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


CALLS = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "function": {"name": "f"}}]}
GAVE = {"role": "tool", "tool_call_id": "c", "content": "4"}
_SAID = st.lists(
    st.sampled_from([asks("a"), asks("b"), says("x"), says("y"), CALLS, GAVE]),
    max_size=7,
)


@st.composite
def trees(draw: st.DrawFn) -> Conversation:
    """Grow a tree of turns that say little, so that branches often read alike."""
    conversation = Conversation.new(draw(st.none() | st.just("Be brief.")))
    for _ in range(draw(st.integers(0, 8))):
        parents = [None, *(turn.turn_id for turn in conversation.turns)]
        conversation = conversation.switch(draw(st.sampled_from(parents))).append(
            Turn.new(
                draw(_SAID),
                run_id=draw(st.none() | st.sampled_from(["r1", "r2", "r3"])),
                cell_key=draw(st.none() | st.just("c1")),
                mark=draw(st.sampled_from(["ok", "interrupted"])),
                group_id=draw(st.none() | st.sampled_from(["g1", "g2"])),
            )
        )
    return conversation.switch(draw(st.sampled_from([None, *(turn.turn_id for turn in conversation.turns)])))


def said(conversation: Conversation) -> list[dict[str, Any]]:
    return [message for turn in conversation.path() for message in turn.messages]


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


@given(conversations() | trees())
def test_a_conversation_survives_json(conversation: Conversation) -> None:
    assert Conversation.from_dict(json.loads(json.dumps(conversation.to_dict()))) == conversation


@given(trees(), _SAID)
def test_a_rewritten_conversation_reads_as_told_and_keeps_every_turn(
    conversation: Conversation, wanted: list[dict[str, Any]]
) -> None:
    changed = conversation.rewritten(wanted)
    assert said(changed) == wanted
    assert changed.system == conversation.system
    assert changed.turns[: len(conversation.turns)] == conversation.turns
    assert changed.rewritten(wanted) is changed
    assert changed.switch(conversation.head).path() == conversation.path()


@given(trees(), st.data())
def test_going_back_to_what_a_branch_reads_makes_no_new_turn(conversation: Conversation, data: st.DataObject) -> None:
    assert conversation.rewritten(said(conversation)) is conversation
    places = [None, *(turn.turn_id for turn in conversation.turns)]
    other = conversation.switch(data.draw(st.sampled_from(places)))
    changed = conversation.rewritten(said(other))
    assert (changed.turns, said(changed)) == (conversation.turns, said(other))


@given(trees(), _SAID)
def test_new_turns_end_with_their_answers_and_take_over_the_runs_of_the_turns_they_repeat(
    conversation: Conversation, wanted: list[dict[str, Any]]
) -> None:
    made = conversation.rewritten(wanted).turns[len(conversation.turns) :]
    old = conversation.path()
    repeated: list[str] = []
    for turn in made:
        same = [each for each in old if each.messages == turn.messages]
        if turn.run_id is not None:
            facts = (turn.run_id, turn.cell_key, turn.mark)
            assert facts in [(each.run_id, each.cell_key, each.mark) for each in same]
            repeated.append(turn.run_id)
        if not same:
            inside = [message for message in turn.messages[:-1] if message["role"] == "assistant"]
            assert all("tool_calls" in message for message in inside)
    for turn in made[:-1]:
        assert turn.messages[-1]["role"] == "assistant"
        assert "tool_calls" not in turn.messages[-1]
    for run_id in repeated:
        assert repeated.count(run_id) <= [turn.run_id for turn in old].count(run_id)


@given(trees(), st.data(), st.integers(-3, 3))
def test_stepping_goes_to_the_newest_end_of_another_alternative(
    conversation: Conversation, data: st.DataObject, by: int
) -> None:
    if not conversation.turns:
        return
    turn = data.draw(st.sampled_from(conversation.turns))
    groups = conversation.alternatives(turn.turn_id)
    assert sorted(each.turn_id for group in groups for each in group) == sorted(
        each.turn_id for each in conversation.turns if each.parent_id == turn.parent_id
    )
    here = next(at for at, group in enumerate(groups) if turn in group)
    stepped = conversation.step(turn.turn_id, by)
    assert stepped.turns == conversation.turns
    if by == 0 or not 0 <= here + by < len(groups):
        assert stepped is conversation
        return
    chosen = groups[here + by]
    assert set(chosen) & set(stepped.path())
    # Nothing that follows the chosen ones is newer.
    order = {each.turn_id: at for at, each in enumerate(conversation.turns)}
    under = [each.turn_id for each in conversation.turns if set(chosen) & set(conversation.switch(each.turn_id).path())]
    assert stepped.head == max(under, key=order.__getitem__)


@given(trees())
def test_undoing_takes_the_last_turn_off_the_branch_and_keeps_it(conversation: Conversation) -> None:
    undone = conversation.undone()
    assert undone.turns == conversation.turns
    assert undone.path() == conversation.path()[:-1]


def test_editing_a_message_branches_there_and_the_rest_keeps_its_runs() -> None:
    conversation = Conversation.new("Be brief.")
    for at in ("one", "two", "three"):
        conversation = conversation.append(exchange(at, f"about {at}", run_id=f"run {at}", cell_key=f"cell {at}"))
    wanted = said(conversation)
    wanted[2] = asks("two, please")
    edited = conversation.rewritten(wanted)
    assert [turn.run_id for turn in edited.path()] == ["run one", None, "run three"]
    assert edited.path()[0] is conversation.path()[0]
    assert edited.fork_for("cell three") == (edited.undone(), 0)
    first = edited.path()[1].turn_id
    assert [len(group) for group in edited.alternatives(first)] == [1, 1]
    assert edited.step(first, -1) == replace(conversation, turns=edited.turns)


def test_of_branches_that_read_alike_the_present_one_counts_and_then_the_newest() -> None:
    conversation = Conversation.new()
    for run_id in ("first", "second", "third"):
        conversation = conversation.switch(None).append(exchange("one", run_id=run_id))
    first, _, third = (turn.turn_id for turn in conversation.turns)
    elsewhere = conversation.switch(None).append(exchange("two"))
    assert elsewhere.rewritten(said(conversation)).head == third
    longer = conversation.switch(first).append(exchange("more"))
    assert longer.rewritten(said(longer)[:2]).head == first


def test_a_message_that_is_repeated_has_but_one_run() -> None:
    conversation = (
        Conversation.new().append(exchange("one", run_id="run one")).append(exchange("two", run_id="run two"))
    )
    one, two = said(conversation)[:2], said(conversation)[2:]
    moved = conversation.rewritten([*two, *one, *two])
    assert [turn.run_id for turn in moved.path()] == ["run two", "run one", None]
    longer = conversation.rewritten([*one, *two, *one])
    assert [turn.run_id for turn in longer.path()] == ["run one", "run two", None]


def test_tool_calls_and_their_results_stay_with_the_answer_they_led_to() -> None:
    asked = [asks("2+2?"), CALLS, GAVE, says("4"), asks("sure?")]
    conversation = Conversation.new().rewritten(asked)
    assert [len(turn.messages) for turn in conversation.path()] == [4, 1]
    assert conversation.open
    assert not conversation.undone().open
    assert not Conversation.new("Be brief.").open


def test_answers_to_one_question_are_one_alternative() -> None:
    conversation = Conversation.new().append(exchange("hi", "from a"))
    first = conversation.turns[0]
    conversation = conversation.switch(None).append(exchange("hi", "from b", group_id=first.group))
    conversation = conversation.switch(None).append(exchange("hello", "from a"))
    answers = [[turn.messages[1]["content"] for turn in group] for group in conversation.alternatives(first.turn_id)]
    assert answers == [["from a", "from b"], ["from a"]]
    assert conversation.latest_under(first.turn_id) == first.turn_id
    assert Conversation.from_dict(conversation.to_dict()) == conversation


def test_turns_of_before_there_were_groups_are_read() -> None:
    data = Conversation.new().append(exchange("hi")).to_dict()
    assert "group_id" not in data["turns"][0]
    turn = Conversation.from_dict(data).turns[0]
    assert turn.group == turn.turn_id


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
    for ask in (conversation.siblings, conversation.alternatives, conversation.latest_under):
        with pytest.raises(PromptError, match="'nowhere'"):
            ask("nowhere")
    with pytest.raises(PromptError, match="'nowhere'"):
        conversation.step("nowhere", 1)


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
