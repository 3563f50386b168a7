"""OpenTelemetry spans, if the operator wants them and installed `comity[otel]`.

Attributes are names of the schema, codes and counts. An exception is its type alone: what
OpenTelemetry would record by itself has the message in it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from api.observing.metrics import outcome
from api.observing.notes import Note
from governance.errors import BadSetting
from governance.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider


class Traces:
    """The spans of one node, to a provider of OpenTelemetry's."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.provider = provider
        self._tracer = provider.get_tracer("comity")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, context: Any = None) -> Iterator[Any]:
        """A span within the current one; one that fails says by which type."""
        from opentelemetry.trace import StatusCode

        with self._tracer.start_as_current_span(
            name, context, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)
                raise

    @contextmanager
    def request(self, headers: Mapping[str, str], note: Note) -> Iterator[Any]:
        """The span of a request, a part of the caller's trace if it sent a `traceparent`."""
        carrier = {"traceparent": headers.get("traceparent", "")}
        with self.span("request", self._propagator.extract(carrier)) as span:
            try:
                yield span
            finally:
                _describe(span, note)

    def close(self) -> None:
        """Sends what is left."""
        self.provider.shutdown()


def traces(settings: Settings) -> Traces | None:
    """What the settings ask for; where spans go, and by what name, is told by OpenTelemetry's own
    variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME and so on)."""
    if settings.tracing == "off":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise BadSetting("COMITY_TRACING: otlp takes `pip install comity[otel]`") from None
    told = {"service.name": "comity", **OTELResourceDetector().detect().attributes}
    provider = TracerProvider(resource=Resource.create(told))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


def _describe(span: Any, note: Note) -> None:
    from opentelemetry.trace import StatusCode

    if outcome(note) == "fault":
        span.set_status(StatusCode.ERROR)
    if note.kind:
        span.update_name(f"{note.kind} {note.root}")
        span.set_attribute("graphql.operation.type", note.kind)
        span.set_attribute("comity.root", note.root)
    span.set_attribute("comity.request_id", note.request_id)
    span.set_attribute("comity.statements", note.statements)
    span.set_attribute("comity.refusals", sorted(note.refusals))
    span.set_attribute("comity.errors", sorted(note.errors))
    if note.status:
        span.set_attribute("http.response.status_code", note.status)
