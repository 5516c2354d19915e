"""Traces by OpenTelemetry, where they are asked for; otherwise nothing is imported or done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any, Protocol


class Tracer(Protocol):
    """Opens spans."""

    def span(self, name: str, facts: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Have a span open for the length of a block."""
        ...

    def server_span(
        self, name: str, headers: Mapping[str, str], facts: Mapping[str, Any]
    ) -> AbstractContextManager[None]:
        """Have the span of a request open, as a child of the caller's if its headers name one."""
        ...


class NoTracer:
    """Opens nothing."""

    def span(self, name: str, facts: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Do nothing for the length of a block."""
        del name, facts
        return nullcontext()

    def server_span(
        self, name: str, headers: Mapping[str, str], facts: Mapping[str, Any]
    ) -> AbstractContextManager[None]:
        """Do nothing for the length of a block."""
        del name, headers, facts
        return nullcontext()


class OpenTelemetryTracer:
    """Opens spans of a tracer of OpenTelemetry's API."""

    def __init__(self, provider: Any = None) -> None:  # noqa: ANN401  the library is optional
        """Take a tracer provider; without one, the process's own, set up by its environment.

        Raises:
            ModuleNotFoundError: OpenTelemetry is not installed.
        """
        api = import_module("opentelemetry.trace")
        self._propagator = import_module("opentelemetry.propagate")
        self._kind = api.SpanKind.SERVER
        self._tracer = (provider or api.get_tracer_provider()).get_tracer("ossamma")

    @contextmanager
    def span(self, name: str, facts: Mapping[str, Any]) -> Iterator[None]:
        """Have a span open for the length of a block."""
        with self._tracer.start_as_current_span(name, attributes=dict(facts)):
            yield

    @contextmanager
    def server_span(
        self, name: str, headers: Mapping[str, str], facts: Mapping[str, Any]
    ) -> Iterator[None]:
        """Have the span of a request open, as a child of the caller's if its headers name one."""
        context = self._propagator.extract(dict(headers))
        with self._tracer.start_as_current_span(
            name, context=context, kind=self._kind, attributes=dict(facts)
        ):
            yield


def exporting_tracer() -> OpenTelemetryTracer:
    """Return a tracer that sends spans by OTLP to where the OTEL_* variables say.

    Raises:
        ModuleNotFoundError: the OpenTelemetry SDK or its exporter is not installed.
    """
    sdk = import_module("opentelemetry.sdk.trace")
    export = import_module("opentelemetry.sdk.trace.export")
    otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    resources = import_module("opentelemetry.sdk.resources")
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": "ossamma"}))
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return OpenTelemetryTracer(provider)
