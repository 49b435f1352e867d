"""`manage.py train` where it can't end well: it says what to do, and the model that serves goes on serving."""

from dataclasses import asdict, replace

import pytest
import torch
from django.core.management import CommandError, call_command

from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import Contrastive
from models_engine.registry.models import ModelVersion
from models_engine.registry.services import load_model
from tests.unlearning.people import ask_erasure, ask_slider
from tests.worlds import SMALL
from unlearning.jobs import troubles
from unlearning.jobs.models import Job
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.lineage.models import Subject

pytestmark = pytest.mark.django_db


def _more_than_there_is(*args, **kwargs):
    torch.empty(10**15)


def _refused(recommender, what):
    served, versions = recommender.serving, ModelVersion.objects.count()
    with pytest.raises(CommandError, match=what) as refused:
        call_command("train", "shop", json=True)
    recommender.refresh_from_db()
    assert (refused.value.returncode, recommender.serving) == (2, served)
    assert served.destroyed_at is None
    assert ModelVersion.objects.count() == versions
    load_model(served)


def test_a_loss_that_diverges(recommender):
    recommender.config = asdict(replace(SMALL, learning_rate=1e30))
    recommender.save()
    _refused(recommender, "lower learning_rate")


def test_nobody_who_shares(recommender):
    for number in range(Subject.objects.count()):
        ask_slider(f"u{number}", 0, f"s-{number}")
    _refused(recommender, "nobody shares")


def test_too_little_memory(recommender, monkeypatch):
    monkeypatch.setattr(Training, "run", _more_than_there_is)
    _refused(recommender, "not enough memory")


def test_too_little_memory_for_a_job(recommender, monkeypatch, settings):
    settings.FEDSHARE_MAX_ATTEMPTS = 1
    monkeypatch.setattr(Contrastive, "forget", _more_than_there_is)
    ask_erasure("u3")
    (job,) = plan_jobs()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.trouble) == (Job.State.NEEDS_ATTENTION, troubles.MEMORY)
    served = recommender.serving
    recommender.refresh_from_db()
    assert recommender.serving == served


def test_another_error_of_torch_is_a_bug(recommender, monkeypatch, settings):
    settings.FEDSHARE_MAX_ATTEMPTS = 1
    monkeypatch.setattr(Contrastive, "forget", lambda *args: torch.ones(2) @ torch.ones(3))
    ask_erasure("u3")
    (job,) = plan_jobs()
    run_job(job.pk)
    job.refresh_from_db()
    assert job.trouble.startswith("A bug (RuntimeError)")


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("train", "models_engine.fedshare.training.Training.run"),
        ("unlearn", "models_engine.fedshare.unlearning.Contrastive.forget"),
    ],
)
def test_who_interrupts_it_is_told_how_to_go_on(recommender, monkeypatch, command, place):
    def interrupted(*args):
        raise KeyboardInterrupt

    ask_erasure("u3")
    monkeypatch.setattr(place, interrupted)
    with pytest.raises(CommandError, match="run the same again") as stopped:
        call_command(command, "shop", json=True)
    assert stopped.value.returncode == 130
