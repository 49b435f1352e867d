"""A training that is interrupted, and taken up."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from models_engine.fedshare.files import StateFileError
from models_engine.registry.models import Recommender
from models_engine.registry.places import place
from tests.unlearning.people import ask_erasure
from unlearning.jobs import fleets, training
from unlearning.jobs.sweeping import sweep
from unlearning.jobs.training import WithdrawnMeanwhile, train_recommender
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import InteractionTable

pytestmark = pytest.mark.django_db


@pytest.fixture
def committed_elsewhere(recommender):
    """Another session that trains."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [training._LOCK])
    yield
    other.close()


OWN = training._SHARE_OF_TRAINING
"""Where the model itself has learned, and its twins begin."""


class Killed(BaseException):
    """What stands for a kill in the middle."""


def _interrupted(recommender: Recommender, at: float, seed: int = 2) -> None:
    def progress(fraction: float) -> None:
        if fraction >= at:
            raise Killed

    with pytest.raises(Killed):
        train_recommender(recommender, seed, progress)


def _kept() -> list[str]:
    """Of all trainings."""
    return place(settings.AUDIT_MODELS).parts()


@pytest.mark.parametrize(("at", "at_least"), [(0.9 * OWN, 0.5 * OWN), (0.3, 0.25), (0.9, 0.5)])
def test_it_goes_on_where_it_was_and_ends_with_the_same_model(
    recommender, monkeypatch, django_capture_on_commit_callbacks, at, at_least
):
    monkeypatch.setattr("models_engine.fedshare.training.Training.__init__.__defaults__", (None, 10))
    _interrupted(recommender, at)
    assert _kept()
    seen: list[float] = []
    with django_capture_on_commit_callbacks(execute=True):
        resumed = train_recommender(recommender, 2, seen.append)
    assert seen[0] > at_least
    assert _kept() == []
    whole = train_recommender(recommender, 2, lambda fraction: None)
    assert (resumed.digest, resumed.calibration) == (whole.digest, whole.calibration)
    assert len(resumed.metrics["losses"]) > 1


def test_it_starts_over_where_the_data_is_another(recommender):
    _interrupted(recommender, 0.9)
    when = datetime(2026, 1, 1, tzinfo=UTC)
    load_interactions(InteractionTable(["u3"] * 40, [f"new-{n}" for n in range(40)], [when] * 40, None), fleet=None)
    seen: list[float] = []
    train_recommender(recommender, 2, seen.append)
    assert seen[0] < 0.1


def test_what_it_left_goes_once_data_was_forgotten(recommender, monkeypatch):
    monkeypatch.setattr(fleets, "_RESTS", timedelta())
    _interrupted(recommender, 0.9)
    sweep()
    assert _kept()
    ask_erasure("u3")
    call_command("unlearn", "shop", json=True, verbosity=0)
    sweep()
    assert _kept() == []


def test_a_training_whose_state_goes_meanwhile_says_that_data_was_withdrawn(recommender, monkeypatch):
    monkeypatch.setattr(fleets, "_RESTS", timedelta())
    rehearse = training.rehearse

    def withdraw_meanwhile(*args):
        ask_erasure("u3")
        call_command("unlearn", "shop", json=True, verbosity=0)
        sweep()
        return rehearse(*args)

    monkeypatch.setattr(training, "rehearse", withdraw_meanwhile)
    with pytest.raises(WithdrawnMeanwhile):
        train_recommender(recommender, 2, lambda fraction: None)
    assert _kept() == []


def test_a_damaged_checkpoint_is_told_once_and_then_done_without(recommender, settings):
    _interrupted(recommender, 0.9)
    for path in settings.AUDIT_MODELS.rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StateFileError, match="damaged"):
        train_recommender(recommender, 2, lambda fraction: None)
    assert train_recommender(recommender, 2, lambda fraction: None).number == 2


def test_two_trainings_at_once_are_refused(recommender, committed_elsewhere):
    with pytest.raises(ValueError, match="is being trained already"):
        train_recommender(recommender, 2, lambda fraction: None)


def test_a_second_recommender_is_refused(recommender):
    with pytest.raises(ValueError, match="shop serves already"):
        train_recommender(Recommender.objects.create(name="other", config=recommender.config), 1, lambda f: None)


def test_the_command_prints_one_object_on_request(recommender):
    out = StringIO()
    call_command("train", "shop", seed=2, json=True, stdout=out)
    told = json.loads(out.getvalue())
    recommender.refresh_from_db()
    assert told["version"] == recommender.serving.number
    assert told["digest"] == recommender.serving.digest
    assert told["metrics"] == recommender.serving.metrics
