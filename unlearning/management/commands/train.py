"""`manage.py train NAME`"""

import json
from argparse import ArgumentParser
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from models_engine.registry.models import Recommender
from unlearning.jobs.training import train_recommender
from unlearning.management.bars import stage


def _recommender(name: str) -> Recommender:
    """The one of this name, made if it is new."""
    recommender = Recommender.objects.filter(name=name).first() or Recommender(name=name)
    try:
        recommender.clean_fields(exclude=["config"])
    except ValidationError:
        raise ValueError("name: give up to 50 letters, digits, hyphens and underscores") from None
    recommender.save()
    return recommender


def _unseen(fraction: float) -> None:
    """Where no bar is wanted."""


class Command(BaseCommand):
    help = "Train a recommender's next version on what is shared now, rehearse forgetting on it, and let it serve."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="of the recommender; made if it is new")
        parser.add_argument("--seed", type=int, default=1, help="of the model; same data and seed, same bytes")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, name: str, seed: int, **options: Any) -> None:
        try:
            recommender = _recommender(name)
            with nullcontext(_unseen) if options["json"] else stage(f"Train {name}") as progress:
                version = train_recommender(recommender, seed, progress)
        except (ValueError, FloatingPointError, MemoryError, OSError) as error:
            raise CommandError(str(error), returncode=2) from None
        except KeyboardInterrupt:
            raise CommandError("stopped; run the same again, and it goes on from there", returncode=130) from None
        if options["json"]:
            told = {
                "recommender": name,
                "version": version.number,
                "seed": seed,
                "digest": version.digest,
                "metrics": version.metrics,
            }
            self.stdout.write(json.dumps(told, sort_keys=True))
            return
        for label in ("fedshare", "popularity"):
            quality = version.metrics[label]
            self.stdout.write(
                f"{label:<11} recall@{quality['k']} {quality['recall']:.4f}   NDCG@{quality['k']} {quality['ndcg']:.4f}"
                f"   ({quality['subjects']} subjects, held-out interactions)"
            )
        self.stdout.write(f"{version} serves; SHA-256 {version.digest}")
