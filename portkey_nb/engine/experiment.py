"""One comparison while it runs: what is to be asked, what has come, what it scored, and what is to be said of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from portkey_nb.engine.asking import tell_trouble
from portkey_nb.engine.bars import Bar
from portkey_nb.engine.batch import Batch, Limits
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.cases import cases_of
from portkey_nb.engine.comparison import Comparison
from portkey_nb.engine.crew import client_of
from portkey_nb.engine.crossing import Calls, Crossing, Way
from portkey_nb.engine.earlier import earlier_rows
from portkey_nb.engine.filling import templates_of
from portkey_nb.engine.fleet import Fleet, FleetBatch
from portkey_nb.engine.frames import to_frame
from portkey_nb.engine.grading import Grader, Judgements
from portkey_nb.engine.plain import mend
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.scoring import answer_of, scorers_of
from portkey_nb.engine.shapes import quoted
from portkey_nb.engine.sighting import check_client, check_price, foreseen, way_of
from portkey_nb.engine.store import RunStore, open_store
from portkey_nb.engine.variants import Variant, check_params, variants_of
from portkey_nb.errors import PortkeyError, PromptError, SettingsError, StoreError
from portkey_nb.gateway.config import OPTION_NAMES
from portkey_nb.gateway.taping import taping


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What :func:`portkey_nb.compare` was given."""

    prompts: Any
    models: Any
    cases: Any
    system: str | None
    params: Mapping[str, Any] | None
    repeats: int
    scorers: Any
    limits: Limits
    cache: bool
    name: str | None
    progress: bool
    client: Any
    store: Any
    executor: Any
    trace_metadata: bool | None


class Experiment:
    """A comparison that runs; reading what was asked sends nothing.

    Parameters
    ----------
    asked : Asked

    Raises
    ------
    PortkeyError
        When something in what was asked, or in the run log under this name, stands in the way.
    """

    def __init__(self, asked: Asked) -> None:
        _check(asked)
        cluster = None if asked.executor is None else client_of(asked.executor)
        self._asked, self.name, self.limits = asked, asked.name, asked.limits
        client = check_client(asked.client)
        variants = variants_of(asked.models)
        self._grid = Crossing(templates_of(asked.prompts), variants, cases_of(asked.cases), asked.repeats, asked.system)
        self.group_id = str(ULID())
        self.store = asked.store if isinstance(asked.store, RunStore) else open_store(asked.store)
        ways = {variant.name: way_of(variant, client) for variant in variants}
        facts = {"group_id": self.group_id, "group_label": asked.name}
        self._calls = Calls(
            self._grid, range(len(self._grid)), ways, asked.params or {}, facts, asked.cache, asked.trace_metadata
        )
        judging = _judging(self.store, client, list(ways.values()), asked.trace_metadata)
        self._grader = Grader(scorers_of(asked.scorers, **judging))
        # The first cells are the first case's, one for each variant.
        firsts = [self._calls.call(place) for place in range(len(variants))]
        sights = {call.label: foreseen(call) for call in firsts}
        if asked.limits.max_cost_usd is not None:
            self._check_prices(firsts)
        self._runs: dict[int, Run] = {}
        if asked.name is not None:
            self._runs = earlier_rows(
                self.store, asked.name, self._grid, {name: now for name, (_, now) in sights.items()}
            )
        self._calls = replace(self._calls, holes=[at for at in range(len(self._grid)) if at not in self._runs])
        self._kept = dict(self._runs)
        self._unwritten = 0
        self._spent = 0.0
        self._fleet: Fleet | None = None
        if cluster is not None and (self._calls or self._grader.judges):
            self._fleet = self._fleet_on(cluster, [*(way.base_url for way in ways.values()), *self._grader.base_urls])
        for label, (sentences, _) in sights.items():
            if sentences and self._calls:
                print(f"{label}: {'; '.join(sentences)}", file=sys.stderr)  # noqa: T201 (beside the progress bar)

    def _fleet_on(self, cluster: Any, base_urls: Sequence[str | None]) -> Fleet | None:
        """Return the workers that make the calls; None while this process records or replays, which they do not."""
        if taping() is None:
            return Fleet(cluster, self.store, base_urls, self.group_id)
        text = "requests are recorded or replayed here, and not on a Dask cluster: the calls are made in this process"
        print(f"portkey_nb: {text}", file=sys.stderr)  # noqa: T201 (beside the progress bar)
        return None

    def _check_prices(self, firsts: Sequence[Call]) -> None:
        for call in firsts:
            check_price(call)
        for judge in self._grader.judges.values():
            check_price(judge.call(answer_of("")))

    # The answers

    def bar(self) -> Bar:
        """Return what shows how far the answers have come."""
        return Bar(len(self._grid), len(self._kept), self.name or "", shown=self._asked.progress)

    def batch(self, bar: Bar) -> Batch | FleetBatch:
        """Return what makes the calls of the cells that have no answer yet."""
        self._batch = self._batch_of(self._calls, self.limits, bar)
        return self._batch

    def _batch_of(self, calls: Sequence[Call], limits: Limits, bar: Bar) -> Batch | FleetBatch:
        if self._fleet is None:
            return Batch(Runner(self.store), calls, limits, tell=bar.tell)
        return FleetBatch(self._fleet, calls, limits, tell=bar.tell)

    def answered(self, index: int, outcome: Outcome | PortkeyError) -> None:
        """Take one outcome of the batch."""
        place = self._calls.holes[index]
        run = outcome.run if isinstance(outcome, Outcome) else self._failed(place, outcome)
        self._runs[place] = self._graded(place, run)

    def _failed(self, place: int, error: PortkeyError) -> Run:
        """Return the row of a call that could not even be built."""
        now = datetime.now(UTC)
        facts: dict[str, Any] = {"model": None}
        with suppress(PortkeyError):
            call = self._calls.call(place)
            facts = {"model": call.model, "messages": call.messages, "params": dict(call.params), **call.facts}
        run = Run(
            run_id=new_run_id(),
            started_at=now,
            ended_at=now,
            status="error",
            error_type=type(error).__name__,
            error=error.message,
            **facts,
        )
        self.store.finish(run)
        return run

    # The scores

    def grade_kept(self) -> None:
        """Score the answers that were taken from the log: scorers may be new."""
        for place, run in self._kept.items():
            self._runs[place] = self._graded(place, run)

    def _graded(self, place: int, run: Run) -> Run:
        if not self._grader:
            return run
        graded = self._grader.by_rules(run, self._grid[place].case.columns)
        self._write(run, graded)
        return graded

    def judge_bar(self) -> Bar:
        """Return what shows how far the judges have come."""
        self._spent += self._batch.spent_usd
        cases = {place: self._grid[place].case.columns for place in self._runs}
        self._judgements = Judgements(self._grader.judges, self._runs, cases)
        return Bar(len(self._judgements), said="judging", shown=self._asked.progress)

    def judging(self, bar: Bar) -> Batch | FleetBatch:
        """Return what makes the judges' calls, with what is left of the budget."""
        limit = self.limits.max_cost_usd
        limits = replace(self.limits, max_cost_usd=None if limit is None else max(0.0, limit - self._spent))
        self._judges = self._batch_of(self._judgements, limits, bar)
        return self._judges

    def judged(self, index: int, outcome: Outcome | PortkeyError) -> None:
        """Take one outcome of the judges."""
        place, name = self._judgements.items[index]
        run = self._runs[place]
        self._runs[place] = self._grader.by_judge(run, name, outcome)
        self._write(run, self._runs[place])

    def _write(self, before: Run, run: Run) -> None:
        """Write scores into the log, where they are not in it already."""
        same = (before.scores, before.passed, before.tags) == (run.scores, run.passed, run.tags)
        if same or run.status != "ok":
            return
        try:
            self.store.annotate(run.run_id, passed=run.passed, tags=run.tags, scores=run.scores)
        except StoreError as error:
            self._unwritten += 1
            self._trouble = error.message

    # The end

    def comparison(self) -> Comparison:
        """Return what has come."""
        tell_trouble(self.store)
        rows = [_mended(self._runs[place].to_row()) for place in sorted(self._runs)]
        return Comparison(to_frame(rows, "all"), name=self.name, store=self.store, notes=self.notes())

    def notes(self) -> list[str]:
        """Return what is to be said under the tables."""
        notes = self._unasked()
        unjudged = len(self._judges.unsent)
        if unjudged:
            notes.append(f"{unjudged} of {len(self._judgements)} judgements were not asked for: the budget is used up")
        notes += self._grader.notes()
        if self._unwritten:
            notes.append(f"{self._unwritten} scores are not in the run log: {self._trouble}")
        return notes

    def _unasked(self) -> list[str]:
        """Say which cells were not asked, and why."""
        holes = [place for place in self._calls.holes if place not in self._runs]
        if not holes:
            return []
        said, limit = f"{len(holes)} of {len(self._grid)} cells were not asked: ", self.limits.max_cost_usd
        if limit is not None and self._spent >= limit:
            again = "compare again with this name and a larger one" if self.name else "allow more"
            return [f"{said}max_cost_usd={limit:g} is used up (${self._spent:.4g} spent); {again}"]
        models = ", ".join(dict.fromkeys(self._grid[place].variant.name for place in holes))
        again = "with this name " if self.name else ""
        return [f"{said}{models} asked for a longer pause than a comparison waits; compare again {again}later"]

    def stopped(self, by: BaseException) -> PortkeyError:
        """Return what is to be said when a person has stopped it, or the cluster is gone that makes its calls."""
        tell_trouble(self.store)
        done = len(self._runs)
        with suppress(StoreError):
            # What ended while it was being stopped is in the log, and was not read any more.
            found = self.store.frame(group=self.group_id, status="ok", columns=["source"])
            failed = sum(run.status != "ok" for run in self._runs.values())
            done = len(self._kept) + int((found["source"] == "compare").sum()) + failed
        if self.name is not None:
            go_on = f"call it again with name={self.name!r} to go on from there"
        else:
            shown = f"Comparison.from_runs(runs(group={self.group_id!r}, columns='all'))"
            go_on = f"{shown} shows them; give it a name next time to go on"
        why = by.message if isinstance(by, PortkeyError) else "interrupted"
        return PortkeyError(f"{why}: {done} of {len(self._grid)} cells are done; {go_on}")


def _mended(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose texts a frame can carry: models may answer with half a character."""
    return {name: mend(value) if isinstance(value, str) else value for name, value in row.items()}


def _check(asked: Asked) -> None:
    if asked.name is not None and (not isinstance(asked.name, str) or not asked.name.strip()):
        raise SettingsError(f"name is {quoted(asked.name)}; give the comparison a text as its name, or none")
    if asked.system is not None and not isinstance(asked.system, str):
        raise PromptError(f"system is {quoted(asked.system)}; give a text")
    for name in ("cache", "progress"):
        if not isinstance(getattr(asked, name), bool):
            raise SettingsError(f"{name} is {quoted(getattr(asked, name))}; give True or False")
    if not isinstance(asked.trace_metadata, bool | None):
        raise SettingsError(f"trace_metadata is {quoted(asked.trace_metadata)}; give True, False or None")
    check_params(asked.params or {})


def _judging(store: RunStore, client: Any, ways: Sequence[Way], trace_metadata: bool | None) -> dict[str, Any]:
    """Return what judges are asked with: the client's way, never what one variant says of its own."""
    way = way_of(Variant("judge"), client)
    shared = {one.base_url for one in ways}
    options = {name: value for name, value in way.options.items() if name in OPTION_NAMES and name != "metadata"}
    base_url = way.base_url or (shared.pop() if len(shared) == 1 else None)
    named = {"base_url": base_url, "timeout": way.timeout, "trace_metadata": trace_metadata}
    return {"store": store, **options, **{name: value for name, value in named.items() if value is not None}}
