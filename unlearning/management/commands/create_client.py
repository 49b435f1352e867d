"""`manage.py create_client NAME`"""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from oauth2_provider.models import Application

from unlearning.api.clients import check_name, give_credentials
from unlearning.api.sandbox import PREFIX
from unlearning.requests.errors import BadField


class Command(BaseCommand):
    help = "Make an OAuth2 client for a CRM, or give one a new secret. The secret is shown once and stored as a hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--rotate", action="store_true", help="give an existing client a new secret")
        parser.add_argument("--sandbox", action="store_true", help="a client for trying: answered, and nothing is done")
        parser.add_argument(
            "--scope",
            action="append",
            choices=list(settings.OAUTH2_PROVIDER["SCOPES"]),
            help="that it may have; several times for several; left out: all but requests:manage",
        )

    def handle(
        self, *args: Any, name: str, rotate: bool, sandbox: bool, scope: list[str] | None, **options: Any
    ) -> None:
        try:
            check_name(name)
        except BadField as bad:
            raise CommandError(str(bad), returncode=2) from None
        client = f"{PREFIX}{name}" if sandbox else name
        if Application.objects.filter(name=client).exists() and not rotate:
            raise CommandError(f"there is a client {client} already; --rotate gives it a new secret", returncode=2)
        client_id, secret = give_credentials(name, sandbox=sandbox, scopes=scope)
        self.stdout.write(f"client id      {client_id}\nclient secret  {secret}")
