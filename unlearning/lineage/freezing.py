"""When a row counts as shared, and when a dataset is frozen: one order for both.

Whoever adds or removes rows holds the gate, together with others, from the stamp until the commit. Whoever freezes
takes it alone for a moment, and reads the clock, the database's like all stamps: every change stamped before is
committed by then, and every later one is stamped later. So "shared from ≤ as of" and "removed after as of" say of
each row whether the frozen data has it, however the transactions overlap and whatever the machines' clocks say.
"""

from datetime import datetime

from django.db import connection, transaction

_GATE = 0x6665647367617465  # "fedsgate"


def stamp() -> datetime:
    """The moment from which rows count as shared that the caller's transaction adds, or as removed that it removes."""
    with connection.cursor() as cursor:
        # What stands in FROM is done first: the clock is read behind the gate.
        cursor.execute("SELECT clock_timestamp() FROM pg_advisory_xact_lock_shared(%s)", [_GATE])
        return cursor.fetchone()[0]


def clock() -> datetime:
    """What the database's clock says, by which all machines agree."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def freeze() -> datetime:
    """A moment as of which data can be read: nothing stamped until then is still on its way."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() FROM pg_advisory_xact_lock(%s)", [_GATE])
        return cursor.fetchone()[0]
