"""`manage.py rebuild_consent`"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from unlearning.consent.services import rebuild


class Command(BaseCommand):
    help = "Rebuild what is in force for every customer from their consent events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare alone; exit code 1 if anything differs")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        total, differing = rebuild(write=not check)
        if check and differing:
            raise CommandError(f"{differing:,} of {total:,} customers are in another state than their events say")
        self.stdout.write(f"{total:,} customers, {differing:,} {'differ' if check else 'corrected'}")
