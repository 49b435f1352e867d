"""`manage.py check_log`"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.progress import Progress

from audits.evidence.checking import LogDamaged, check_log
from audits.evidence.models import WaitingEntry


class Command(BaseCommand):
    help = "Compute the transparency log's tree anew from its entries, and compare with what is stored and was signed."

    def handle(self, *args: Any, **options: Any) -> None:
        with Progress(transient=True) as bar:
            task = bar.add_task("Check the log", total=1.0)
            try:
                size = check_log(lambda part: bar.update(task, completed=part))
            except LogDamaged as damage:
                raise CommandError(str(damage)) from None
        waiting = WaitingEntry.objects.count()
        self.stdout.write(
            f"{size} entries: every one, every node and every checkpoint fits"
            + (f"; {waiting} more wait for their places" if waiting else "")
        )
