"""`manage.py connector_secret`"""

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from unlearning.connectors import secrets
from unlearning.connectors.models import ConnectorSecret
from unlearning.requests.errors import BadField


class Command(BaseCommand):
    help = (
        "The secrets of connectors. To rotate one, add the new one, have the sender use it, and remove the old one. "
        "drp takes an agent's Ed25519 key in base64; drop has the accounts `api-key` and `webhook`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="read a secret from standard input, and keep it encrypted")
        add.add_argument("connector", choices=secrets.CONNECTORS)
        add.add_argument("--account", default="", help="shop, agent or use; left out: every one")
        actions.add_parser("list", help="what there is; never the secrets")
        remove = actions.add_parser("remove", help="let one be valid no longer")
        remove.add_argument("number", type=int)

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        getattr(self, f"_{action}")(**options)

    def _add(self, connector: str, account: str, **options: Any) -> None:
        secret = (getpass("Secret: ") if sys.stdin.isatty() else sys.stdin.read()).strip()
        if not secret:
            raise CommandError("the secret is empty: give it on standard input", returncode=2)
        try:
            stored = secrets.add(connector, account, secret)
        except BadField as bad:
            raise CommandError(f"{bad.field}: {bad.remedy}", returncode=2) from None
        self.stdout.write(f"{stored.pk} {connector} {account or '(every account)'}")

    def _list(self, **options: Any) -> None:
        for stored in ConnectorSecret.objects.all():
            self.stdout.write(
                f"{stored.pk} {stored.connector} {stored.account or '(every account)'} since {stored.created_at:%F}"
            )

    def _remove(self, number: int, **options: Any) -> None:
        if not ConnectorSecret.objects.filter(pk=number).delete()[0]:
            raise CommandError(f"{number}: there is no such secret; see `list`", returncode=2)
