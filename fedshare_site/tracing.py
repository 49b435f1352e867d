"""Traces by OpenTelemetry, exported over OTLP where `OTEL_EXPORTER_OTLP_ENDPOINT` says whereto."""

import os

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def start(service: str) -> None:
    """Export this process's spans; call it after a fork, since a thread sends them.

    Every option is OpenTelemetry's own (`OTEL_…`). Without an endpoint nothing is recorded, and spans cost nothing.
    """
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
