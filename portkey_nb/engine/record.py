"""A run: one call's request, answer, timings, usage, cost and status, as a frozen value."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

SCORE = "score_"
"""What the name of a scorer's column begins with."""

STATUSES = ("started", "ok", "error", "interrupted", "incomplete")
SOURCES = ("magic", "panel", "compare", "api", "judge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One call, as it stands in the run log. None is "unknown", never zero.

    Attributes
    ----------
    run_id : str
        ULID; sorts by time.
    started_at, ended_at : datetime
        Aware, in UTC.
    messages, params, dropped_params, vars, price, tags, metadata, tool_calls : JSON values
        What was sent, what was set, and what is known besides.
    input_tokens, output_tokens : int or None
        Input includes cached tokens, output includes reasoning.
    cost_usd : float or None
        US dollars.
    latency_s, ttft_s, queue_s : float or None
        Seconds.
    scores : mapping
        Scorer -> score; the columns ``score_<name>``.
    cache_key : str or None
        SHA-256 (hex) of everything that changes the answer; no column of :func:`portkey_nb.runs`.
    """

    run_id: str
    group_id: str | None = None
    group_label: str | None = None
    conversation_id: str | None = None
    parent_run_id: str | None = None
    source: str = "api"
    cell_id: str | None = None
    notebook: str | None = None
    started_at: datetime
    ended_at: datetime | None = None
    status: str = "started"
    provider: str | None = None
    model: str | None = None
    model_response: str | None = None
    variant: str | None = None
    base_url: str | None = None
    demo: bool | None = None
    config: str | None = None
    trace_id: str | None = None
    response_id: str | None = None
    template: str | None = None
    vars: Mapping[str, Any] | None = None
    system: str | None = None
    prompt: str | None = None
    messages: Sequence[Mapping[str, Any]] | None = None
    case_id: str | None = None
    expected: str | None = None
    repeat: int | None = None
    params: Mapping[str, Any] | None = None
    dropped_params: Any = None
    stream: bool | None = None
    text: str | None = None
    reasoning: str | None = None
    tool_calls: Sequence[Mapping[str, Any]] | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    tokens_estimated: bool | None = None
    cost_usd: float | None = None
    price: Mapping[str, Any] | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    tokens_per_s: float | None = None
    queue_s: float | None = None
    attempts: int | None = None
    gateway_retries: int | None = None
    gateway_target: str | None = None
    gateway_cache: str | None = None
    cached: bool | None = None
    http_status: int | None = None
    error_type: str | None = None
    error: str | None = None
    passed: bool | None = None
    rating: int | None = None
    rating_note: str | None = None
    tags: Any = None
    metadata: Mapping[str, Any] | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    cache_key: str | None = None

    def to_row(self) -> dict[str, Any]:
        """Return the fields by name, each score as ``score_<name>``."""
        row = {name: getattr(self, name) for name in _NAMES}
        for name, score in self.scores.items():
            row[SCORE + name] = score
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Run:
        """Make a run of what :meth:`to_row` gave.

        Parameters
        ----------
        row : mapping
            Times may be ISO texts; unknown names, such as a newer version's, are left out.
        """
        known = {name: row[name] for name in _NAMES if name in row}
        for name in ("started_at", "ended_at"):
            if isinstance(known.get(name), str):
                known[name] = datetime.fromisoformat(known[name])
            if isinstance(known.get(name), datetime):
                known[name] = known[name].astimezone(UTC)
        scores = dict(row.get("scores") or {})
        scores.update({name.removeprefix(SCORE): row[name] for name in row if name.startswith(SCORE)})
        return cls(**known, scores=scores)

    def with_(self, **changes: Any) -> Run:
        """Return a copy in which some fields differ."""
        return dataclasses.replace(self, **changes)


_SUMMED = (
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_usd",
)


def whole(run: Run, earlier: Sequence[Run]) -> Run:
    """Return a run with the tokens, cost and time of the requests before it that led to it.

    Parameters
    ----------
    run : Run
    earlier : sequence of Run
        The earlier rounds of the same question, the first one first.
    """
    if not earlier:
        return run
    rounds = [*earlier, run]
    sums: dict[str, Any] = {}
    for name in _SUMMED:
        values = [getattr(one, name) for one in rounds]
        sums[name] = None if None in values and not _details(name) else _sum(values)
    took = [one.latency_s for one in rounds]
    seconds = None if None in took else _sum([*took, *(_tool_seconds(one) for one in earlier)])
    return run.with_(**sums, latency_s=seconds, ttft_s=earlier[0].ttft_s)


def _tool_seconds(run: Run) -> float:
    """Return how long the tools ran that a request called; what they waited for each other is not counted."""
    results = [call.get("result") for call in run.tool_calls or ()]
    return float(sum(result.get("seconds") or 0.0 for result in results if isinstance(result, Mapping)))


def _details(name: str) -> bool:
    """Tell whether a count is of a part, which a request without any leaves out."""
    return name in ("cached_input_tokens", "cache_write_tokens", "reasoning_tokens")


def _sum(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


FIELDS: tuple[str, ...] = tuple(item.name for item in dataclasses.fields(Run))
_NAMES = tuple(name for name in FIELDS if name != "scores")

_lock = threading.Lock()
_last = 0


def new_run_id() -> str:
    """Return a new ULID; within a process each one sorts behind those before it."""
    global _last
    with _lock:
        fresh = int(ULID())
        # Two of the same millisecond would else stand in random order.
        _last = fresh if fresh > _last else _last + 1
        return str(ULID.from_int(_last))
