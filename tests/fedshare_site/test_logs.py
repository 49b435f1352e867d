"""What lines of a log hold, and what they must not."""

import json
import logging
import sys
from datetime import datetime

from fedshare_site.logs import JsonLines, WithoutKeys, WithTrace
from unlearning import correlation


def _line(message, *args):
    record = logging.LogRecord("n", logging.WARNING, "p", 1, message, args, None)
    assert WithoutKeys().filter(record)
    return record.getMessage()


def test_addresses_that_are_keys_lose_them():
    assert _line("Forbidden (%s): %s", "why", "/me/WyIx:1x:Ob-_/") == "Forbidden (why): /me/…"
    assert _line("Not Found: /sign-in/password/MQ/abc-123/ now") == "Not Found: /sign-in/password/… now"


def test_other_lines_stay():
    assert _line("job %s failed: %d", "/models/shop/", 3) == "job /models/shop/ failed: 3"


def _json(message, *args, error=None):
    record = logging.LogRecord("unlearning.jobs", logging.ERROR, "p", 1, message, args, error)
    WithTrace().filter(record)
    return json.loads(JsonLines().format(record))


def test_a_line_of_json_has_the_trace_and_the_job():
    parent = correlation.new_traceparent()
    with correlation.within(parent=parent, job="j-1"):
        line = _json("job %s failed", "j-1")
    assert (line["trace"], line["job"]) == (parent[3:35], "j-1")
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "unlearning.jobs", "job j-1 failed")
    assert datetime.fromisoformat(line["at"]).tzinfo is not None
    assert "trace" not in _json("nothing to do with it")


def test_a_line_of_json_stays_one_line_with_a_traceback():
    try:
        raise ValueError("no\ngood")
    except ValueError:
        line = _json("a bug", error=sys.exc_info())
    assert "ValueError: no\ngood" in line["traceback"]
