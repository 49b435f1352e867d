"""`manage.py register`"""

from argparse import ArgumentParser
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audits.reports.writing import address, write_reports
from unlearning.requests.register import issue_register


class Command(BaseCommand):
    help = "Issue the register of the requests received in a period, as signed reports, whose paths are printed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from", dest="start", required=True, help="first day (YYYY-MM-DD), in the controller's time zone"
        )
        parser.add_argument(
            "--until", required=True, help="the day after the last (YYYY-MM-DD), in the controller's time zone"
        )

    def handle(self, *args: Any, start: str, until: str, **options: Any) -> None:
        try:
            document = issue_register(_day("--from", start), _day("--until", until))
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from None
        totals = document.content["totals"]
        shown = ("received", "answered", "open", "late")
        self.stdout.write(", ".join(f"{name} {totals[name]}" for name in shown))
        for report in write_reports(document):
            self.stdout.write(address(report))


def _day(option: str, text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{option}: {text!r} is no day: give it as YYYY-MM-DD") from None
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(settings.FEDSHARE_TIME_ZONE))
