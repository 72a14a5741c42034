"""A real OpenTelemetry SDK for the time of a ``with``, whose spans and measurements are kept in memory."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import _internal as metrics_internal
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once


class Telemetry:
    """What an application sets up that wants to see its spans.

    Parameters
    ----------
    *processors : SpanProcessor
        Further listeners.
    """

    def __init__(self, *processors: SpanProcessor) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.provider = TracerProvider()
        for processor in (*processors, SimpleSpanProcessor(self._exporter)):
            self.provider.add_span_processor(processor)
        self._meters = MeterProvider([self._reader])
        self.tracer = self.provider.get_tracer("the application")

    def __enter__(self) -> Telemetry:
        trace.set_tracer_provider(self.provider)
        metrics.set_meter_provider(self._meters)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.provider.shutdown()
        self._meters.shutdown()
        # They are set once in a process's life; tests take turns, as OpenTelemetry's own do.
        trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = None, Once()
        metrics_internal._METER_PROVIDER, metrics_internal._METER_PROVIDER_SET_ONCE = None, Once()

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans of runs that have ended, in that order."""
        return [span for span in self._exporter.get_finished_spans() if span.instrumentation_scope.name == "portkey_nb"]

    @property
    def measurements(self) -> dict[str, list[Any]]:
        """Instrument -> its data points."""
        read = self._reader.get_metrics_data()
        found: dict[str, list[Any]] = {}
        for resource in read.resource_metrics if read is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found.setdefault(metric.name, []).extend(metric.data.data_points)
        return found
