"""Audit models: shared, resumable, and gone afterwards."""

from uuid import uuid4

import pytest
import torch

from audits.evidence.models import LogEntry
from models_engine.fedshare.data import Edges
from models_engine.registry.models import Recommender
from models_engine.registry.services import load_model
from unlearning.jobs import fleets
from unlearning.jobs.fleets import AuditFleet, Lesson, estimated_seconds
from unlearning.jobs.models import Job
from unlearning.lineage.datasets import shared_data

pytestmark = pytest.mark.django_db


@pytest.fixture
def lessons(recommender):
    model = load_model(recommender.serving)
    data = shared_data(recommender.serving.dataset.as_of, like=model)
    return model.config, [Lesson(data, seed) for seed in (5, 6, 7)]


class Killed(Exception):
    pass


def test_a_fleet_that_was_killed_is_taken_up_where_it_was(lessons, monkeypatch):
    config, wanted = lessons
    monkeypatch.setattr(fleets, "_AT_ONCE", 1)
    owner, trained = uuid4(), []

    def dies_in_the_second(fraction: float) -> None:
        if fraction > 1 / 3:
            raise Killed

    with pytest.raises(Killed):
        AuditFleet(owner, config).train(wanted, dies_in_the_second)
    again = AuditFleet(owner, config).train(wanted, trained.append)
    assert 1 / 3 < trained[0] < 1 / 2  # the first is there
    assert trained == sorted(trained)
    assert trained[-1] == 1.0
    whole = AuditFleet(uuid4(), config).train(wanted, lambda fraction: None)
    for one, other in zip(again, whole, strict=True):
        assert torch.equal(one.model.items, other.model.items)
        assert torch.equal(one.private.vectors, other.private.vectors)


def test_the_same_lesson_is_learned_once(lessons, monkeypatch):
    config, (one, other, last) = lessons
    monkeypatch.setattr(fleets, "_AT_ONCE", 2)
    groups = _groups(monkeypatch)
    models = AuditFleet(uuid4(), config).train([one, other, one, last], lambda fraction: None)
    assert groups == [[5, 6], [7]]
    assert [model.model.seed for model in models] == [5, 6, 5, 7]
    assert torch.equal(models[0].private.vectors, models[2].private.vectors)


def test_who_was_killed_while_a_group_was_kept_trains_the_same_group_again(lessons, monkeypatch):
    config, wanted = lessons
    monkeypatch.setattr(fleets, "_AT_ONCE", 3)
    owner, groups, write = uuid4(), _groups(monkeypatch), fleets.StateFiles.write
    written = []

    def dies_at_the_second(files, label, tensors, about):
        if "private" in tensors:
            written.append(label)
            if len(written) == 2:
                raise Killed
        write(files, label, tensors, about)

    with monkeypatch.context() as patched:
        patched.setattr(fleets.StateFiles, "write", dies_at_the_second)
        with pytest.raises(Killed):
            AuditFleet(owner, config).train(wanted, lambda fraction: None)
    again = AuditFleet(owner, config).train(wanted, lambda fraction: None)
    assert groups == [[5, 6, 7], [5, 6, 7]]
    whole = AuditFleet(uuid4(), config).train(wanted, lambda fraction: None)
    assert [one.model.digest() for one in again] == [one.model.digest() for one in whole]


def _groups(monkeypatch) -> list[list[int]]:
    """The seeds of what is trained together, as it happens."""
    groups, trained = [], AuditFleet._trained

    def spy(fleet, lessons, about, progress):
        groups.append([lesson.seed for lesson in lessons])
        return trained(fleet, lessons, about, progress)

    monkeypatch.setattr(AuditFleet, "_trained", spy)
    return groups


def test_models_of_other_data_are_not_taken_for_these(lessons):
    config, wanted = lessons
    owner = uuid4()
    (first, *_) = AuditFleet(owner, config).train(wanted, lambda fraction: None)
    data = wanted[0].data
    left = data.without(data.edges.where(data.edges.subjects == 0), torch.zeros(data.n_subjects, dtype=torch.bool))
    (other,) = AuditFleet(owner, config).train([Lesson(left, wanted[0].seed)], lambda fraction: None)
    assert not torch.equal(first.model.items, other.model.items)


def test_devices_learn_from_what_they_are_lent(lessons):
    config, wanted = lessons
    data = wanted[0].data
    shared = set(zip(data.edges.subjects.tolist(), data.edges.items.tolist(), strict=True))
    item = next(item for item in range(data.n_items) if (0, item) not in shared)
    lent = Edges(torch.tensor([0]), torch.tensor([item]))
    fleet = AuditFleet(uuid4(), config)
    alone, with_loan = fleet.train([Lesson(data, 5), Lesson(data, 5, lent)], lambda fraction: None)
    assert not torch.equal(alone.model.items, with_loan.model.items)


def test_what_a_job_left_behind_is_swept_away(lessons, settings):
    config, wanted = lessons
    done = Job.objects.create(recommender=Recommender.objects.get(), state=Job.State.DONE)
    queued = Job.objects.create(recommender=Recommender.objects.get(), state=Job.State.QUEUED)
    for job in (done, queued):
        AuditFleet(job.pk, config).train(wanted[:1], lambda fraction: None)
    assert fleets.sweep() == [done.pk]
    assert [path.name for path in settings.AUDIT_MODELS.iterdir()] == [str(queued.pk)]


def test_destruction_is_on_record(lessons, settings):
    config, wanted = lessons
    owner = uuid4()
    fleet = AuditFleet(owner, config)
    fleet.train(wanted, lambda fraction: None)
    fleet.record_destruction(references=2, known=1)
    fleet.destroy()
    assert not list(settings.AUDIT_MODELS.iterdir())
    entry = LogEntry.objects.get(kind="audit_models.destroyed")
    assert entry.payload == {"owner": str(owner), "references": 2, "known": 1}


def test_the_estimate_is_what_training_took():
    assert estimated_seconds(20, 2.5) == 50
    assert estimated_seconds(20, None) is None
