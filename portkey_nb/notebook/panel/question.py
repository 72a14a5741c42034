"""What one model is asked, what has come of its answer, and how it came out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from portkey_nb.engine.asking import reply_of
from portkey_nb.engine.call import Outcome
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.reply import Reply
from portkey_nb.engine.rounds import Rounds
from portkey_nb.engine.summary import column
from portkey_nb.errors import PortkeyError, SchemaError
from portkey_nb.notebook.growth import LiveColumn
from portkey_nb.notebook.panel.scene import Underway
from portkey_nb.views.columns import Column

STOPPED = "stopped before anything came; nothing of it is in the conversation"
CUT = "stopped; what came is kept in the conversation and in runs(), and the provider may still bill what it wrote"


@dataclass(kw_only=True)
class Question:
    """What one model is asked, and how it came out.

    Attributes
    ----------
    id : str
        The turn that it becomes.
    rounds : Rounds or None
        None until the call is made up.
    outcome : Outcome or None
        How the last request came out.
    error : PortkeyError or None
        Why there is no whole answer, or none that fits.
    reply : Reply or None
        The whole answer.
    sent : bool
        Whether anything may have gone out.
    """

    id: str = field(default_factory=new_run_id)
    model: str
    live: LiveColumn
    began: float = field(default_factory=time.monotonic)
    rounds: Rounds | None = None
    outcome: Outcome | None = None
    error: PortkeyError | None = None
    reply: Reply | None = None
    sent: bool = False
    stopped: bool = False
    over: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it ended, was not stopped, and nothing of it can be kept."""
        return self.over and self.error is not None and not isinstance(self.error, SchemaError) and not self.stopped

    def column(self) -> Column | None:
        """Return how it came out, as it is shown."""
        if not self.over:
            return None
        said = self.error.message if self.error is not None else None
        if self.outcome is None or self.rounds is None:
            return replace(self.live.static(), footer=f"{self.model} · not sent", error=said)
        run, rounds = self.outcome.run, self.rounds
        as_json = rounds.call.schema is not None and run.status == "ok"
        found = column(self.live.label, run, steps=rounds.steps, earlier=rounds.earlier, as_json=as_json)
        footer = " · ".join(part for part in (found.footer, *self.warnings) if part)
        return replace(found, footer=footer, error=said)

    def shown(self) -> Underway:
        """Return it as the scene takes it."""
        state = "live" if not self.over else "failed" if self.failed else "done"
        return Underway(
            id=self.id, label=self.live.label, live=self.live, state=state, column=self.column(), began=self.began
        )

    def settle(self, *, stopped: bool) -> Run | None:
        """Take back a request that was never made; the outcome before it counts.

        Parameters
        ----------
        stopped : bool
            Whether it was the person who stopped: where tools were to be run, or had been, what was said on the way is
            all that came.

        Returns
        -------
        Run or None
            The row that is interrupted by that, to be written.
        """
        if self.outcome is None and self.rounds is not None:
            self.outcome = self.rounds.unsent()
        outcome = self.outcome
        if not stopped or outcome is None or self.rounds is None:
            return None
        if outcome.run.status != "ok" or not self.rounds.wants(outcome):
            return None
        self.outcome = replace(outcome, run=outcome.run.with_(status="interrupted"))
        return self.outcome.run

    def end(self, error: PortkeyError | None, *, stopped: bool) -> None:
        """Note how it came out.

        Parameters
        ----------
        error : PortkeyError or None
            Why a request was not made, or its answer cannot be read.
        stopped : bool
            Whether the exchange was stopped.
        """
        self.error, outcome, rounds = error, self.outcome, self.rounds
        self.stopped = stopped and error is None
        if outcome is not None and rounds is not None and error is None:
            self._judge(outcome, rounds)
        elif self.stopped:
            self.error = PortkeyError(STOPPED)
        self.over = True
        shown = self.column()
        self.live.end(footer=shown.footer if shown is not None else "")

    def _judge(self, outcome: Outcome, rounds: Rounds) -> None:
        """Take the reply of an outcome, or the error that it is."""
        self.stopped = outcome.run.status == "interrupted"
        if self.stopped:
            self.error = PortkeyError(CUT if outcome.run.text else STOPPED)
        elif outcome.error is not None:
            self.error = outcome.error
        elif (unfinished := rounds.unfinished(outcome)) is not None:
            rounds.failed(outcome, unfinished)
            self.error = unfinished
        else:
            try:
                self.reply = reply_of(rounds, outcome)
            except SchemaError as misfit:
                self.error = misfit


class Row:
    """The row of a request while its tools run: once interrupted it stays so, whatever their thread still writes.

    Parameters
    ----------
    run : Run
        As it is when the tools begin.
    keep : callable
        Writes it.
    """

    def __init__(self, run: Run, keep: Callable[[Run], None]) -> None:
        self._run, self._keep = run, keep
        self._lock = threading.Lock()
        self._interrupted = False

    def write(self, run: Run) -> None:
        """Write the row with what tools gave."""
        with self._lock:
            self._run = run.with_(status="interrupted") if self._interrupted else run
            self._keep(self._run)

    def interrupt(self) -> Run:
        """Write the row as interrupted, with what is known by now, and return it."""
        with self._lock:
            self._interrupted = True
            self._run = self._run.with_(status="interrupted")
            self._keep(self._run)
            return self._run
