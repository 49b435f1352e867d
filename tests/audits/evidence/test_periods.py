"""Deadlines against calendars that were counted by hand."""

from datetime import UTC, date, datetime, timedelta

import pytest

from audits.evidence.periods import Clock, due_at, may_extend_until, months_after

UTC_CLOCK = Clock("UTC")


def _last_day(due: datetime) -> date:
    return (due - timedelta(microseconds=1)).date()


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-01-15", "2026-02-16"),  # the 15th of February is a Sunday
        ("2026-01-31", "2026-03-02"),  # February has no 31st; the 28th is a Saturday
        ("2028-01-31", "2028-02-29"),
        ("2026-12-05", "2027-01-05"),
        ("2026-03-31", "2026-04-30"),
        ("2026-05-13", "2026-06-15"),  # the 13th is a Saturday
    ],
)
def test_a_month_ends_on_the_same_date_or_the_next_working_day(received, last):
    moment = datetime.fromisoformat(received).replace(hour=17, tzinfo=UTC)
    assert _last_day(due_at("gdpr", moment, UTC_CLOCK)) == date.fromisoformat(last)


def test_a_period_ends_with_the_last_hour_of_the_day_where_the_controller_is():
    # 23:30 in Paris on the 4th; in UTC it is still the 4th, in Tokyo the 5th.
    moment = datetime(2026, 5, 4, 21, 30, tzinfo=UTC)
    assert due_at("gdpr", moment, Clock("Europe/Paris")).isoformat() == "2026-06-05T00:00:00+02:00"
    assert due_at("gdpr", moment, Clock("Asia/Tokyo")).isoformat() == "2026-06-06T00:00:00+09:00"


def test_a_period_does_not_end_on_a_holiday():
    moment = datetime(2026, 11, 24, tzinfo=UTC)
    christmas = (date(2026, 12, 24), date(2026, 12, 25))
    assert _last_day(due_at("gdpr", moment, Clock("UTC", christmas))) == date(2026, 12, 28)  # a Monday


def test_an_extension_adds_two_months_or_forty_five_days():
    moment = datetime(2026, 1, 30, tzinfo=UTC)
    assert _last_day(due_at("gdpr", moment, Clock("UTC", extended=True))) == date(2026, 4, 30)
    assert _last_day(due_at("ccpa", datetime(2026, 1, 1, tzinfo=UTC), UTC_CLOCK)) == date(2026, 2, 15)
    assert _last_day(due_at("ccpa", datetime(2026, 1, 1, tzinfo=UTC), Clock("UTC", extended=True))) == date(2026, 4, 1)


def test_an_extension_has_to_come_within_the_first_period():
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    assert may_extend_until("gdpr", moment, Clock("UTC", extended=True)) == due_at("gdpr", moment, UTC_CLOCK)


def test_a_doubt_about_identity_suspends_whole_days_in_europe_alone():
    moment = datetime(2026, 1, 5, tzinfo=UTC)
    paused = Clock("UTC", paused=timedelta(days=7, hours=23))
    assert _last_day(due_at("gdpr", moment, paused)) == date(2026, 2, 12)
    assert due_at("ccpa", moment, paused) == due_at("ccpa", moment, UTC_CLOCK)


def test_months_keep_the_hour():
    assert months_after(datetime(2026, 1, 31, 8, tzinfo=UTC), 1) == datetime(2026, 2, 28, 8, tzinfo=UTC)
