"""What a supervisor and Prometheus see."""

import pytest
from django.db import OperationalError
from django.test import Client

from models_engine.registry.models import Recommender
from tests.s3 import client, s3_server
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_held(monkeypatch):
    monkeypatch.setattr("fedshare_site.health._held", set())


def test_a_process_that_answers_lives():
    assert Client().get("/health/live").json() == {"live": True}


def test_it_is_ready_with_database_and_keys():
    answer = Client().get("/health/ready")
    assert (answer.status_code, answer.json()["missing"]) == (200, [])


def test_it_says_what_is_missing(settings, tmp_path, monkeypatch):
    settings.KEYS = tmp_path

    def away(*arguments):
        raise OperationalError

    monkeypatch.setattr("fedshare_site.health.MigrationExecutor", away)
    answer = Client().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["the database can't be reached", "keys: run manage.py make_keys"]


def test_metrics_need_the_token(settings):
    assert Client().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.FEDSHARE_METRICS_TOKEN = "t0ken"
    assert Client().get("/metrics").status_code == 404
    assert Client().get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 404


def test_metrics_count_what_stands_in_the_tables(settings):
    settings.FEDSHARE_METRICS_TOKEN = "t0ken"
    make_subject("ann@example.org", 100)
    ask_erasure("ann@example.org")
    Job.objects.create(recommender=Recommender.objects.create(name="shop"), state=Job.State.NEEDS_ATTENTION)
    text = Client().get("/metrics", headers={"Authorization": "Bearer t0ken"}).content.decode()
    assert 'fedshare_requests{state="accepted"} 1.0' in text
    assert 'fedshare_jobs{state="needs_attention"} 1.0' in text
    assert "fedshare_requests_overdue 0.0" in text
    assert "ann" not in text


def test_migrations_are_looked_at_until_they_are_there(monkeypatch):
    assert Client().get("/health/ready").status_code == 200

    def again(*arguments):
        raise AssertionError("the graph was loaded again")

    monkeypatch.setattr("fedshare_site.health.MigrationExecutor", again)
    assert Client().get("/health/ready").status_code == 200


def test_a_bucket_that_keeps_versions_makes_nothing_ready(settings):
    with s3_server() as bucket:
        settings.FEDSHARE_S3_BUCKET = bucket["bucket_name"]
        options = {**bucket, "location": "artifacts"}
        s3 = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
        settings.STORAGES = settings.STORAGES | {"artifacts": s3}
        versioning = {"Bucket": bucket["bucket_name"], "VersioningConfiguration": {"Status": "Enabled"}}
        client(bucket["endpoint_url"]).put_bucket_versioning(**versioning)
        answer = Client().get("/health/ready")
        assert answer.status_code == 503
        assert "keeps versions" in answer.json()["missing"][0]
        versioning["VersioningConfiguration"]["Status"] = "Suspended"
        client(bucket["endpoint_url"]).put_bucket_versioning(**versioning)
        assert Client().get("/health/ready").status_code == 200
