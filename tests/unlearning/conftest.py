"""A recommender that serves, over a small world."""

from dataclasses import asdict

import pytest
from django.db import connection

from models_engine.fedshare.config import FedShareConfig
from models_engine.registry.models import Recommender
from models_engine.registry.places import place
from tests.worlds import write_interactions
from unlearning.consent.services import record_consent
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.training import train_recommender
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import read_interactions
from unlearning.lineage.subjects import ensure_subjects

CONFIG = FedShareConfig(width=8, rounds=60, participation=0.25, contrast_negatives=16, pull_rounds=8)


@pytest.fixture
def committed(django_db_setup, django_db_blocker):
    """What a test commits is removed afterwards, past the triggers that forbid it."""
    with django_db_blocker.unblock():
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                "TRUNCATE unlearning_subject, unlearning_item, unlearning_request, unlearning_suppression, "
                "audits_logentry, models_engine_recommender CASCADE"
            )
            cursor.execute("SET session_replication_role = origin")


@pytest.fixture
def recommender(tmp_path, settings):
    settings.FEDSHARE_BATCH_WINDOW = 0
    table = read_interactions(write_interactions(tmp_path / "small.inter", subjects=60, items=150), {})
    for subject in ensure_subjects(table.subjects).values():
        record_consent(subject=subject, share_percent=80, channel="test", recorded_by="test")
    load_interactions(table, fleet=simulated_fleet())
    recommender = Recommender.objects.create(name="shop", config=asdict(CONFIG))
    train_recommender(recommender, 1, lambda fraction: None)
    place(settings.AUDIT_MODELS).clear()  # as a commit would, which a test's transaction never comes to
    recommender.refresh_from_db()
    return recommender
