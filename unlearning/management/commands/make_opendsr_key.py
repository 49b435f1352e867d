"""`manage.py make_opendsr_key`"""

from typing import Any

from django.core.management.base import BaseCommand

from unlearning.connectors.opendsr.signing import domain, make_key


class Command(BaseCommand):
    help = "Make the key and certificate that OpenDSR answers are signed with, for the host of FEDSHARE_PUBLIC_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        made = make_key()
        self.stdout.write(f"{', '.join(made)} for {domain()}" if made else "The key is there already.")
