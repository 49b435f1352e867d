"""Where data went, and where a version's data came from."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.unlearning.people import ask_erasure, ask_slider
from unlearning.jobs.training import WithdrawnMeanwhile, train_recommender
from unlearning.lineage import openlineage, tracing
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import find_subjects
from unlearning.requests.models import Request
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


def test_forward_names_the_versions_and_whether_they_carry_it(recommender):
    (subject,) = find_subjects(["u3"])
    found = tracing.forward(subject)
    assert found.shared == Interaction.objects.filter(subject=subject).count()
    (reached,) = found.reached
    learned = Interaction.objects.filter(subject=subject, held_out=False).count()
    assert (reached.version, reached.interactions, reached.serving, reached.carries) == (1, learned, True, True)
    assert found.carries
    item = Interaction.objects.filter(subject=subject, held_out=False).first().item
    assert tracing.forward(subject, item.external_id).reached[0].interactions == 1


def test_after_a_new_version_the_old_one_is_destroyed_and_says_so(recommender):
    (subject,) = find_subjects(["u3"])
    train_recommender(recommender, 2, lambda fraction: None)
    first, second = tracing.forward(subject).reached
    assert (first.carries, second.carries) == (False, True)


def test_a_subject_who_shares_nothing_reached_nothing(recommender):
    (subject,) = find_subjects(["u3"])
    ask_slider("u3", 0)
    found = tracing.forward(subject)
    assert (found.shared, found.reached, found.first_shared_at) == (0, (), None)


def test_backward_tells_what_a_version_was_trained_on(recommender):
    version = recommender.serving
    found = tracing.backward(version)
    assert (found.data_root, found.pairs) == (version.dataset.root, version.dataset.pairs)
    assert found.still_shared == Interaction.objects.count()
    ask_erasure("u3")
    assert tracing.backward(version).still_shared == Interaction.objects.count() < found.still_shared
    assert found.notices == ("2026-01",)


def test_the_command_reads_an_identity_from_standard_input(recommender, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO("u3\n"))
    out = StringIO()
    call_command("lineage", "--subject", stdout=out)
    assert json.loads(out.getvalue())["carries"] is True
    out = StringIO()
    call_command("lineage", "--model", "shop/1", stdout=out)
    assert json.loads(out.getvalue())["model"] == recommender.serving.digest
    with pytest.raises(CommandError, match="no such version"):
        call_command("lineage", "--model", "shop/nine")


def test_every_version_is_an_openlineage_run(recommender):
    train_recommender(recommender, 2, lambda fraction: None)
    out = StringIO()
    call_command("lineage", "--openlineage", stdout=out)
    second, first = [json.loads(line) for line in out.getvalue().splitlines()]
    for event in (first, second):
        assert {"eventType", "eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"} == set(event)
        assert all({"_producer", "_schemaURL"} <= set(facet) for facet in event["outputs"][0]["facets"].values())
    assert first["outputs"][0]["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "DROP"
    assert "lifecycleStateChange" not in second["outputs"][0]["facets"]
    assert first["run"]["runId"] != second["run"]["runId"]
    version = recommender.versions.order_by("number").first()
    assert (
        openlineage.event(version, "shop")["inputs"][0]["facets"]["version"]["datasetVersion"] == version.dataset.root
    )


def test_a_model_that_would_bring_back_what_was_forgotten_never_serves(recommender, monkeypatch):
    from unlearning.jobs import training

    serving = recommender.serving

    def withdraw_meanwhile(*args):
        request = ask_erasure("u3")
        for state in (State.SCHEDULED, State.UNLEARNING, State.VERIFYING):
            Request.objects.filter(pk=request.pk).update(state=state)
        Request.objects.filter(pk=request.pk).update(
            state=State.COMPLETED, conclusion="exact", completed_at=request.rows_removed_at
        )
        return rehearse(*args)

    rehearse = training.rehearse
    monkeypatch.setattr(training, "rehearse", withdraw_meanwhile)
    with pytest.raises(WithdrawnMeanwhile):
        train_recommender(recommender, 2, lambda fraction: None)
    recommender.refresh_from_db()
    assert recommender.serving == serving


def test_a_request_that_is_open_reaches_the_version_that_was_trained_meanwhile(recommender, monkeypatch):
    from unlearning.jobs import training

    rehearse = training.rehearse
    monkeypatch.setattr(training, "rehearse", lambda *args: (ask_erasure("u3"), rehearse(*args))[1])
    version = train_recommender(recommender, 2, lambda fraction: None)
    assert version in Request.objects.get().reached.all()


def test_what_is_being_forgotten_is_still_there_until_it_is_done(recommender):
    (subject,) = find_subjects(["u3"])
    request = ask_slider("u3", 0)
    found = tracing.forward(subject)
    (leaving,) = found.leaving
    assert (leaving.request, leaving.version, leaving.serving, leaving.carries) == (request.pk, 1, True, True)
    assert found.carries
    recommender.versions.update(destroyed_at=timezone.now())
    assert not tracing.forward(subject).carries
