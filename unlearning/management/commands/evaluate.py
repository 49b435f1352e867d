"""`manage.py evaluate NAME`"""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from models_engine.fedshare.model import ModelFileError
from models_engine.registry.models import Recommender
from unlearning.jobs.training import evaluate_serving
from unlearning.management.bars import stage


class Command(BaseCommand):
    help = "Measure the model that serves on interactions held out by the devices, beside plain popularity."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the recommender")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, name: str, json: bool, **options: Any) -> None:
        recommender = Recommender.objects.select_related("serving__dataset").filter(name=name).first()
        if recommender is None or recommender.serving is None:
            raise CommandError(
                f"name: no model of {name!r} serves; train it with: manage.py train {name}", returncode=2
            )
        try:
            if json:
                found = evaluate_serving(recommender)
            else:
                with stage(f"Evaluate {recommender.serving}"):
                    found = evaluate_serving(recommender)
        except (ValueError, ModelFileError, OSError, MemoryError) as error:
            raise CommandError(str(error), returncode=2) from None
        if json:
            self.stdout.write(_json({label: asdict(quality) for label, quality in found.items()}))
            return
        for label, quality in found.items():
            self.stdout.write(
                f"{label:<11} recall@{quality.k} {quality.recall:.4f}   NDCG@{quality.k} {quality.ndcg:.4f}"
                f"   ({quality.subjects} subjects, held-out interactions)"
            )


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, sort_keys=True)
