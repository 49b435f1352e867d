"""Customers of an installation that is to be broken, and a model that has learned from them."""

import secrets
from dataclasses import asdict
from datetime import UTC, datetime

import torch
from django.core.management import call_command

from audits.keys import make_keys
from models_engine.fedshare.config import FedShareConfig
from models_engine.registry.models import Recommender
from unlearning.consent.services import record_consent
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.training import train_recommender
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.subjects import ensure_subjects

_CONFIG = FedShareConfig(width=8, rounds=60, participation=0.25, contrast_negatives=16, pull_rounds=8)
_ITEMS, _PAIRS = 120, 20
_WHEN = datetime(2024, 5, 1, tzinfo=UTC)


def settle(subjects: int) -> list[str]:
    """Tables, keys, customers and a model. Returns the customers, whose names stand nowhere but here."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    make_keys()
    mark = secrets.token_hex(8)
    names = [f"marker-{mark}-{number}@fedshare.example" for number in range(subjects)]
    generator = torch.Generator().manual_seed(1)
    for subject in ensure_subjects(names).values():
        record_consent(subject=subject, share_percent=80, channel="test", recorded_by="test")
    chosen = torch.rand(subjects, _ITEMS, generator=generator).argsort(1)[:, :_PAIRS].tolist()
    who = [name for name in names for _ in range(_PAIRS)]
    what = [f"item-{item}" for items in chosen for item in items]
    load_interactions(InteractionTable(who, what, [_WHEN] * len(who), None), fleet=simulated_fleet())
    recommender = Recommender.objects.create(name="shop", config=asdict(_CONFIG))
    train_recommender(recommender, 1, lambda fraction: None)
    return names
