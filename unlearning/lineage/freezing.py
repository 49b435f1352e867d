"""When a row counts as shared, and when a dataset is frozen: one order for both.

Whoever adds rows holds the gate, together with others, from the stamp until the commit. Whoever freezes takes it alone
for a moment, and reads the clock: every row stamped before is committed by then, and every later one is stamped later.
So "shared from ≤ as of" says of each row whether the frozen data has it, however the transactions overlap.
"""

from datetime import datetime

from django.db import connection

_GATE = 0x6665647367617465  # "fedsgate"


def stamp() -> datetime:
    """The moment from which rows count as shared that the caller's transaction adds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_GATE])
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def freeze() -> datetime:
    """A moment as of which data can be read: nothing stamped until then is still on its way."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_GATE])
        try:
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0]
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_GATE])
