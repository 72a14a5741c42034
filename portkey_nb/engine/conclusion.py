"""How a call came out: what its answer, headers and clock tell, as the completed row."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.cost import UsageParts, price_call
from portkey_nb.engine.foresight import Foresight, lost_to
from portkey_nb.engine.normalize import (
    content_text,
    failed_finish,
    finish_reason,
    message_text,
    reasoning_text,
    usage_parts,
)
from portkey_nb.engine.record import Run
from portkey_nb.errors import APIStatusError, GatewayError, PortkeyError, StreamIncomplete
from portkey_nb.gateway.taping import Played, Take
from portkey_nb.gateway.types import ChatCompletion

RECORDED = ("cost_usd", "price", "ttft_s", "latency_s", "tokens_per_s")
"""What a recording keeps of a row, and a replay gives back."""
DEMO_SERVER = "portkey_nb-demo"
"""The ``server`` header by which the demo gateway says that its answers are simulated."""


@dataclass
class Progress:
    """What is learnt while a call runs."""

    attempts: int = 0
    first_sent: float | None = None
    last_sent: float | None = None
    first_piece: float | None = None
    ended: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    completion: ChatCompletion | None = None
    repeat: int | None = None
    clock: Callable[[], float] = time.monotonic
    played: Played | None = None
    takes: list[Take] = field(default_factory=list)

    def sent(self, _attempt: int) -> None:
        """Note that an attempt is on its way."""
        now = self.clock()
        self.attempts += 1  # of all its requests, where a batch sends one for each attempt
        self.first_sent = now if self.first_sent is None else self.first_sent
        self.last_sent = now

    def heard(self) -> None:
        """Note that a piece of the answer has come."""
        if self.first_piece is None:
            self.first_piece = self.clock()

    def replayed(self, played: Played) -> None:
        """Take times from a recording: those of the attempt that was noted last, and of what comes of it."""
        before = self.played
        if before is None and self.attempts > 1:
            return  # the first attempts were real ones
        # Of two recorders, or where lines were changed, clocks differ: an attempt follows the one before it at once.
        shift = 0.0
        if before is not None and (before.session != played.session or played.sent_at < before.clock()):
            shift = self.clock() - played.sent_at
        self.played, self.clock = played, lambda: played.clock() + shift
        self.last_sent = played.sent_at + shift
        self.first_sent = self.last_sent if before is None else self.first_sent

    def recorded(self, take: Take) -> None:
        """Note an exchange that is written when it is known what it cost."""
        self.takes.append(take)

    def written(self, run: Run) -> None:
        """Write what was recorded; what the run log says of the call goes to its last exchange in each recording."""
        last = {take.path: take for take in self.takes}
        for take in self.takes:
            take.keep({name: getattr(run, name) for name in RECORDED} if take is last[take.path] else None)
        self.takes.clear()


def unreadable(raised: Exception) -> PortkeyError:
    """Return the error of an answer that nobody foresaw."""
    return PortkeyError(
        f"the answer cannot be read ({type(raised).__name__}: {raised}); what came is logged, run again or report it"
    )


def _disguised(progress: Progress) -> PortkeyError | None:
    """Return the error that a finish reason stands for, if it does."""
    completion = progress.completion
    for choice in completion.choices if completion is not None else ():
        if failed_finish(choice.finish_reason):
            return GatewayError(
                f"the provider broke the answer off with `{choice.finish_reason}`; run again, or add a fallback",
                status=progress.status or 200,
                code=choice.finish_reason,
                completion=completion,
            )
    return None


def conclude(
    call: Call,
    run: Run,
    progress: Progress,
    error: PortkeyError | None,
    *,
    interrupted: bool,
    prices: Mapping[str, Mapping[str, float]],
    sight: Foresight,
) -> Outcome:
    """Complete the row of a call; whatever the answer holds, there is a completed row.

    Parameters
    ----------
    call : Call
    run : Run
        The row as it was started.
    progress : Progress
        What was learnt on the way.
    error : PortkeyError or None
        Why there is no whole answer.
    interrupted : bool
        Whether the person stopped it.
    prices : mapping
        The user's own price table.
    sight : Foresight
        What was known of the call before it was sent.
    """
    stand_in = call.schema.name if call.schema is not None and sight.forced else None
    if getattr(error, "completion", None) is not None:
        progress.completion = error.completion  # type: ignore[union-attr]
    facts: dict[str, Any] = {}
    try:
        error = error or _disguised(progress)
        answer = _answer_facts(progress.completion, stand_in)
        facts = _facts(run, progress, answer, error, interrupted=interrupted, prices=prices)
        facts["dropped_params"] = _lost(call, facts, sight)
    except Exception as raised:  # noqa: BLE001 (an answer that nobody foresaw must not cost its row)
        error = error or unreadable(raised)
        facts = {"status": "interrupted" if interrupted else "error"}
    if error is not None:
        facts.update(error_type=type(error).__name__, error=error.message)
    done = run.with_(ended_at=datetime.now(UTC), attempts=progress.attempts or None, **facts)
    return Outcome(call, done, progress.completion, error)


def _facts(
    run: Run,
    progress: Progress,
    facts: dict[str, Any],
    error: PortkeyError | None,
    *,
    interrupted: bool,
    prices: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    usage = facts.pop("usage")
    headers = dict(progress.headers)
    facts["http_status"] = progress.status
    if isinstance(error, APIStatusError):
        headers = headers or error.headers
        facts["http_status"] = error.status
    facts["status"] = _status(error, interrupted=interrupted, text=facts.get("text"))
    facts.update(_header_facts(headers))
    facts["demo"] = bool(run.demo) or headers.get("server") == DEMO_SERVER
    facts["provider"] = facts.get("provider") or run.provider
    if facts["status"] in ("interrupted", "incomplete") and usage.output_tokens is None and progress.completion:
        usage = _estimate(run, facts, usage)
        facts["tokens_estimated"] = True
    facts.update(_usage_facts(usage))
    played = progress.played
    priced = price_call(
        run.model or "",
        facts["provider"],
        usage,
        answered=facts.get("model_response"),
        demo=facts["demo"],
        at=(played and played.sent) or run.started_at,
        user_prices=prices,
        demo_prices=demo_prices(demo=facts["demo"]),
    )
    facts = {**facts, "cost_usd": priced.cost_usd, "price": priced.price, **_timing(progress, usage)}
    if played is not None:
        # It keeps what it cost and how long it took; nothing was paid, and no real call is to be answered by it later.
        # Its trace is that of the call which was recorded, and belongs to that one alone.
        facts.update(cached=True, cache_key=None, trace_id=run.trace_id)
        if not interrupted:
            facts.update(played.row)
    return facts


def _status(error: PortkeyError | None, *, interrupted: bool, text: str | None) -> str:
    if interrupted:
        return "interrupted"
    if error is None:
        return "ok"
    return "incomplete" if isinstance(error, StreamIncomplete) or text else "error"


def _lost(call: Call, facts: Mapping[str, Any], sight: Foresight) -> dict[str, str] | None:
    """Return what became of the parameters, now that it is known who answered."""
    answered = facts.get("provider")
    if answered is None or sight.providers == (answered,):
        return sight.lost or None
    return lost_to(answered, call, sight, facts.get("gateway_target")) or None


def _answer_facts(completion: ChatCompletion | None, stand_in: str | None) -> dict[str, Any]:
    if completion is None:
        return {"usage": usage_parts(None)}
    data = completion._data
    facts: dict[str, Any] = {
        "response_id": _text(completion.id),
        "model_response": _text(completion.model),
        "provider": _text(data.get("provider")),
        "usage": usage_parts(data.get("usage")),
    }
    if data["choices"]:
        first = data["choices"][0]
        message = first["message"]
        calls = message.get("tool_calls") or None
        native = _text(first.get("finish_reason"))
        facts.update(
            text=message_text(message, stand_in) or ("" if calls is None else None),
            reasoning=reasoning_text(message),
            tool_calls=calls,
            native_finish_reason=native,
            finish_reason=None if failed_finish(native) else finish_reason(native, has_tool_calls=bool(calls)),
        )
    return facts


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _header_facts(headers: Mapping[str, str]) -> dict[str, Any]:
    def said(name: str) -> str:
        # Behind a gateway may stand another one, whose headers it hands on before its own.
        return headers.get(f"x-portkey-{name}", "").rpartition(",")[2].strip()

    facts: dict[str, Any] = {
        "provider": said("provider"),
        "trace_id": said("trace-id"),
        "gateway_target": said("last-used-option-index"),
        "gateway_cache": said("cache-status"),
    }
    retries = said("retry-attempt-count")
    if re.fullmatch(r"-?[0-9]{1,6}", retries):
        facts["gateway_retries"] = int(retries)
    if facts["gateway_cache"] in ("HIT", "SEMANTIC HIT"):
        # The gateway answered from its own memory: nothing was paid.
        facts["cached"] = True
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _usage_facts(usage: UsageParts) -> dict[str, Any]:
    known = (usage.input_tokens, usage.output_tokens)
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": None if None in known else sum(known),
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def estimated_tokens(*texts: Any) -> int:
    """Estimate tokens by length: about four characters of English each."""
    return (
        sum(len(text if isinstance(text, str) else json.dumps(text, default=str)) for text in texts if text) + 3
    ) // 4


def _estimate(run: Run, facts: Mapping[str, Any], usage: UsageParts) -> UsageParts:
    """Estimate what an answer that ended before its usage came has cost in tokens."""
    asked = usage.input_tokens
    if asked is None:
        asked = max(1, estimated_tokens(*(content_text(message.get("content")) for message in run.messages or ())))
    got = estimated_tokens(facts.get("text"), facts.get("reasoning"), facts.get("tool_calls"))
    return UsageParts(asked, got, usage.cached_input_tokens, usage.cache_write_tokens, None)


def _timing(progress: Progress, usage: UsageParts) -> dict[str, Any]:
    if progress.first_sent is None or progress.last_sent is None or progress.ended is None:
        return {}
    facts: dict[str, Any] = {"latency_s": progress.ended - progress.first_sent}
    if progress.first_piece is not None:
        facts["ttft_s"] = progress.first_piece - progress.last_sent
        writing = progress.ended - progress.first_piece
        if usage.output_tokens and writing > 0:
            facts["tokens_per_s"] = usage.output_tokens / writing
    return facts


def demo_prices(*, demo: bool) -> Mapping[str, Mapping[str, float]]:
    """Return the demo gateway's own price table, for its answers only."""
    if not demo:
        return {}
    from portkey_nb.gateway.demo.models import PRICES  # loads only with the demo gateway

    return PRICES
