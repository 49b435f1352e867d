"""From an HTTP request over its row to the lines and the spans of the job that carries it out."""

import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.unlearning.people import ask_erasure
from unlearning import correlation
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.requests.models import Request

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("given", "known"),
    [
        (PARENT, "0af7651916cd43dd8448eb211c80319c"),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", ""),
        ("ann@example.org", ""),
        ("", ""),
    ],
)
def test_only_what_is_a_trace_is_one(given, known):
    assert correlation.trace_id(given) == known


def test_a_trace_is_taken_over_or_begun(client):
    answer = client.get("/health/live", headers={"traceparent": PARENT})
    assert answer["X-Request-ID"] == correlation.trace_id(PARENT)
    first, second = (client.get("/health/live", headers={"traceparent": "ann@example.org"}) for _ in range(2))
    assert len(first["X-Request-ID"]) == 32
    assert first["X-Request-ID"] != second["X-Request-ID"]


def test_addresses_stand_in_logs_as_their_patterns(client, caplog, db):
    with caplog.at_level(logging.INFO, "fedshare_site.correlation"):
        client.get("/me/WyIx:secret:key/")
        client.get("/nowhere/ann@example.org")
    assert "secret" not in caplog.text
    assert "ann@example.org" not in caplog.text
    assert "GET /me/… 410" in caplog.text
    assert "GET unknown 404" in caplog.text


@pytest.mark.django_db
def test_the_lines_of_a_job_lead_back_to_the_requests_that_it_serves(recommender, caplog):
    with correlation.within(parent=PARENT):
        request = ask_erasure("u1")
    assert Request.objects.get(pk=request.pk).traceparent == PARENT
    (job,) = plan_jobs()
    tied = []
    handler = logging.Handler()
    handler.emit = lambda record: tied.append((record.getMessage(), correlation.fields()))
    logger = logging.getLogger("unlearning.jobs")
    logger.addHandler(handler)
    try:
        run_job(job.pk)
    finally:
        logger.removeHandler(handler)
    both = {"trace": correlation.trace_id(PARENT), "job": str(job.pk)}
    assert (f"attempt 1 carries out request {request.pk}", both) in tied
    assert all(fields["job"] == str(job.pk) for _message, fields in tied)
    assert len(tied) > 4


class _Collector(BaseHTTPRequestHandler):
    """What would be an OpenTelemetry collector elsewhere."""

    spans: list = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        """Nothing."""


@pytest.fixture
def collected(monkeypatch):
    """Spans that reached a collector over HTTP."""
    _Collector.spans = []
    server = HTTPServer(("127.0.0.1", 0), _Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    provider = TracerProvider()
    address = f"http://127.0.0.1:{server.server_port}/v1/traces"
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(address)))
    for module in ("fedshare_site.correlation", "unlearning.jobs.leasing"):
        monkeypatch.setattr(f"{module}._tracer", provider.get_tracer("test"))
    yield _Collector.spans
    provider.shutdown()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.django_db
def test_spans_reach_a_collector_and_a_job_is_linked_to_its_requests(recommender, client, collected):
    client.get("/health/live", headers={"traceparent": PARENT})
    (http,) = collected
    assert (http.name, http.trace_id.hex()) == ("GET /health/live", correlation.trace_id(PARENT))
    with correlation.within(parent=PARENT):
        ask_erasure("u1")
    (job,) = plan_jobs()
    run_job(job.pk)
    spans = {span.name: span for span in collected}
    assert [one.trace_id.hex() for one in spans["job"].links] == [correlation.trace_id(PARENT)]
    phases = [span for span in collected if span.parent_span_id == spans["job"].span_id]
    job.refresh_from_db()
    assert {span.name for span in phases} >= {*job.timings, "prepare"}
    assert {span.trace_id for span in phases} == {spans["job"].trace_id}
