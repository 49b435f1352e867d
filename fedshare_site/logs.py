"""What is written to logs, and what no line of one may hold."""

import logging
import re

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


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"keys": {"()": "fedshare_site.logs.WithoutKeys"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["keys"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        **{name: {"level": "INFO"} for name in ("unlearning", "audits", "models_engine")},
        # Told that matplotlib's pictures use SVG properties that CSS does not know; they are drawn all the same.
        "weasyprint": {"level": "ERROR"},
        # What its parser grumbles about in a file that is checked; the checks say what is wrong.
        "pyhanko": {"level": "CRITICAL"},
        "pyhanko_certvalidator": {"level": "CRITICAL"},
        "axes": {"level": "CRITICAL"},  # its lines hold user names; what it counts stands in its table
        "kombu.connection": {"level": "ERROR"},  # the filesystem transport has no host name to warn about
    },
}
