"""`manage.py lineage`"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from unlearning.lineage import openlineage, tracing
from unlearning.lineage.subjects import find_subjects


class Command(BaseCommand):
    help = "Trace data: where a customer's went, what a version was trained on, or everything as OpenLineage events."

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--subject", action="store_true", help="a customer, whose identity is read from standard input"
        )
        which.add_argument("--model", metavar="RECOMMENDER/NUMBER", help="a version of one")
        which.add_argument("--openlineage", action="store_true", help="one event a line")

    def handle(self, *args: Any, subject: bool, model: str | None, openlineage: bool, **options: Any) -> None:
        if subject:
            self._forward()
        elif model:
            self._backward(model)
        else:
            self._events()

    def _forward(self) -> None:
        # From standard input, since a command line is seen by others on the machine and kept in histories.
        (found,) = find_subjects([input()])
        if found is None:
            raise CommandError("nobody is known under this identity", returncode=2)
        traced = tracing.forward(found)
        self._write(asdict(traced) | {"carries": traced.carries}, indent=2)

    def _backward(self, name: str) -> None:
        recommender, _, number = name.partition("/")
        found = tracing.versions(recommender).filter(number=number).first() if number.isdigit() else None
        if found is None:
            raise CommandError(f"--model {name}: there is no such version; give RECOMMENDER/NUMBER", returncode=2)
        self._write(asdict(tracing.backward(found)), indent=2)

    def _events(self) -> None:
        for event in openlineage.events(settings.FEDSHARE_LOG_ORIGIN):
            self._write(event)

    def _write(self, content: Any, indent: int | None = None) -> None:
        self.stdout.write(json.dumps(content, cls=DjangoJSONEncoder, indent=indent))
