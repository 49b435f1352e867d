import logging

from fedshare_site.logs import WithoutKeys


def _line(message, *args):
    record = logging.LogRecord("n", logging.WARNING, "p", 1, message, args, None)
    assert WithoutKeys().filter(record)
    return record.getMessage()


def test_addresses_that_are_keys_lose_them():
    assert _line("Forbidden (%s): %s", "why", "/me/WyIx:1x:Ob-_/") == "Forbidden (why): /me/…"
    assert _line("Not Found: /sign-in/password/MQ/abc-123/ now") == "Not Found: /sign-in/password/… now"


def test_other_lines_stay():
    assert _line("job %s failed: %d", "/models/shop/", 3) == "job /models/shop/ failed: 3"
