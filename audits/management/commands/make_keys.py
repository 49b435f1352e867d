"""`manage.py make_keys`"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from audits.evidence.keys import log_verifier_key
from audits.keys import make_keys


class Command(BaseCommand):
    help = "Make the master key, the log's key and the report signer's, where they are missing."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        made = make_keys()
        self.stdout.write(f"made {', '.join(made)} in {settings.KEYS}" if made else "every key is there already")
        self.stdout.write(f"log key, to be published: {log_verifier_key()}")
