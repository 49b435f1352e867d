"""`manage.py replay_erasures`"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from unlearning.management.bars import stage
from unlearning.requests.replaying import replay


class Command(BaseCommand):
    help = "After a restore from a backup: repeat every erasure that the journal has. Before any worker starts."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with stage("Replay the journal") as progress:
                done = replay(progress)
        except ValueError as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(
            f"{done.lines:,} erasures in the journal: {done.opened:,} opened again, {done.accepted:,} accepted again, "
            f"{done.suppressed:,} identities suppressed again"
        )
