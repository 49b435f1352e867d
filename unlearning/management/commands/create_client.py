"""`manage.py create_client NAME`"""

import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from oauth2_provider.models import Application

from unlearning.api.clients import give_credentials


class Command(BaseCommand):
    help = "Make an OAuth2 client for a CRM, or give one a new secret. The secret is shown once and stored as a hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--rotate", action="store_true", help="give an existing client a new secret")

    def handle(self, *args: Any, name: str, rotate: bool, **options: Any) -> None:
        if not re.fullmatch(r"[\w.-]{1,100}", name):
            raise CommandError("name: give up to 100 letters, digits, dots, hyphens and underscores", returncode=2)
        if Application.objects.filter(name=name).exists() and not rotate:
            raise CommandError(f"there is a client {name} already; --rotate gives it a new secret", returncode=2)
        client_id, secret = give_credentials(name)
        self.stdout.write(f"client id      {client_id}\nclient secret  {secret}")
