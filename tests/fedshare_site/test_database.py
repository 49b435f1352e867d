"""How the service talks to PostgreSQL."""

import pytest
from django.conf import settings
from django.db import InternalError, connection

from fedshare_site.settings import _database
from unlearning.jobs.runner import silent_too_long


@pytest.mark.django_db
def test_a_process_that_falls_silent_in_a_transaction_loses_its_locks_after_a_lease():
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == (f"{settings.FEDSHARE_LEASE / 60:.0f}min",)
    hung = connection.copy()
    hung.set_autocommit(False)
    try:
        with hung.cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = 50")
            cursor.execute("SELECT pg_sleep(0.2)")  # at work it is left alone
            cursor.execute("SELECT 1")
        pid = hung.connection.info.backend_pid
        with connection.cursor() as cursor:
            for _ in range(100):
                cursor.execute("SELECT pg_sleep(0.05), pg_stat_clear_snapshot()")
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
                if cursor.fetchone()[0] == 0:
                    break
            else:
                pytest.fail("the session was not ended")
        with pytest.raises(InternalError) as error, hung.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert silent_too_long(error.value)
    finally:
        hung.close()


def test_options_of_the_address_are_kept():
    options = _database("postgresql://u:p@h:5433/d?sslmode=require&options=-c%20statement_timeout%3D5s")["OPTIONS"]
    assert options["sslmode"] == "require"
    assert options["options"].split(" -c ") == [
        "-c statement_timeout=5s",
        f"idle_in_transaction_session_timeout={settings.FEDSHARE_LEASE * 1000:.0f}",
    ]
