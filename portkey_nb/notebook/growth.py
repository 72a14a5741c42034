"""A reply under way: what has come of it, and what a page is sent of that, each piece once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from portkey_nb.views.columns import Column, error_html, thought_html
from portkey_nb.views.growing import GrowingMarkdown
from portkey_nb.views.safety import plain_text
from portkey_nb.views.steps import Step, step_html


class LiveColumn:
    """One reply under way: what has come, and what of it has not been painted.

    Pieces may come in one thread and be painted in another.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.length = 0
        self.footer: str | None = None
        self.error: str | None = None
        self.ended = False
        self.changed = True
        self.steps: list[Step] = []
        self.note = ""
        self.noted = self.fenced = False
        self._lock = threading.Lock()
        self._new_parts: list[str | Step] = []
        self._new_reasoning: list[str] = []

    def push(self, text: str, kind: str) -> None:
        """Take a piece of text or reasoning."""
        with self._lock:
            if kind == "reasoning":
                self.reasoning.append(text)
                self._new_reasoning.append(text)
            else:
                self.text.append(text)
                self._new_parts.append(text)
            self.length += len(text)
            self.changed = True

    def step(self, step: Step) -> None:
        """Take a step before the answer; the text so far was said on the way to it."""
        with self._lock:
            said = "".join(self.text)
            self.steps += [Step(text=said), step] if said else [step]
            self.text.clear()
            self.fenced = False
            self._new_parts.append(step)
            self.length += len(step.result)
            self.changed = True

    def end(self, footer: str | None = None, error: str | None = None) -> None:
        """Note that the reply has ended, and how."""
        with self._lock:
            self.footer = self.footer if footer is None else footer
            self.error = self.error if error is None else error
            self.ended = self.changed = True

    def take(self) -> tuple[list[str | Step], str]:
        """Return the texts and steps, in order, and the reasoning that have not been painted; they count as painted."""
        with self._lock:
            new, thought = self._new_parts, self._new_reasoning
            self._new_parts, self._new_reasoning, self.changed = [], [], False
        parts: list[str | Step] = []
        for part in new:
            if parts and isinstance(part, str) and isinstance(parts[-1], str):
                parts[-1] += part
            else:
                parts.append(part)
        return parts, "".join(thought)

    def static(self) -> Column:
        """Return the column as it stands."""
        with self._lock:
            return Column(
                label=self.label,
                text="".join(self.text),
                footer=self.footer or self.note,
                error=self.error,
                reasoning="".join(self.reasoning),
                steps=tuple(self.steps),
            )


class Growth:
    """What pages are sent of one reply as it grows: changes that ``column.js`` applies in their order.

    A change is a mapping with some of these keys, applied in this order: ``n`` a note for the line under the reply,
    ``k`` the fold for what the model thinks, ``h`` text added to that fold, ``o`` operations on the closed HTML (see
    `portkey_nb.views.growing.Update`), ``r`` the open tail is emptied, ``t`` text added to the tail, ``e`` an error as
    HTML, ``d`` the reply is done, ``f`` the footer's text.

    Parameters
    ----------
    errors : bool
        Whether a reply that failed ends with its error; where it does not, that is shown by other means.

    Examples
    --------
    >>> column, growth = LiveColumn("gpt-4o"), Growth()
    >>> column.push("One *two*\\n\\nThr", "text")
    >>> growth.change(column)
    {'o': ['=<p>One <em>two</em></p>\\n'], 'r': 1, 't': 'Thr'}
    """

    def __init__(self, *, errors: bool = True) -> None:
        self._errors = errors
        self._growing = GrowingMarkdown()
        self._thinking = self._done = False
        self._once: dict[str, Any] = {}
        self._thought: list[str] = []
        self._ops: list[str] = []
        self._tail: list[str] = []

    def change(self, column: LiveColumn) -> dict[str, Any]:
        """Return what has come of a reply since the last call, empty where that is nothing; it counts as painted."""
        ended = column.ended  # before its pieces are taken: those that come later belong to a later change
        parts, reasoning = column.take()
        change: dict[str, Any] = {}
        if column.note and not column.noted:
            column.noted = True
            change["n"] = column.note
        if reasoning and not self._thinking:
            self._thinking = True
            change["k"] = thought_html(open_=True)
        if reasoning:
            change["h"] = plain_text(reasoning)
        ending = ended and not self._done
        ops, reset, tail = self._grow(parts, ending=ending)
        change |= {"o": ops} if ops else {}
        change |= {"r": 1} if reset else {}
        change |= {"t": tail} if tail else {}
        if ending:
            self._done = True
            change["d"] = 1
        if ended:
            change["f"] = column.footer or ""
            if column.error and self._errors:
                change["e"] = error_html(column.error)
        self._keep(change)
        return change

    @property
    def log(self) -> list[dict[str, Any]]:
        """All changes so far in as few as will do: a page that applies them has what one has that saw each."""
        merged = dict(self._once)
        if self._thought:
            merged["h"] = "".join(self._thought)
        if self._ops:
            merged["o"] = _joined(self._ops)
        if self._tail:
            merged["t"] = "".join(self._tail)
        return [merged] if merged else []

    def _keep(self, change: dict[str, Any]) -> None:
        self._once |= {key: change[key] for key in ("n", "k", "e", "d", "f") if key in change}
        self._thought += [change["h"]] if "h" in change else []
        self._ops += change.get("o", ())
        if "r" in change:
            self._tail.clear()
        self._tail += [change["t"]] if "t" in change else []

    def _grow(self, parts: Sequence[str | Step], *, ending: bool) -> tuple[list[str], bool, str]:
        """Return what texts and steps add to a column: operations, whether the open tail goes, and the new tail."""
        ops: list[str] = []
        reset, tail = False, ""
        for part in [*parts, None] if ending else parts:
            if isinstance(part, str):
                update = self._growing.feed(part)
            else:
                # A step closes the text before it; what is said after it begins anew.
                update = self._growing.finish()
                self._growing = GrowingMarkdown()
            ops += update.ops
            tail = update.tail if update.reset else tail + update.tail
            reset = reset or update.reset
            if isinstance(part, Step):
                ops.append("=" + step_html(part))
        return ops, reset, tail


def _joined(ops: Sequence[str]) -> list[str]:
    """Join operations that add to the same element one after the other."""
    runs: list[list[str]] = []
    for op in ops:
        if op[0] == "=" and runs and runs[-1][0][0] == "=":
            runs[-1].append(op[1:])
        else:
            runs.append([op])
    return ["".join(run) for run in runs]
