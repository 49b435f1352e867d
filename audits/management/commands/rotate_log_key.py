"""`manage.py rotate_log_key`"""

from typing import Any

from django.core.management.base import BaseCommand

from audits.evidence.rotation import rotate_log_key


class Command(BaseCommand):
    help = (
        "Hand the transparency log over to a new key. The old key's last checkpoint names the new one; reports that "
        "were handed out stay valid. Stop the workers first. Publish the key that is printed beside the old one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"log key, to be published: {rotate_log_key()}")
