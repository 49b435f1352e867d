"""The trace of every HTTP request: taken over from whoever calls, or begun here; answered as `X-Request-ID`."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from unlearning import correlation

logger = logging.getLogger(__name__)
_tracer = trace.get_tracer("fedshare")
_FAILED = 500


class Correlation:
    """Puts what is done for an HTTP request into one trace, and says how it went.

    Addresses stand in logs and spans as their patterns: some are keys, and others name subjects.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self._get_response = get_response

    def __call__(self, http: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        caller = TraceContextTextMapPropagator().extract({"traceparent": http.headers.get("traceparent", "")})
        with _tracer.start_as_current_span(http.method or "", context=caller, kind=SpanKind.SERVER) as span:
            parent = _traceparent(span)
            with correlation.within(parent=parent):
                response = self._get_response(http)
                route = f"/{http.resolver_match.route}" if http.resolver_match else "unknown"
                _tell(span, http.method or "", route, response.status_code)
                spent = round(1000 * (time.monotonic() - began))
                logger.info("%s %s %d in %d ms", http.method, route, response.status_code, spent)
        response["X-Request-ID"] = correlation.trace_id(parent)
        return response


def _traceparent(span: Span) -> str:
    context = span.get_span_context()
    if not context.is_valid:  # nobody exports traces, and the caller has none
        return correlation.new_traceparent()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _tell(span: Span, method: str, route: str, status: int) -> None:
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= _FAILED:
        span.set_status(Status(StatusCode.ERROR))
