"""Consent records go out and come in without loss."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from tests.unlearning.people import make_subject
from unlearning.consent import records
from unlearning.consent.models import ConsentState
from unlearning.consent.records import BadRecord, RecordedDecision
from unlearning.consent.services import PURPOSE, record_consent
from unlearning.lineage.models import Interaction
from unlearning.requests import deciding

pytestmark = pytest.mark.django_db


def _history(subject):
    names = ("share_percent", "categories", "purposes", "notice_version", "channel", "effective_at")
    return list(subject.consent_events.order_by("effective_at", "id").values_list(*names))


def test_a_record_that_is_exported_can_be_imported_without_loss():
    ann = make_subject("ann", 80)
    record_consent(subject=ann, share_percent=0, channel="web", recorded_by="t", notice_version="7")
    record_consent(subject=ann, share_percent=50, channel="app", recorded_by="t", categories=["toys", "books"])
    record = json.loads(json.dumps(records.export(ann, "Retailer")))
    bob = make_subject("bob", 100)
    bob_before = len(_history(bob))
    found = deciding.decide_all("bob", records.read(record), "other", "gdpr")
    assert (found["recorded"], found["known"]) == (3, 0)
    imported = [event for event in _history(bob) if event in _history(ann)]
    assert imported == _history(ann)
    assert len(_history(bob)) == bob_before + 3
    again = deciding.decide_all("bob", records.read(record), "other", "gdpr")
    assert (again["recorded"], again["known"], again["request"]) == (0, 3, None)
    # Into the service that it came from as well.
    assert deciding.decide_all("ann", records.read(record), "other", "gdpr")["known"] == 3


def test_what_an_imported_record_no_longer_covers_is_unshared():
    make_subject("ann", 100)
    record = {
        "@type": "dpv:ConsentRecord",
        "dpv:hasConsentStatus": [
            {"@type": "dpv:ConsentWithdrawn", "dct:identifier": "1", "dct:date": timezone.now().isoformat()}
        ],
    }
    found = deciding.decide_all("ann", records.read(record), "other", "gdpr")
    assert found["request"].rows_removed == 40
    assert not Interaction.objects.exists()


def test_a_record_uses_the_vocabulary_and_names_nobody():
    ann = make_subject("ann@example.org", 80)
    record = records.export(ann, "Retailer")
    assert record["@type"] == "dpv:ConsentRecord"
    assert record["dpv:hasConsentStatus"][0]["@type"] == "dpv:ConsentGiven"
    assert record["dpv:hasProcess"]["dpv:hasPurpose"] == ["dpv:ProvidePersonalisedRecommendations"]
    assert "example.org" not in json.dumps(record)


_EVENT = {"@type": "dpv:ConsentGiven", "dct:identifier": "1", "dct:date": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ([], "@type"),
        ({"@type": "dpv:ConsentRecord"}, "dpv:hasConsentStatus"),
        ({"@type": "dpv:ConsentRecord", "dpv:hasConsentStatus": []}, "dpv:hasConsentStatus"),
        (_EVENT | {"@type": "dpv:ConsentUnknown"}, "@type"),
        (_EVENT | {"dct:date": "yesterday"}, "dct:date"),
        (_EVENT | {"dct:date": "2999-01-01T00:00:00Z"}, "dct:date"),
        (_EVENT | {"dct:date": "0001-01-01T00:00:00+14:00"}, "dct:date"),
        (_EVENT | {"dct:identifier": "ann@example.org"}, "identifier"),
        (_EVENT | {"dct:date": "2026-01-01T00:00:00"}, "dct:date"),
        (_EVENT | {"fedshare:sharePercent": 101}, "sharePercent"),
        (_EVENT | {"fedshare:sharePercent": True}, "sharePercent"),
        (_EVENT | {"@type": "dpv:ConsentWithdrawn", "fedshare:sharePercent": 5}, "sharePercent"),
        (_EVENT | {"fedshare:categories": "toys"}, "categories"),
        (_EVENT | {"dpv:hasPurpose": [5]}, "hasPurpose"),
        (_EVENT | {"dpv:hasNotice": {"dct:hasVersion": "a\0"}}, "hasVersion"),
        ({"@type": "dpv:ConsentGiven", "dct:date": "2026-01-01T00:00:00Z"}, "identifier"),
    ],
)
def test_a_bad_record_is_refused_with_its_place(record, place):
    if isinstance(record, dict) and record.get("@type") != "dpv:ConsentRecord":
        record = {"@type": "dpv:ConsentRecord", "dpv:hasConsentStatus": [record]}
    with pytest.raises(BadRecord, match=place):
        records.read(record)


def test_the_projection_can_be_rebuilt_from_the_events(capsys):
    ann = make_subject("ann", 80)
    make_subject("bob", 20)
    call_command("rebuild_consent", check=True)
    assert capsys.readouterr().out == "2 customers, 0 differ\n"
    ConsentState.objects.filter(subject=ann).update(share_percent=7)
    with pytest.raises(CommandError, match="1 of 2"):
        call_command("rebuild_consent", check=True)
    call_command("rebuild_consent")
    assert ConsentState.objects.get(subject=ann).share_percent == 80
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM unlearning_consentstate")
    call_command("rebuild_consent")
    assert sorted(ConsentState.objects.values_list("share_percent", flat=True)) == [20, 80]


def test_a_decision_that_is_taken_again_is_not_the_one_before(monkeypatch):
    """0 %, then 100 %, then 0 % as before: each counts."""
    began = timezone.now()
    subject = make_subject("ann", 0)
    for number, percent in enumerate((0, 100, 0), start=1):
        moment = began + timedelta(hours=number)
        monkeypatch.setattr(timezone, "now", lambda moment=moment: moment)
        decision = RecordedDecision(str(number), percent, moment, "7", "web", None, [PURPOSE])
        assert deciding.decide_all("ann", [decision], "other", "gdpr")["recorded"] == 1
    assert ConsentState.objects.get(subject=subject).share_percent == 0


def test_decisions_ahead_of_the_clock_keep_their_order():
    subject = make_subject("ann", 20)
    ahead = timezone.now() + timedelta(minutes=2)
    newest = RecordedDecision("2", 0, ahead + timedelta(minutes=1), "7", "web", None, [PURPOSE])
    older = RecordedDecision("1", 80, ahead, "7", "web", None, [PURPOSE])
    deciding.decide_all("ann", [newest, older], "other", "gdpr")
    assert ConsentState.objects.get(subject=subject).share_percent == 0
    again = deciding.decide_all("ann", [newest, older], "other", "gdpr")
    assert (again["recorded"], again["known"]) == (0, 2)
