"""One ``%%portkey`` cell from plan to reply: called, painted, logged, bound; then it fails if something failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from portkey_nb.engine.asking import tell_trouble
from portkey_nb.engine.call import Call, Event, Outcome
from portkey_nb.engine.record import Run
from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import Running
from portkey_nb.engine.store import open_store
from portkey_nb.engine.summary import column
from portkey_nb.errors import PortkeyError
from portkey_nb.notebook.chats import ChatTurn
from portkey_nb.notebook.live import LiveCell
from portkey_nb.notebook.options import CellOptions
from portkey_nb.notebook.place import live_mode
from portkey_nb.notebook.plan import Plan, plan_cell
from portkey_nb.notebook.preview import preview
from portkey_nb.notebook.stopping import StopButton
from portkey_nb.views.columns import Column, bundle

TICK_S = 0.04
"""Longest wait for the next piece before the painter gets its turn."""


def run_cell(magics: Any, options: CellOptions, body: str) -> Reply | Replies | None:
    """Run a cell and return its reply, or its replies by label.

    Returns
    -------
    Reply or Replies or None
        None where the reply was bound to a name, or nothing was sent.

    Raises
    ------
    PortkeyError
        After everything that came was shown, bound and logged: the cell was interrupted, or a call failed.
    """
    plan = plan_cell(magics, options, body)
    if options.dry_run:
        preview(plan)
        return None
    view = LiveCell([call.label for call in plan.calls], mode=live_mode(magics.shell, magics.live))
    with StopButton() as stop:
        outcomes = _watch(plan, view, stop)
        replies = _show_whole(magics, options, plan, view, outcomes)
    value = _value(plan, replies)
    error = _error(plan, outcomes, stop.pressed)
    if options.output is not None and value is not None:
        magics.shell.user_ns[options.output] = value
    if error is not None:
        if options.output is None and value is not None:
            # The cell fails, and what came is still at hand as `_`.
            magics.shell.displayhook.update_user_ns(value)
        raise error
    if options.output is not None or value is None:
        return None
    value.painted_in(magics.shell.execution_count)
    return value


def _watch(plan: Plan, view: LiveCell, stop: StopButton) -> list[Outcome | PortkeyError | None]:
    """Follow the calls until all are done or the person presses stop."""
    view.start()
    running = Running(Runner(plan.store), plan.calls)
    try:
        _paint(plan, running, view, running.events(TICK_S), stop)
    except KeyboardInterrupt:  # a shell that interrupts by other means than a signal
        stop.pressed = True
    if stop.pressed:
        running.stop()
        _paint(plan, running, view, running.waiting())
    return running.outcomes()


def _show_whole(
    magics: Any, options: CellOptions, plan: Plan, view: LiveCell, outcomes: list[Outcome | PortkeyError | None]
) -> Replies:
    """Put static output in place of what was painted, and keep what a later cell will ask for."""
    replies = _replies(plan, outcomes)
    _save_turn(magics, options, plan, outcomes)
    columns = [_column(call, outcome, plan.turn) for call, outcome in zip(plan.calls, outcomes, strict=True)]
    view.close(bundle(columns))
    tell_trouble(plan.store or (open_store() if plan.turn else None))
    magics.known.models.update(reply.run.model for reply in replies.values() if reply.run.status == "ok")
    return replies


def _paint(
    plan: Plan, running: Running, view: LiveCell, events: Iterator[Event | None], stop: StopButton | None = None
) -> None:
    for event in events:
        if event is not None and event.kind == "done":
            shown = _column(plan.calls[event.index], running.outcome(event.index), plan.turn)
            if shown.error:
                view.fail(event.index, shown.error)
            view.footer(event.index, shown.footer)
        elif event is not None:
            view.push(event.index, event.text, event.kind)
        view.paint()
        if stop is not None and stop.pressed:
            return


def _replies(plan: Plan, outcomes: list[Outcome | PortkeyError | None]) -> Replies:
    replies = Replies()
    for call, outcome in zip(plan.calls, outcomes, strict=True):
        if isinstance(outcome, Outcome):
            replies[call.label] = Reply(outcome.run, call.messages)
    return replies


def _save_turn(magics: Any, options: CellOptions, plan: Plan, outcomes: list[Outcome | PortkeyError | None]) -> None:
    turn, outcome = plan.turn, outcomes[0]
    if turn is None or not isinstance(outcome, Outcome):
        return
    run = outcome.run
    kept = run.status == "ok" or (run.status == "interrupted" and run.text)
    if not kept:
        return
    asked = [message for message in plan.prompt.messages if message["role"] != "system"]
    grown = turn.grown(asked, run.text or "", run.run_id, interrupted=run.status == "interrupted")
    if plan.prompt.system:
        grown = grown.with_system(plan.prompt.system)
    open_store().save_conversation(turn.scope, turn.name, grown)
    name = str(options.chat)
    magics.known.chats[name] = magics.known.chats.get(name, 0) + 1


def _column(call: Call, outcome: Outcome | PortkeyError | None, turn: ChatTurn | None) -> Column:
    if isinstance(outcome, Outcome):
        shown = column(call.label, outcome.run)
        if turn is not None and turn.note:
            return replace(shown, footer=f"{shown.footer} · {turn.note}")
        return shown
    said = outcome.message if isinstance(outcome, PortkeyError) else None
    return Column(label=call.label, text="", footer=f"{call.model} · not sent", error=said, reasoning="")


def _value(plan: Plan, replies: Replies) -> Reply | Replies | None:
    return replies if len(plan.calls) > 1 else next(iter(replies.values()), None)


def _error(plan: Plan, outcomes: list[Outcome | PortkeyError | None], interrupted: bool) -> PortkeyError | None:
    """Return the one line with which the cell fails, None when all went well."""
    if interrupted:
        runs = [outcome.run for outcome in outcomes if isinstance(outcome, Outcome)]
        kept = sum(1 for run in runs if run.text)
        return PortkeyError(_interruption(runs, kept))
    failed: list[tuple[str, PortkeyError]] = []
    for call, outcome in zip(plan.calls, outcomes, strict=True):
        if isinstance(outcome, PortkeyError):
            failed.append((call.label, outcome))
        elif outcome is not None and outcome.error is not None:
            failed.append((call.label, outcome.error))
    if not failed:
        return None
    if len(plan.calls) == 1:
        return failed[0][1]
    if len(failed) == len(plan.calls) and len({error.message for _, error in failed}) == 1:
        return failed[0][1]
    named = ", ".join(f"{label} ({type(error).__name__})" for label, error in failed)
    return PortkeyError(f"{len(failed)} of {len(plan.calls)} models failed: {named}; each column says why")


def _interruption(runs: list[Run], kept: int) -> str:
    if not kept:
        return "interrupted before anything came; run the cell again"
    if all(run.status == "ok" for run in runs):
        return "interrupted when all had come; it is kept in the cell and in runs()"
    where = "the partial reply is" if kept == 1 and len(runs) == 1 else "what came is"
    return f"interrupted; {where} kept in the cell and in runs(), and the provider may still bill what it wrote"
