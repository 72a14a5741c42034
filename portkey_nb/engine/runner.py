"""One request, whole: called, timed, priced and logged. Every face of the toolkit comes through this room."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from portkey_nb.engine import spans
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.conclusion import Progress, conclude, unreadable
from portkey_nb.engine.connections import ROUTES, client_for
from portkey_nb.engine.cost import load_prices, prices_read
from portkey_nb.engine.foresight import Foresight, foresee, provider_named
from portkey_nb.engine.normalize import NamedCall, delta_parts, message_text
from portkey_nb.engine.pacing import Turn, pause_s
from portkey_nb.engine.record import Run, new_run_id
from portkey_nb.engine.store import RunStore
from portkey_nb.engine.tally import SESSION
from portkey_nb.engine.traces import run_metadata
from portkey_nb.engine.writing import writer
from portkey_nb.errors import APIConnectionError, PortkeyError, StreamIncomplete
from portkey_nb.gateway.client import AsyncPortkey
from portkey_nb.gateway.config import has_retry, header_name
from portkey_nb.gateway.request import Request
from portkey_nb.gateway.secrecy import redact
from portkey_nb.gateway.streams import AsyncStream
from portkey_nb.gateway.taping import heard_by, taping
from portkey_nb.gateway.transport import Timeouts
from portkey_nb.settings import load

Listener = Callable[[str, str], None]
"""Called on the background loop with the kind ("text", "json", "reasoning") and the piece that came."""


class Runner:
    """Makes calls on the background loop and writes each into the run log.

    Parameters
    ----------
    store : RunStore or None
        Where runs are kept; None keeps none.
    """

    def __init__(self, store: RunStore | None) -> None:
        self.store = store

    async def perform(self, call: Call, listen: Listener | None = None, turn: Turn | None = None) -> Outcome:
        """Make one call from its first attempt to its last byte.

        Parameters
        ----------
        call : Call
        listen : callable, optional
            Told of each piece as it comes.
        turn : Turn, optional
            Its place in a batch, which then decides when it is sent and how often it is tried.

        Returns
        -------
        Outcome
            With the error as a value. A cancelled call is an outcome too: its run is ``interrupted``.

        Raises
        ------
        PortkeyError
            When the request cannot be built; nothing was sent and nothing is logged then.
        NotSent
            When the batch has no turn for it any more; nothing was sent and nothing is logged then.
        """
        if turn is not None and not call.cache:
            await turn.admit()
        # Named and dated here, so that calls made together stand in the log in their order.
        run_id, started_at = new_run_id(), datetime.now(UTC)
        if turn is not None and turn.clients.knows(call.base_url, _options(call)):
            # Nothing is read from files any more, and a thread costs more than the work.
            prepared = _prepare(call, run_id, started_at, turn)
        else:
            prepared = await asyncio.to_thread(_prepare, call, run_id, started_at, turn)
        reused = await self._from_cache(call, prepared, listen)
        if reused is not None:
            return reused
        run = prepared.run
        if turn is not None and call.cache:
            # Only now: what is known already needs no place, no rate and no budget.
            await turn.admit()
            run = run.with_(queue_s=turn.queue_s, started_at=datetime.now(UTC))
        watch = spans.begin(run, prepared.client._target.url)
        prepared = _traced(prepared, watch)
        progress = Progress(repeat=call.facts.get("repeat"))
        error: PortkeyError | None = None
        interrupted = False
        try:
            if await self._log(run, start=True):
                raise asyncio.CancelledError
            if not run.demo and not prices_read():
                # The price list is read while the answer is under way, and not on this loop.
                asyncio.get_running_loop().run_in_executor(None, load_prices)
            with heard_by(progress), nullcontext() if watch is None else watch.current():
                await (_exchange if turn is None else _paced(turn))(prepared, progress, listen or _nobody)
        except asyncio.CancelledError:
            interrupted = True
        except PortkeyError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 (a row that was begun is always ended)
            error = unreadable(raised)
        outcome = conclude(
            call, run, progress, error, interrupted=interrupted, prices=prepared.prices, sight=prepared.sight
        )
        if watch is not None:
            watch.end(outcome.run, outcome.error)
        progress.written(outcome.run)
        if turn is not None:
            turn.settle(outcome)
        await self._log(outcome.run, start=False)
        SESSION.add(outcome.run)
        return outcome

    async def _from_cache(self, call: Call, prepared: _Prepared, listen: Listener | None) -> Outcome | None:
        if not call.cache or self.store is None or prepared.run.cache_key is None or taping() is not None:
            # What is recorded has to be whole, and what is replayed comes from the recording alone.
            return None
        found = await asyncio.to_thread(self.store.cached, prepared.run.cache_key)
        if found is None or (found.tool_calls and found.reasoning):
            # What Anthropic signed of its thinking is not in the row, and has to go back with a tool's result.
            return None
        now = datetime.now(UTC)
        fresh = {name: getattr(prepared.run, name) for name in _OWN_FACTS}
        # What was said of the earlier answer was said of it as the answer to another case, maybe.
        unjudged: dict[str, Any] = {"rating": None, "rating_note": None, "passed": None, "scores": {}}
        run = found.with_(**fresh, **unjudged, cached=True, attempts=0, queue_s=None, started_at=now, ended_at=now)
        if listen is not None and run.text:
            listen("text" if call.schema is None else "json", run.text)
        spans.record(run, prepared.client._target.url)
        await self._log(run, start=False)
        SESSION.add(run)
        return Outcome(call, run)

    async def _log(self, run: Run, *, start: bool) -> bool:
        """Write a row to its end, even when cancelled meanwhile; tell whether it was."""
        if self.store is None:
            return False
        return await writer().write(self.store, run, start=start)


_OWN_FACTS = (
    "run_id",
    "group_id",
    "group_label",
    "conversation_id",
    "parent_run_id",
    "source",
    "cell_id",
    "notebook",
    "template",
    "vars",
    "case_id",
    "expected",
    "tags",
    "variant",
)
"""What a run answered from the cache has of its own; the rest is the earlier run's."""


@dataclass(frozen=True)
class _Prepared:
    """A call with its client, its request and its row."""

    call: Call
    client: AsyncPortkey
    request: Request
    run: Run
    prices: Mapping[str, Mapping[str, float]]
    sight: Foresight
    attempts: int = 1

    @property
    def stand_in(self) -> str | None:
        """The tool whose arguments are the answer, where one stands in for a response format."""
        return self.call.schema.name if self.call.schema is not None and self.sight.forced else None

    @property
    def content_kind(self) -> str:
        """What the content of the answer is: ``json`` where it is asked to fit a schema."""
        return "text" if self.call.schema is None or self.sight.forced else "json"


def _nobody(kind: str, text: str) -> None:
    """Hear nothing."""


def _prepare(call: Call, run_id: str, started_at: datetime, turn: Turn | None) -> _Prepared:
    trace_id = str(call.options.get("trace_id") or ULID())
    client = (client_for if turn is None else turn.clients.client_for)(call.base_url, _options(call))
    retries = {} if turn is None else {"max_retries": 0}
    client = client.with_options(trace_id=trace_id, metadata=_metadata(client, call, run_id, turn), **retries)
    sight = foresee(call, client)
    params = dict(sight.params)
    if call.stream:
        # Without it an OpenAI stream tells no tokens; gateways drop it where it means nothing.
        params.setdefault("stream_options", {"include_usage": True})
    request = client._chat(call.messages, call.model, call.stream, call.timeout, None, params)
    known = client._options
    config = known.get("config")
    routes = {name: request.headers.get(header_name(name)) for name in (*ROUTES, "custom_host")}
    run = Run(
        run_id=run_id,
        started_at=started_at,
        model=call.model,
        provider=provider_named(call.model, known),
        base_url=client.base_url,
        demo=client.base_url == "demo",
        config=config if isinstance(config, str) or config is None else json.dumps(redact(config)),
        trace_id=trace_id,
        messages=call.messages,
        params=sight.params,
        dropped_params=sight.lost or None,
        stream=call.stream,
        metadata=known.get("metadata"),
        queue_s=None if turn is None else turn.queue_s,
        cache_key=call.cache_key(client.base_url, routes, sight.params),
        cached=False,
        **call.facts,
    )
    if turn is None:
        return _Prepared(call, client, request, run, load().prices, sight)
    # Where the Config says how often to try, it is the gateway that does.
    attempts = 1 if has_retry(known.get("config")) else turn.attempts
    return _Prepared(call, client, request, run, turn.clients.prices, sight, attempts)


def _options(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.options.items() if name != "trace_id"}


def _metadata(client: AsyncPortkey, call: Call, run_id: str, turn: Turn | None) -> Any:
    """Return the metadata with what finds a run again in Portkey's own logs; an open-source gateway keeps none."""
    given = client._options.get("metadata")
    if client._target.kind in ("local", "demo") or not (given is None or isinstance(given, Mapping)):
        return given
    wanted = call.trace_metadata
    if wanted is None:
        wanted = load().trace_metadata if turn is None else turn.clients.trace_metadata
    return {**run_metadata(run_id, call.facts), **(given or {})} if wanted else given


def _traced(prepared: _Prepared, watch: spans.Watch | None) -> _Prepared:
    """Let the hosted gateway know the span that the call is; to any other it means nothing."""
    if watch is None or prepared.client._target.kind != "hosted":
        return prepared
    headers = {**watch.headers(), **prepared.request.headers}
    return replace(prepared, request=replace(prepared.request, headers=headers))


def _paced(turn: Turn) -> Callable[[_Prepared, Progress, Listener], Awaitable[None]]:
    """Return an exchange that is tried again as its turn in a batch allows, never after text has come."""

    async def exchange(prepared: _Prepared, progress: Progress, listen: Listener) -> None:
        limits = prepared.request.limits
        deadline = None if limits.total is None else time.monotonic() + limits.total
        for attempt in range(1, prepared.attempts + 1):
            try:
                await _exchange(prepared, progress, listen)
            except PortkeyError as raised:
                error = raised
            else:
                return
            # Of a whole answer nothing is heard before its end.
            heard = progress.first_piece is not None
            cause = APIConnectionError(error.message) if _broke_early(error, progress, limits) else error
            played = progress.played
            if played is not None and not played.paced:
                # There is nobody to be spared, and nothing to wait for.
                again = pause_s(cause, attempt, prepared.attempts) is not None
            else:
                again = not heard and attempt < prepared.attempts and await turn.again(cause, attempt, deadline)
            if heard or attempt == prepared.attempts or not again:
                raise error
            progress.ended = progress.completion = progress.status = None
            progress.headers = {}
            if deadline is not None:
                left = replace(limits, total=max(0.001, deadline - time.monotonic()))
                prepared = replace(prepared, request=replace(prepared.request, limits=left))

    return exchange


def _broke_early(error: PortkeyError, progress: Progress, limits: Timeouts) -> bool:
    """Tell whether a stream broke before any text, and not because nothing came for as long as was allowed."""
    if not isinstance(error, StreamIncomplete) or progress.ended is None or progress.last_sent is None:
        return False
    return limits.idle is None or progress.ended - progress.last_sent < limits.idle


async def _exchange(prepared: _Prepared, progress: Progress, listen: Listener) -> None:
    try:
        answer = await prepared.client.chat.completions.perform(prepared.request, progress.sent)
        if isinstance(answer, AsyncStream):
            await _follow(answer, progress, listen, prepared)
        else:
            progress.completion = answer
            progress.status, progress.headers = 200, answer.response_headers
            for choice in answer._data["choices"][:1]:
                listen(
                    "text" if prepared.call.schema is None else "json",
                    message_text(choice["message"], prepared.stand_in),
                )
    finally:
        if progress.ended is None:
            progress.ended = progress.clock()


async def _follow(stream: AsyncStream, progress: Progress, listen: Listener, prepared: _Prepared) -> None:
    progress.status, progress.headers = stream.status, stream.response_headers
    quiet = listen is _nobody
    stand_in, kind = NamedCall(prepared.stand_in), prepared.content_kind
    try:
        async for chunk in stream:
            for choice in chunk._data["choices"]:
                delta = choice["delta"]
                text, thought = delta_parts(delta)
                if text or thought or delta.get("tool_calls"):
                    progress.heard()
                if choice["index"] == 0:
                    if thought:
                        listen("reasoning", thought)
                    if text:
                        listen(kind, text)
                    if given := stand_in.arguments(delta):
                        listen("json", given)
            if quiet and progress.first_piece is not None:
                stream.fold()
        # Not when the connection was done with: a gateway may hold it open behind the answer.
        # What came in one go was fed before its first piece was heard.
        progress.ended = max((at for at in (stream.fed_at, progress.first_piece) if at is not None), default=None)
    finally:
        progress.completion = stream.partial
        await stream.close()
