"""A cell's calls while they run: what comes is painted, and the tools that models call are run in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from portkey_nb.engine.call import Call, Event, Outcome
from portkey_nb.engine.connections import client_for
from portkey_nb.engine.foresight import Foresight, foresee
from portkey_nb.engine.rounds import Rounds, Step
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import Running
from portkey_nb.engine.summary import column, shown_step
from portkey_nb.errors import PortkeyError, SchemaError
from portkey_nb.notebook.chats import ChatTurn
from portkey_nb.notebook.live import LiveCell
from portkey_nb.notebook.plan import Plan
from portkey_nb.notebook.stopping import StopButton
from portkey_nb.views.columns import Column

TICK_S = 0.04
"""Longest wait for the next piece before the painter gets its turn."""


@dataclass
class Question:
    """One column of a cell: what was asked, and how it came out.

    Attributes
    ----------
    asked : Call
        The first request.
    rounds : Rounds
        The requests that followed it.
    outcome : Outcome, PortkeyError or None
        How the last one came out; an error where it was not sent, None where nothing is known.
    failure : PortkeyError or None
        Why the request that should have carried what tools gave was not sent.
    misfit : SchemaError or None
        Where the answer came and does not fit the schema.
    warnings : tuple of str
        What in the Config has no effect.
    """

    asked: Call
    rounds: Rounds
    outcome: Outcome | PortkeyError | None = None
    failure: PortkeyError | None = None
    misfit: SchemaError | None = None
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What its column is called."""
        return self.asked.label

    @property
    def whole(self) -> bool:
        """Whether there is a whole answer."""
        return isinstance(self.outcome, Outcome) and self.outcome.run.status == "ok" and not self.open

    @property
    def open(self) -> bool:
        """Whether the last answer calls tools, and no request followed it."""
        return isinstance(self.outcome, Outcome) and self.rounds.wants(self.outcome)

    @property
    def error(self) -> PortkeyError | None:
        """Why there is no whole answer, or none that fits."""
        if isinstance(self.outcome, PortkeyError):
            return self.outcome
        if self.outcome is None:
            return None
        return self.outcome.error or self.failure or self.rounds.unfinished(self.outcome) or self.misfit

    def settle(self, outcome: Outcome | PortkeyError | None) -> None:
        """Take how the last request came out; where it was never made, what came before it counts."""
        held = None if isinstance(outcome, Outcome) else self.rounds.unsent()
        if self.rounds.broken is not None:
            self.outcome = self.rounds.broken
        elif held is None:
            self.outcome = outcome
        else:
            self.outcome = held
            self.failure = outcome if isinstance(outcome, PortkeyError) else None


def watch(plan: Plan, view: LiveCell, stop: StopButton) -> list[Question]:
    """Follow a cell's calls until all are done or the person presses stop.

    Parameters
    ----------
    plan : Plan
    view : LiveCell
    stop : StopButton

    Returns
    -------
    list of Question
        One for each call of the plan, in its order.
    """
    keep = plan.store.finish if plan.store is not None else None
    questions = [Question(call, Rounds(call, keep=keep, steps=list(plan.steps))) for call in plan.calls]
    for index, question in enumerate(questions):
        sight = _foreseen(question.asked)
        if sight is not None:
            view.note(index, " · ".join([*sight.sentences, *plan.warnings]))
            question.warnings = (*sight.warnings, *plan.warnings)
        for step in plan.steps:
            view.step(index, shown_step(step))
    view.start()
    if stop.pressed:
        return questions
    watched = _Watched(questions, plan.turn, Running(Runner(plan.store), plan.calls), view, stop)
    try:
        watched.follow(watched.running.events(TICK_S))
    except KeyboardInterrupt:  # in a tool, or in a shell that interrupts by other means than a signal
        stop.pressed = True
    if stop.pressed:
        watched.running.stop()
        watched.follow(watched.running.waiting(), to_the_end=True)
    for question, outcome in zip(questions, watched.running.outcomes(), strict=True):
        question.settle(outcome)
    return questions


def _foreseen(call: Call) -> Foresight | None:
    """Return what is known to become of a call, None where it cannot be made, which it will say itself."""
    try:
        return foresee(call, client_for(call.base_url, call.options))
    except PortkeyError:
        return None


def shown(question: Question, turn: ChatTurn | None) -> Column:
    """Return a question as it came out, as a column."""
    outcome, call, rounds = question.outcome, question.asked, question.rounds
    if not isinstance(outcome, Outcome):
        said = outcome.message if isinstance(outcome, PortkeyError) else None
        return Column(label=call.label, text="", footer=f"{call.model} · not sent", error=said, reasoning="")
    as_json = call.schema is not None and outcome.run.status == "ok"
    found = column(call.label, outcome.run, steps=rounds.steps, earlier=rounds.earlier, as_json=as_json)
    if question.open and any(step.text == outcome.run.text for step in rounds.steps):
        found = replace(found, text="", plain="")  # shown above the tools
    notes = [*question.warnings, *([turn.note] if turn is not None and turn.note else [])]
    found = replace(found, footer=" · ".join([found.footer, *notes]))
    failed = question.failure or question.misfit or rounds.unfinished(outcome)
    return replace(found, error=failed.message) if failed is not None else found


class _Watched:
    """The calls under way, and the view that shows them."""

    def __init__(
        self, questions: list[Question], turn: ChatTurn | None, running: Running, view: LiveCell, stop: StopButton
    ) -> None:
        self.questions = questions
        self.turn = turn
        self.running = running
        self.view = view
        self.stop = stop

    def follow(self, events: Iterator[Event | None], *, to_the_end: bool = False) -> None:
        """Paint what happens until there is no more or, unless it is to be seen ``to_the_end``, a press of stop."""
        for event in events:
            if event is not None and event.kind == "done":
                self._done(event.index)
            elif event is not None:
                self.view.push(event.index, event.text, event.kind)
            self.view.paint()
            if self.stop.pressed and not to_the_end:
                return

    def _done(self, index: int) -> None:
        question = self.questions[index]
        outcome = self.running.outcome(index)
        question.settle(outcome)
        following = self._run_tools(index, question.rounds, outcome)
        if following is not None:
            self.running.go_on(index, following)
            return
        found = shown(question, self.turn)
        if found.error:
            self.view.fail(index, found.error)
        self.view.footer(index, found.footer)

    def _run_tools(self, index: int, rounds: Rounds, outcome: Outcome | PortkeyError | None) -> Call | None:
        if self.stop.pressed or not isinstance(outcome, Outcome):
            return None

        def tell(step: Step) -> None:
            if step.result is not None:
                self.view.step(index, shown_step(step))
                self.view.paint()
            if self.stop.pressed:  # a function may have swallowed it
                raise KeyboardInterrupt

        with self.stop.lent():
            return rounds.following(outcome, tell)
