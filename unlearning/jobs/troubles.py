"""Why a job failed, in plain words: kept in English, as logs and the API have it, and read in any language."""

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

MEMORY = _("There is not enough memory: give the process more, then try again.")
FILES = _("{cause}, where the worker keeps its files. Mend that, then retry.")
BUG = _("A bug ({name}): see the worker's log.")
SILENT = _(
    "The worker ended without a word at each of {tries} attempts, last in the phase “{phase}”: it was killed, or ran "
    "out of memory. See its log and the machine's; then retry."
)
SLEPT = _(
    "The worker was silent in a transaction for longer than a lease: it was frozen, or FEDSHARE_LEASE is too short for "
    "the data. See its log; then retry."
)
BUCKET = _("The bucket of models and state could not be used ({name}): see the worker's log. Mend that, then retry.")
_KNOWN = (MEMORY, FILES, BUG, SILENT, SLEPT, BUCKET)


def translated(trouble: str) -> str:
    """A cause in the language that is active; what the engine says of data and models stays as it is."""
    for template in _KNOWN:
        found = _pattern(template).fullmatch(trouble)
        if found:
            return gettext(template).format(**found.groupdict())
    return trouble


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile("".join(f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts)))
