"""The simulated devices' files, as far as the import of interactions has to do with them."""

from django.db import connection

_LOCK = 0x66656473646576  # "fedsdev"


def lock_devices() -> None:
    """Be the only one to change what simulated devices hold, until the caller's transaction ends.

    They read a file, change it and write it again: two at once would undo each other, and bring back what was erased.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def assert_session() -> None:
    """Raise the database's error where the session has ended, and its locks with it: such as while this one slept."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
