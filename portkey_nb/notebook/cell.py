"""One ``%%portkey`` cell from plan to reply: called, painted, logged, bound; then it fails if something failed."""

from __future__ import annotations

from typing import Any

from portkey_nb.engine.asking import reply_of, tell_trouble
from portkey_nb.engine.call import Outcome
from portkey_nb.engine.record import Run
from portkey_nb.engine.reply import Replies, Reply
from portkey_nb.engine.store import open_store
from portkey_nb.engine.talks import answered
from portkey_nb.errors import PortkeyError, SchemaError
from portkey_nb.notebook.live import LiveCell
from portkey_nb.notebook.options import CellOptions
from portkey_nb.notebook.place import live_mode
from portkey_nb.notebook.plan import Plan, plan_cell, route
from portkey_nb.notebook.preview import preview, preview_template
from portkey_nb.notebook.stopping import StopButton
from portkey_nb.notebook.templates import given_variables
from portkey_nb.notebook.watching import Question, shown, watch
from portkey_nb.views.columns import bundle


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
    if options.dry_run and options.prompt is not None:
        variables = given_variables(options, body, magics.shell.user_ns)
        preview_template(*route(magics, options), options.prompt, variables)
        return None
    plan = plan_cell(magics, options, body)
    if options.dry_run:
        preview(plan)
        return None
    view = LiveCell([call.label for call in plan.calls], mode=live_mode(magics.shell, magics.live))
    with StopButton() as stop:
        questions = watch(plan, view, stop)
        replies = _show_whole(magics, options, plan, view, questions)
    value = replies if len(questions) > 1 else next(iter(replies.values()), None)
    error = _error(questions, stop.pressed)
    if options.output is not None and value is not None:
        magics.shell.user_ns[options.output] = _bound(value, error)
    if error is not None:
        if options.output is None and value is not None:
            # The cell fails, and what came is still at hand as `_`.
            magics.shell.displayhook.update_user_ns(value)
        raise error
    if value is None:
        return None
    if options.output is not None:
        if isinstance(value, Reply) and value.parsed is not None:
            # The name holds the object; the reply around it stays at hand.
            magics.shell.displayhook.update_user_ns(value)
        return None
    value.painted_in(magics.shell.execution_count)
    return value


def _bound(value: Reply | Replies, error: PortkeyError | None) -> Any:
    """Return what a name is bound to: with a schema the object that came, else the reply."""
    if isinstance(value, Reply) and value.parsed is not None and error is None:
        return value.parsed
    return value


def _show_whole(magics: Any, options: CellOptions, plan: Plan, view: LiveCell, questions: list[Question]) -> Replies:
    """Put static output in place of what was painted, and keep what a later cell will ask for."""
    replies = Replies()
    for question in questions:
        if isinstance(question.outcome, Outcome):
            replies[question.label] = _reply(question)
    _save_turn(magics, options, plan, questions[0])
    view.close(bundle([shown(question, plan.turn) for question in questions]))
    tell_trouble(plan.store or (open_store() if plan.turn else None))
    magics.known.models.update(reply.run.model for reply in replies.values() if reply.run.status == "ok")
    return replies


def _reply(question: Question) -> Reply:
    outcome, rounds = question.outcome, question.rounds
    assert isinstance(outcome, Outcome)
    if (unfinished := rounds.unfinished(outcome)) is not None:
        rounds.failed(outcome, unfinished)
    if question.whole and rounds.call.schema is not None:
        try:
            return reply_of(rounds, outcome)
        except SchemaError as error:
            question.misfit = error
    return Reply(outcome.run, rounds.call.messages, None, rounds.steps, rounds.earlier)


def _save_turn(magics: Any, options: CellOptions, plan: Plan, question: Question) -> None:
    turn, outcome = plan.turn, question.outcome
    if turn is None or not isinstance(outcome, Outcome):
        return
    parent, asked = turn.conversation.head, plan.prompt.messages
    added = answered(turn.conversation, asked, question.rounds, outcome, parent_id=parent, cell_key=turn.cell_key)
    if added is None:
        return
    turn.talk.add(added, system=plan.prompt.system or None, run=outcome.run)
    name = str(options.chat)
    magics.known.chats[name] = magics.known.chats.get(name, 0) + 1


def _error(questions: list[Question], interrupted: bool) -> PortkeyError | None:
    """Return the one line with which the cell fails, None when all went well."""
    if interrupted:
        if any(question.open for question in questions):
            return PortkeyError("interrupted while tools were called; what came is kept in the cell and in runs()")
        runs = [question.outcome.run for question in questions if isinstance(question.outcome, Outcome)]
        kept = sum(1 for run in runs if run.text)
        return PortkeyError(_interruption(runs, kept))
    failed = [(question.label, question.error) for question in questions if question.error is not None]
    if not failed:
        return None
    if len(questions) == 1:
        return failed[0][1]
    if len(failed) == len(questions) and len({error.message for _, error in failed}) == 1:
        return failed[0][1]
    named = ", ".join(f"{label} ({type(error).__name__})" for label, error in failed)
    return PortkeyError(f"{len(failed)} of {len(questions)} models failed: {named}; each column says why")


def _interruption(runs: list[Run], kept: int) -> str:
    if not kept:
        return "interrupted before anything came; run the cell again"
    if all(run.status == "ok" for run in runs):
        return "interrupted when all had come; it is kept in the cell and in runs()"
    where = "the partial reply is" if kept == 1 and len(runs) == 1 else "what came is"
    return f"interrupted; {where} kept in the cell and in runs(), and the provider may still bill what it wrote"
