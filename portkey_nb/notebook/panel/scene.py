"""What a panel shows: conversation, exchange under way, draft and troubles in, the page's entries and bar out."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from portkey_nb.engine.record import Run
from portkey_nb.engine.transcript import Answer, Row, message_images, message_text, rows, totals_line
from portkey_nb.gateway.conversation import Conversation
from portkey_nb.notebook.growth import LiveColumn
from portkey_nb.notebook.panel.draft import Draft
from portkey_nb.views.columns import Column, error_html, thought_html
from portkey_nb.views.fragments import block_html
from portkey_nb.views.highlighting import with_colours
from portkey_nb.views.steps import step_html
from portkey_nb.views.transcript import message_html

Entry = dict[str, Any]
_Pictured = tuple[Mapping[str, Any], list[Entry]]
"""A message and its images; that it is held keeps its id its own."""


@dataclass(frozen=True, kw_only=True)
class Underway:
    """One model's answer that is not, or will never be, in the conversation.

    Attributes
    ----------
    id : str
        The turn that it becomes.
    label : str
    live : LiveColumn
        What has come.
    state : {"live", "done", "failed"}
    column : Column or None
        How it came out; None while it is under way.
    began : float
        When it was sent, by the monotonic clock in seconds.
    """

    id: str
    label: str
    live: LiveColumn
    state: str
    column: Column | None
    began: float


@dataclass(frozen=True, kw_only=True)
class Pending:
    """A message sent to one or several models, whose answers are under way or have failed.

    Attributes
    ----------
    id : str
        Of the group of turns that it becomes.
    asked : tuple of mappings
        The messages that were added; empty where an open conversation was sent.
    answers : tuple of Underway
    beside : bool
        Whether the answers stand beside those that the conversation has for the same group.
    order : tuple of str
        The turns that were asked for, in the order of their models; further ones of the group stand before them.
    """

    id: str
    asked: tuple[Mapping[str, Any], ...]
    answers: tuple[Underway, ...]
    beside: bool = False
    order: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether none of the answers is under way."""
        return all(answer.state != "live" for answer in self.answers)


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that decides what a panel shows."""

    title: str
    conversation: Conversation
    runs: Mapping[str, Run]
    pending: Pending | None = None
    busy: bool = False
    trouble: str = ""
    models: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    draft: Draft = field(default_factory=Draft)
    undo: bool = False
    redo: bool = False
    demo: bool = False
    notice: Mapping[str, Any] = field(default_factory=dict)
    twin: Mapping[str, Any] = field(default_factory=dict)


class Scene:
    """Makes entries and bar of a state, each message rendered once; used by one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[Hashable, str] = {}
        self._used: dict[Hashable, str] = {}
        self._pictured: dict[int, _Pictured] = {}
        self._pictures: dict[int, _Pictured] = {}

    def make(self, state: State) -> tuple[list[Entry], dict[str, Any]]:
        """Return what the page shows of a state."""
        self._used, self._pictures = {}, {}
        found = rows(state.conversation, state.runs)
        groups = {turn.turn_id: turn.group for turn in state.conversation.turns}
        ended = {turn.turn_id: len(turn.messages) - 1 for turn in state.conversation.turns}
        entries = [
            self._entry(row, groups[row.turn_id], place, len(found), whole=row.place == ended[row.turn_id])
            for place, row in enumerate(found)
        ]
        if state.pending is not None:
            self._add_pending(entries, state.pending)
        self._known, self._pictured = self._used, self._pictures
        return entries, _bar(state, entries)

    def _entry(self, row: Row, group: str, place: int, count: int, *, whole: bool) -> Entry:
        answered = bool(row.answers) and whole
        several = len(row.answers) > 1
        can = ["copy"] if not several else []
        # What waits for the end of an exchange the page knows by the bar: a conversation is long, and stays as it is.
        can += ["edit", "remove"] if row.role != "tool" else ["remove"]
        can += ["move_up"] if place else []
        can += ["move_down"] if place < count - 1 else []
        can += ["retry"] if answered else []
        can += ["retry_with"] if answered and not several else []
        can += ["step"] if row.branch else []
        answers = [self._column(answer, several=several, rated=answered) for answer in row.answers]
        said = "" if answers else self._html(("said", row.role, message_text(row.message)), _said, row)
        return {
            "id": entry_id(row, group, whole=whole),
            "role": row.role,
            "html": said,
            "columns": answers,
            "images": self._images(row.message),
            "can": can,
            "branch": list(row.branch) if row.branch else None,
            "note": "",
            "turn": row.turn_id,
        }

    def _column(self, answer: Answer, *, several: bool, rated: bool) -> Entry:
        run = answer.run
        can = ["rate"] if run is not None and rated else []
        can += ["copy"] if several else []
        if several:
            can += [*([] if answer.chosen else ["choose"]), "retry", "retry_with"]
        rating = run.rating if run is not None else None
        return {
            "id": answer.turn_id,
            "label": answer.column.label,
            "html": self._answer_html(answer.column),
            "state": "done",
            "footer": answer.column.footer,
            "error": "",
            "chosen": answer.chosen,
            "rating": 0 if not rating else 1 if rating > 0 else -1,
            "can": can,
        }

    def _answer_html(self, column: Column) -> str:
        return self._html(("answer", column.text, column.reasoning, tuple(column.steps)), answer_html, column)

    def _html(self, key: Hashable, make: Callable[[Any], str], given: Any) -> str:
        if key not in self._used:
            found = self._known.get(key)
            self._used[key] = make(given) if found is None else found
        return self._used[key]

    def _images(self, message: Mapping[str, Any]) -> list[Entry]:
        """Return the images of a message, which are decoded once as long as it is the same object."""
        known = self._pictures.get(id(message)) or self._pictured.get(id(message))
        if known is None:
            known = message, [{"label": label, "src": src} for label, src in message_images(message)]
        self._pictures[id(message)] = known
        return known[1]

    def _add_pending(self, entries: list[Entry], pending: Pending) -> None:
        columns = [self._underway(answer, several=len(pending.answers) > 1) for answer in pending.answers]
        over = pending.over
        for entry in entries:
            if entry["id"] == f"{pending.id}:a" and pending.beside:
                several = len(entry["columns"]) + len(columns) > 1
                for column in entry["columns"] if several else ():
                    kept = ("rate", "copy", "choose") if over else ("rate", "copy")
                    column["can"] = [name for name in kept if name in (*column["can"], "copy")]
                    column["can"] += ["retry", "retry_with"] if over else []
                for column in columns:
                    column["can"] = ["retry", "retry_with"] if over else []
                places = {name: place for place, name in enumerate(pending.order)}
                entry["columns"] = sorted([*entry["columns"], *columns], key=lambda one: places.get(one["id"], -1))
                entry["can"] += ["dismiss"] if over else []
                return
        first = len(entries)
        for place, message in enumerate(pending.asked):
            entries.append(self._asked(pending, place, message))
        can = ["retry", "retry_with", "dismiss"] if over else []
        if len(columns) > 1:
            can = ["retry", "dismiss"] if over else []
        entries.append(
            {
                "id": f"{pending.id}:a",
                "role": "assistant",
                "html": "",
                "columns": columns,
                "images": [],
                "can": can,
                "branch": None,
                "note": "",
                "turn": pending.id,
            }
        )
        if over and len(entries) > first + 1:
            entries[first]["note"] = "not in the conversation yet: no answer came"

    def _asked(self, pending: Pending, place: int, message: Mapping[str, Any]) -> Entry:
        role, text = str(message.get("role")), message_text(message)
        return {
            "id": f"{pending.id}:{place}",
            "role": role,
            "html": self._html(("said", role, text), _said_message, message),
            "columns": [],
            "images": self._images(message),
            "can": ["edit", "copy"] if pending.over and role == "user" else ["copy"],
            "branch": None,
            "note": "",
            "turn": pending.id,
        }

    def _underway(self, answer: Underway, *, several: bool) -> Entry:
        column = answer.column
        found: Entry = {
            "id": answer.id,
            "label": answer.label,
            "state": answer.state,
            "footer": column.footer if column is not None else "",
            "error": error_html(column.error) if column is not None and column.error else "",
            "chosen": False,
            "rating": 0,
            "can": ["retry", "retry_with"] if several and answer.state == "failed" else [],
        }
        if column is None or answer.state == "live":
            return {**found, "live": answer.live, "waited": round(time.monotonic() - answer.began, 1)}
        return {**found, "html": self._answer_html(column)}


def entry_id(row: Row, group: str, *, whole: bool) -> str:
    """Return an entry's name, which stays when another answer of the group is chosen and when tools were called.

    Parameters
    ----------
    row : Row
    group : str
        Of its turn.
    whole : bool
        Whether the row ends its turn.
    """
    return f"{group}:a" if row.answers and whole else f"{group}:{row.place}"


def answer_html(column: Column) -> str:
    """Return an answer's thoughts, tools and text as safe HTML; what stood while it grew looks the same."""
    thought = thought_html(column.reasoning) if column.reasoning else ""
    return with_colours(thought + "".join(step_html(step) for step in column.steps) + block_html(column.text, {}))


def _said(row: Row) -> str:
    return _said_message(row.message)


def _said_message(message: Mapping[str, Any]) -> str:
    return message_html(message_text(message))


def _of_the_demo(state: State) -> bool:
    """Whether the demo gateway gave the answer that was added last, or else would give the first."""
    known = [state.runs.get(turn.run_id or "") for turn in state.conversation.turns]
    given = [run for run in known if run is not None]
    return bool(given[-1].demo) if given else state.demo


def _bar(state: State, entries: Sequence[Entry]) -> dict[str, Any]:
    count = len(entries)
    totals = totals_line(state.runs.values())
    said = f"{count} message{'' if count == 1 else 's'}"
    return {
        "title": state.title,
        "busy": state.busy,
        "ready": not state.busy and not state.trouble,
        "why": state.trouble,
        "totals": f"{said} · {totals}" if totals else said,
        "models": list(state.models),
        "known": list(state.known),
        "draft": state.draft.shown(),
        "undo": state.undo and not state.busy,
        "redo": state.redo and not state.busy,
        "clear": bool(entries) and not state.busy,
        "open": state.conversation.open,
        "demo": _of_the_demo(state),
        "notice": dict(state.notice),
        "twin": dict(state.twin),
    }
