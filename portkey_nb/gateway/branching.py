"""Finding one's way in a tree of turns: the newest end of a branch, the branch that reads as wanted, new turns cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portkey_nb.gateway.turns import Turn

Message = Mapping[str, Any]


def newest_under(turns: Iterable[Turn], first: Iterable[str]) -> str:
    """Return the id of the turn that was added last among some turns and those that follow them.

    Parameters
    ----------
    turns : iterable of Turn
        All of the tree, each after the turn it follows.
    first : iterable of str
        Ids; at least one.
    """
    under = set(first)
    newest = ""
    for turn in turns:
        if turn.turn_id in under or turn.parent_id in under:
            under.add(turn.turn_id)
            newest = turn.turn_id
    return newest


def longest_reading(turns: Iterable[Turn], path: Sequence[Turn], wanted: Sequence[Message]) -> tuple[str | None, int]:
    """Find where the branch ends that reads as the most of some messages, from the first one on.

    Parameters
    ----------
    turns : iterable of Turn
        All of the tree, each after the turn it follows.
    path : sequence of Turn
        The present branch. Among branches that read as many messages, the one that shares most with it is found, and
        among those the newest.
    wanted : sequence of mappings

    Returns
    -------
    turn_id : str or None
        The last turn of that branch; None is the root.
    read : int
        How many messages it reads.
    """
    present = {turn.turn_id for turn in path}
    # Turn -> messages read up to its end, turns of them on the present branch.
    reached: dict[str | None, tuple[int, int]] = {None: (0, 0)}
    best: tuple[tuple[int, int], str | None] = ((0, 0), None)
    for turn in turns:
        if turn.parent_id not in reached:
            continue
        read, shared = reached[turn.parent_id]
        end = read + len(turn.messages)
        if list(turn.messages) == list(wanted[read:end]):
            reached[turn.turn_id] = at = (end, shared + (turn.turn_id in present))
            if at >= best[0]:
                best = (at, turn.turn_id)
    return best[1], best[0][0]


def cut(messages: Sequence[Message], old: Sequence[Turn]) -> list[Turn]:
    """Make turns of messages, each but the last one ending with an answer.

    Parameters
    ----------
    messages : sequence of mappings
    old : sequence of Turn
        Turns that the messages may have been taken from, in their order. Where one that ends with an answer is found
        again word for word, the new turn has its run, its cell and its mark; each is found once.
    """
    made: list[Turn] = []
    left = [turn for turn in old if turn.messages and _answers(turn.messages[-1])]
    at = 0
    while at < len(messages):
        same = next((t for t in left if list(t.messages) == list(messages[at : at + len(t.messages)])), None)
        if same is not None:
            left.remove(same)
            made.append(Turn.new(same.messages, run_id=same.run_id, cell_key=same.cell_key, mark=same.mark))
            at += len(same.messages)
            continue
        end = next((i + 1 for i in range(at, len(messages)) if _answers(messages[i])), len(messages))
        made.append(Turn.new(messages[at:end]))
        at = end
    return made


def _answers(message: Message) -> bool:
    """Tell whether a message ends a turn; one that calls tools is on the way to the answer."""
    return message.get("role") == "assistant" and not message.get("tool_calls")
