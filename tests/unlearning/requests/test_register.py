"""The register of a period, and the end of what was kept."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.utils import timezone

from audits.evidence.document import EVIDENCE, log_entry
from audits.evidence.issuing import issue
from audits.evidence.models import IssuedDocument, LogEntry, Report
from audits.reports.signer import signer_fingerprint
from audits.reports.verify import verify_report
from audits.reports.writing import address, write_reports
from tests.audits.reports.sample import COMPLETED, sample_document
from tests.audits.reports.test_verify import trust
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.requests.deadlines import deadline, installed_calendar
from unlearning.requests.models import Request
from unlearning.requests.register import issue_register
from unlearning.requests.retention import end_retention, kept_until
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


def _erase(identity, received, **changes):
    make_subject(identity, 100)
    request = ask_erasure(identity, external_id=identity)
    Request.objects.filter(pk=request.pk).update(
        received_at=received, due_at=deadline("gdpr", received, installed_calendar())
    )
    return request


def _complete(request, at):
    for state in (State.SCHEDULED, State.UNLEARNING, State.VERIFYING):
        Request.objects.filter(pk=request.pk).update(state=state)
    Request.objects.filter(pk=request.pk).update(state=State.COMPLETED, conclusion="exact", completed_at=at)


def test_it_lists_what_was_received_and_whether_it_was_answered_in_time():
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    _erase("before", start - timedelta(seconds=1))
    _erase("after", end)
    punctual, late, waiting = (_erase(name, start + timedelta(days=3)) for name in ("ann", "bob", "cem"))
    _complete(punctual, start + timedelta(days=4))
    _complete(late, start + timedelta(days=40))
    document = issue_register(start, end)
    rows = {row["id"]: row for row in document.content["requests"]}
    assert set(rows) == {str(request.pk) for request in (punctual, late, waiting)}
    assert [rows[str(one.pk)]["in_time"] for one in (punctual, late, waiting)] == [True, False, False]
    assert document.content["totals"] == {
        "received": 3, "answered": 2, "exact": 2, "equivalent": 0, "certified": 0, "refused": 0, "cancelled": 0,
        "open": 1, "late": 2,
    }  # fmt: skip
    assert document.content["processing"]["subjects"] == 5
    (report,) = write_reports(document)
    checks = verify_report(storages["reports"].open(report.name).read(), trust())
    assert [check.detail for check in checks if not check.ok] == []


def test_a_report_in_a_bucket_has_a_name_and_no_path(settings):
    bucket = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": "b", "location": "reports"}}
    settings.STORAGES = settings.STORAGES | {"reports": bucket}
    assert address(Report(name="register-1-en.pdf")) == "register-1-en.pdf"


def test_the_command_prints_totals_and_paths():
    out = StringIO()
    call_command("register", "--from", "2026-01-01", "--until", "2026-04-01", stdout=out)
    totals, path = out.getvalue().splitlines()
    assert totals == "received 0, answered 0, open 0, late 0"
    assert path.endswith("-en.pdf")


@pytest.mark.parametrize(
    ("start", "until", "message"),
    [("2026-01-01", "2026-01-01", "until"), ("yesterday", "2026-01-01", "--from"), ("2026-01-01", "x", "--until")],
)
def test_a_period_that_is_none_is_refused(start, until, message):
    with pytest.raises(CommandError, match=message) as refused:
        call_command("register", "--from", start, "--until", until)
    assert refused.value.returncode == 2
    assert not IssuedDocument.objects.exists()


@pytest.fixture
def evidence():
    content = sample_document()
    common = ("schema", "id", "issued_at", "controller", "log", "signer_certificate_sha256")
    rest = {name: value for name, value in content.items() if name not in common}
    document = issue(EVIDENCE, content["id"], signer_fingerprint(), rest, COMPLETED)
    write_reports(document)
    return document


def test_evidence_is_kept_for_its_time_and_no_longer(evidence):
    (report,) = evidence.reports.all()
    pdf = storages["reports"].open(report.name).read()
    end = kept_until(evidence.issued_at)
    assert end == COMPLETED.replace(year=2029)
    assert end_retention(end - timedelta(seconds=1)) == 0
    assert end_retention(end) == 1
    assert not IssuedDocument.objects.exists()
    assert not storages["reports"].exists(report.name)
    # Whoever holds the report can still prove it: the log keeps its digest, and says that the rest is gone.
    assert [check.detail for check in verify_report(pdf, trust()) if not check.ok] == []
    assert LogEntry.objects.get(kind="retention.ended").payload == {"document": evidence.digest}


def test_a_log_entry_can_be_rebuilt_from_its_document(evidence):
    entry = evidence.log_entry
    assert log_entry(evidence.content) == {
        "kind": entry.kind,
        "payload": entry.payload,
        "recorded_at": entry.recorded_at.isoformat(),
    }


def test_the_house_is_kept(evidence, monkeypatch):
    from unlearning.jobs.tasks import keep_house

    monkeypatch.setattr(timezone, "now", lambda: kept_until(COMPLETED))
    keep_house()
    assert not IssuedDocument.objects.exists()
