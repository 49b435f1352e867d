"""One trace for what belongs together: an HTTP request, the request that it opened, the job that carries it out.

A trace is W3C's (`traceparent`): its id stands in every line of a log that has to do with it, and where traces are
exported they can be followed there. It says nothing of a person.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.trace import Link, SpanContext, TraceFlags

_PARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_traceparent: ContextVar[str] = ContextVar("traceparent", default="")
_job: ContextVar[str] = ContextVar("job", default="")


def new_traceparent() -> str:
    """Of a trace that begins here."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def traceparent() -> str:
    """Of what is being done; empty outside of an HTTP request and a job."""
    return _traceparent.get()


def trace_id(parent: str) -> str:
    """The id of a trace, 32 hexadecimal digits; empty where there is none."""
    found = _PARENT.fullmatch(parent)
    return found[1] if found else ""


def link(parent: str) -> Link | None:
    """To another trace; None where there is none."""
    found = _PARENT.fullmatch(parent)
    if found is None:
        return None
    return Link(SpanContext(int(found[1], 16), int(found[2], 16), True, TraceFlags(int(found[3], 16))))


@contextmanager
def within(*, parent: str = "", job: str = "") -> Iterator[None]:
    """What is done within belongs to a trace, or to a job."""
    tokens = [(_traceparent, _traceparent.set(parent)), (_job, _job.set(job))]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)


def fields() -> dict[str, str]:
    """What a line of a log carries of it."""
    found = {"trace": trace_id(_traceparent.get()), "job": _job.get()}
    return {name: value for name, value in found.items() if value}
