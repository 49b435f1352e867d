"""What is written to logs, and what no line of one may hold."""

import json
import logging
import re
from datetime import UTC, datetime

from unlearning import correlation

_KEYS = re.compile(r"(/me/|/sign-in/password/)[^\s'\"]+")


class WithoutKeys(logging.Filter):
    """Takes the keys out of addresses that are keys: a customer's page, the choice of a password."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every line passes, without them."""
        said = record.getMessage()
        cleaned = _KEYS.sub(r"\1…", said)
        if cleaned != said:
            record.msg, record.args = cleaned, None
        return True


class WithTrace(logging.Filter):
    """Gives every line the trace and the job that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every line passes, with them."""
        record.correlation = correlation.fields()
        return True


class JsonLines(logging.Formatter):
    """One JSON object for each line, for whoever collects logs of many processes."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (UTC), level, logger, message; trace, job and a traceback where there are some."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        line |= getattr(record, "correlation", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


FORMATS = ("line", "json")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
        "json": {"()": "fedshare_site.logs.JsonLines"},
    },
    "filters": {"keys": {"()": "fedshare_site.logs.WithoutKeys"}, "trace": {"()": "fedshare_site.logs.WithTrace"}},
    "handlers": {
        name: {"class": "logging.StreamHandler", "formatter": name, "filters": ["keys", "trace"]} for name in FORMATS
    },
    "root": {"level": "WARNING"},
    "loggers": {
        **{name: {"level": "INFO"} for name in ("unlearning", "audits", "models_engine")},
        # Its warnings hold addresses that nobody has, whatever somebody wrote into them.
        "django.request": {"level": "ERROR"},
        # Told that matplotlib's pictures use SVG properties that CSS does not know; they are drawn all the same.
        "weasyprint": {"level": "ERROR"},
        # What its parser grumbles about in a file that is checked; the checks say what is wrong.
        "pyhanko": {"level": "CRITICAL"},
        "pyhanko_certvalidator": {"level": "CRITICAL"},
        # Two lines for every task, most of which look whether there is something to do; jobs have lines of their own.
        **{name: {"level": "WARNING"} for name in ("celery.app.trace", "celery.worker.strategy")},
        "axes": {"level": "CRITICAL"},  # its lines hold user names; what it counts stands in its table
        "kombu.connection": {"level": "ERROR"},  # the filesystem transport has no host name to warn about
    },
}


def logging_as(form: str) -> dict[str, object]:
    """The configuration, with lines in one of the `FORMATS`; every HTTP request has a line where they are JSON."""
    loggers = LOGGING["loggers"] | {"fedshare_site.correlation": {"level": "INFO" if form == "json" else "WARNING"}}
    return LOGGING | {"root": {"handlers": [form], "level": "WARNING"}, "loggers": loggers}
