"""Runs as OpenTelemetry spans and measurements, for whoever has set up an OpenTelemetry SDK in this process.

OpenTelemetry is never imported here to find that out: an SDK was set up by somebody who imported it. What goes wrong in
it, or in what listens to it, is said once on the log and costs no run.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from portkey_nb.engine import span_facts
from portkey_nb.engine.record import Run

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span, Tracer

    from portkey_nb.errors import PortkeyError

P = ParamSpec("P")
T = TypeVar("T")

SCOPE = "portkey_nb"
"""The instrumentation's name."""
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""Environment variable that asks for what was said; as OpenTelemetry's own instrumentations take it."""
_IN_SPANS = ("span_only", "span_and_event", "true")
_PROVIDER = "OTEL_PYTHON_TRACER_PROVIDER"
"""Environment variable by which OpenTelemetry finds an SDK by itself, on first use."""
_TOKENS = [4**power for power in range(14)]
_SECONDS = [0.01 * 2**power for power in range(14)]
"""Bounds of the histograms (opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics)."""

_said: set[str] = set()
_tracers: dict[int, tuple[Any, Tracer]] = {}
_meters: dict[int, tuple[Any, Mapping[str, Histogram]]] = {}


def _quietly(do: Callable[P, T | None]) -> Callable[P, T | None]:
    """Let no failure of a foreign SDK, processor or exporter cost a run; say each kind once."""

    @functools.wraps(do)
    def whatever_comes(*args: P.args, **kwargs: P.kwargs) -> T | None:
        try:
            return do(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 (what listens is not ours)
            kind = type(error).__name__
            if kind not in _said:
                _said.add(kind)
                logging.getLogger(SCOPE).warning("OpenTelemetry: a run has no whole span (%s: %s)", kind, error)
            return None

    return whatever_comes


class Watch:
    """One run's span, from its beginning to its end.

    Parameters
    ----------
    span : Span or None
        None where only measurements are taken.
    url : str
        The gateway's address.
    """

    def __init__(self, span: Span | None, url: str) -> None:
        self._span, self._url = span, url

    @_quietly
    def _headers(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        if self._span is not None:
            trace = sys.modules["opentelemetry.trace"]
            within = importlib.import_module("opentelemetry.trace.propagation.tracecontext")
            within.TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(self._span))
        return {name: value for name, value in carrier.items() if name == "traceparent"}

    def headers(self) -> Mapping[str, str]:
        """Return the header by which the hosted gateway logs the call as this span's.

        Beside ``x-portkey-trace-id``, which goes first, its span id becomes Portkey's (docs,
        product/observability/traces, "W3C Trace Context Support").
        """
        return self._headers() or {}

    def current(self) -> AbstractContextManager[Any]:
        """Return a context in which the span is the current one, so that an instrumented transport's are within it."""
        return (self._current() if self._span is not None else None) or nullcontext()

    @_quietly
    def _current(self) -> AbstractContextManager[Any]:
        trace = sys.modules["opentelemetry.trace"]
        found: AbstractContextManager[Any] = trace.use_span(
            self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False
        )
        return found

    def end(self, run: Run, error: PortkeyError | None = None) -> None:
        """End the span with what became of the run, and take its measurements."""
        self._tell(run, error)
        self._close()
        _measure(run, self._url)

    @_quietly
    def _tell(self, run: Run, error: PortkeyError | None) -> None:
        if self._span is None or not self._span.is_recording():
            return
        self._span.set_attributes(span_facts.answered(run))
        if captures():
            self._span.set_attribute("gen_ai.input.messages", span_facts.input_messages(run))
            if run.status != "error":
                self._span.set_attribute("gen_ai.output.messages", span_facts.output_messages(run))
        if error is not None:
            trace = sys.modules["opentelemetry.trace"]
            # Its message may quote what was said.
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))

    @_quietly
    def _close(self) -> None:
        if self._span is not None:
            self._span.end()


def captures() -> bool:
    """Tell whether what was said goes into spans: ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` asks for it.

    ``SPAN_ONLY`` and ``SPAN_AND_EVENT`` do, as well as the older ``true``; ``EVENT_ONLY`` asks for events, and there
    are none (readme of opentelemetry-util-genai).
    """
    return os.environ.get(CAPTURE, "").strip().lower() in _IN_SPANS


def begin(run: Run, url: str) -> Watch | None:
    """Begin the span of a run, as a child of the current one; None where nobody has set up OpenTelemetry.

    Parameters
    ----------
    run : Run
        As it was started. The context of the thread that asked is known here: a coroutine carries it to the loop.
    url : str
        The gateway's address.
    """
    if "opentelemetry" not in sys.modules and _PROVIDER not in os.environ:
        return None
    return _begin(run, url)


@_quietly
def _begin(run: Run, url: str) -> Watch | None:
    tracer = _tracer()
    if tracer is None:
        return Watch(None, url) if _histograms() else None
    trace = sys.modules["opentelemetry.trace"]
    attributes = span_facts.asked(run, url)
    return Watch(tracer.start_span(f"chat {run.model}", kind=trace.SpanKind.CLIENT, attributes=attributes), url)


def record(run: Run, url: str) -> None:
    """Tell of a run that was answered from the run log: a span without a request in it."""
    watch = begin(run, url)
    if watch is not None:
        watch.end(run)


def tracing() -> bool:
    """Tell whether runs become spans in this process."""
    return "opentelemetry" in sys.modules and _tracer() is not None


def _tracer() -> Tracer | None:
    """Return the tracer of the SDK that was set up last; None where there is none."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    if trace is None:
        if _PROVIDER not in os.environ:
            return None
        trace = importlib.import_module("opentelemetry.trace")
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return None
    known = _tracers.get(id(provider))
    if known is None:
        made: Tracer = trace.get_tracer(SCOPE, tracer_provider=provider, schema_url=span_facts.SCHEMA_URL)
        known = _remember(_tracers, provider, made)
    return known[1]


def _histograms() -> Mapping[str, Histogram]:
    """Return the histograms of the SDK that was set up last; none where there is none."""
    metrics: Any = sys.modules.get("opentelemetry.metrics")
    if metrics is None:
        return {}
    provider = metrics.get_meter_provider()
    # What stands in until an SDK is set up has no public name.
    if isinstance(provider, metrics.NoOpMeterProvider) or type(provider).__name__ == "_ProxyMeterProvider":
        return {}
    known = _meters.get(id(provider))
    if known is None:
        meter = metrics.get_meter(SCOPE, meter_provider=provider, schema_url=span_facts.SCHEMA_URL)
        known = _remember(
            _meters,
            provider,
            {
                "tokens": _histogram(meter, "gen_ai.client.token.usage", "{token}", _TOKENS),
                "duration": _histogram(meter, "gen_ai.client.operation.duration", "s", _SECONDS),
            },
        )
    return known[1]


def _remember(known: dict[int, tuple[Any, T]], provider: Any, made: T) -> tuple[Any, T]:
    """Keep what was made with its provider, so that no other object comes by its identity; of one provider alone."""
    known.clear()
    known[id(provider)] = found = (provider, made)
    return found


def _histogram(meter: Any, name: str, unit: str, bounds: list[Any]) -> Histogram:
    try:
        made: Histogram = meter.create_histogram(name, unit=unit, explicit_bucket_boundaries_advisory=bounds)
    except TypeError:  # before opentelemetry-api 1.30
        made = meter.create_histogram(name, unit=unit)
    return made


@_quietly
def _measure(run: Run, url: str) -> None:
    found = _histograms()
    if not found or span_facts.reused(run):
        return
    facts = span_facts.measured(run, url)
    if run.latency_s is not None:
        failed = {"error.type": run.error_type} if run.error_type else {}
        found["duration"].record(run.latency_s, {**facts, **failed})
    if run.tokens_estimated or run.cached:
        return
    for kind, tokens in (("input", run.input_tokens), ("output", run.output_tokens)):
        if tokens is not None:
            found["tokens"].record(tokens, {**facts, "gen_ai.token.type": kind})
