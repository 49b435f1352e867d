"""What pages show: numbers known by construction, and never an identity."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audits.evidence.models import IssuedDocument
from audits.reports.writing import write_reports
from models_engine.registry.models import Recommender
from tests.unlearning.people import ask_erasure, ask_slider, make_subject
from unlearning.consent.models import ConsentEvent
from unlearning.dashboard import evidence, figures
from unlearning.dashboard.requests.listing import days_left
from unlearning.officers.models import AccessRecord
from unlearning.requests.models import Request
from unlearning.webhooks import endpoints
from unlearning.webhooks.models import Delivery

pytestmark = pytest.mark.django_db


def _text(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status
    return answer.content.decode()


def test_pages_have_a_strict_content_security_policy(officer, accepted):
    for address in ("/", f"/requests/{accepted.pk}/", "/conclusions.svg", "/sign-in/", "/evidence/"):
        policy = officer.get(address)["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


def test_no_page_holds_an_identity(officer, accepted, undecided):
    subject = undecided.subjects.get().subject_id
    pages = ["/", "/requests/?show=all", f"/requests/{accepted.pk}/", f"/subjects/{subject}/", "/settings/access"]
    for address in pages:
        assert "@example.org" not in officer.get(address).content.decode()


def test_an_empty_house_teaches(officer):
    assert "POST /api/v1/requests" in _text(officer, "/")
    assert "manage.py train" in _text(officer, "/models/")
    assert "a report is written when a request ends" in _text(officer, "/evidence/")
    assert "No client yet" in _text(officer, "/settings/clients")


def test_the_first_page_counts_by_what_is_left(officer):
    now = timezone.now()
    for place, days in enumerate((-2, 1, 2, 5, 40)):
        make_subject(f"{place}@example.org", 100, items=2)
        one = ask_erasure(f"{place}@example.org", external_id=f"due-{days}")
        Request.objects.filter(pk=one.pk).update(due_at=now + timedelta(days=days))
    counted = figures.due(now)
    assert [counted[name] for name in ("overdue", "soon", "next", "later")] == [1, 2, 1, 1]
    page = _text(officer, "/")
    assert page.index("due--2") < page.index("due-1") < page.index("due-40")
    assert "2 days over" in page


def test_pace_is_the_median():
    now = timezone.now()
    for place, hours in enumerate((1, 2, 50)):
        make_subject(f"{place}@example.org", 100, items=2)
        one = ask_erasure(f"{place}@example.org", external_id=f"e-{place}")
        _complete(one, now - timedelta(days=1), timedelta(hours=hours))
    found = figures.pace(now - timedelta(days=90), now)
    assert (found.median, found.requests) == (timedelta(hours=2), 3)
    assert figures.pace(now - timedelta(days=180), now - timedelta(days=90)).median is None


def _complete(request, at, after, conclusion="exact"):
    """Past the transitions, which a test of figures does not need."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Request.objects.filter(pk=request.pk).update(
            state="completed", conclusion=conclusion, completed_at=at, received_at=at - after, verdict="inconclusive"
        )
        cursor.execute("SET session_replication_role = origin")


def test_conclusions_fall_into_their_weeks():
    now = datetime(2026, 6, 17, 12, tzinfo=UTC)  # a Wednesday
    for place, (day, conclusion) in enumerate([(15, "exact"), (14, "equivalent"), (14, "exact")]):
        make_subject(f"{place}@example.org", 100, items=2)
        one = ask_erasure(f"{place}@example.org", external_id=f"e-{place}")
        _complete(one, now.replace(day=day), timedelta(hours=1), conclusion)
    rows = figures.ended_by_week(now)
    assert len(rows) == figures.WEEKS
    assert [(row["week"].day, row["exact"], row["equivalent"]) for row in rows[-2:]] == [(8, 1, 1), (15, 1, 0)]
    assert sum(row["exact"] for row in rows) == 2
    assert sum(row["inconclusive"] for row in rows) == 3


def test_the_consent_trend_goes_back_from_today():
    now = timezone.now()
    make_subject("a@example.org", 80, items=2)
    make_subject("b@example.org", 40, items=2)
    _recorded_at(now - timedelta(weeks=3))
    ask_slider("a@example.org", 20)
    rows = figures.consent_by_week(now)
    assert rows[-1]["mean"] == pytest.approx(30)
    assert (rows[-1]["raised"], rows[-1]["lowered"]) == (0, 1)
    assert [row["mean"] for row in rows[-4:-1]] == [pytest.approx(60)] * 3
    assert rows[-4]["raised"] == 2
    assert rows[-5]["mean"] is None


def _recorded_at(moment):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        ConsentEvent.objects.update(recorded_at=moment)
        cursor.execute("SET session_replication_role = origin")


def test_filters_and_saved_views(officer, accepted, undecided):
    assert "e-1" in _text(officer, "/requests/")
    only = _text(officer, "/requests/?state=identity_pending")
    assert "e-2" in only
    assert ">e-1<" not in only
    assert ">e-1<" in _text(officer, f"/requests/?reference={accepted.pk}")
    assert "No request fits" in _text(officer, "/requests/?conclusion=exact")
    officer.post("/requests/views", {"name": "Waiting", "query": "state=identity_pending"})
    page = _text(officer, "/requests/")
    assert 'href="?state=identity_pending">Waiting<' in page
    view = officer.user.saved_views.get()
    officer.post(f"/requests/views/{view.pk}/remove")
    assert not officer.user.saved_views.exists()


def test_a_filter_without_sense_says_so(officer, accepted):
    page = _text(officer, "/requests/?state=nonsense&received_after=yesterday", 400)
    assert 'role="alert"' in page


def test_another_s_view_stays(officer, second_officer):
    officer.post("/requests/views", {"name": "Mine", "query": ""})
    second_officer.post(f"/requests/views/{officer.user.saved_views.get().pk}/remove")
    assert officer.user.saved_views.exists()


def test_a_request_tells_its_history_and_who_was_told(officer, undecided):
    endpoints.register(owner="crm", name="Mailing tool", url="https://example.org/", events=["data.withdrawn"])
    officer.post(f"/requests/{undecided.pk}/act/verify-identity", {"reason": "signed in"})
    page = _text(officer, f"/requests/{undecided.pk}/")
    assert page.index("Request received") < page.index("identity established") < page.index("live tables")
    assert "Mailing tool: <code>data.withdrawn</code>" in page
    assert Delivery.objects.get().payload["request"] == str(undecided.pk)


def test_a_subject_is_found_by_the_whole_identity_alone(officer, accepted):
    make_subject("dora@example.org", 60)
    for identity, status in (("dora@example.org", 302), ("dora@example", 404), ("ann@example.org", 302), ("", 400)):
        answer = officer.post("/subjects/", {"kind": "registered", "form": "raw", "identity": identity})
        assert answer.status_code == status, identity
        assert "dora" not in answer.get("Location", "")


def test_a_subject_s_page_shows_what_they_chose_and_where_it_went(officer):
    subject = make_subject("dora@example.org", 60)
    ask_slider("dora@example.org", 20, external_id="down")
    page = _text(officer, f"/subjects/{subject.pk}/")
    assert "60 %" in page
    assert "20 %" in page
    assert "Unsharing down" in page
    for plot in ("history", "lineage"):
        assert _text(officer, f"/subjects/{subject.pk}/{plot}.svg").startswith("<svg")
    exported = officer.get(f"/subjects/{subject.pk}/export.json").json()
    assert exported["subject"] == str(subject.pk)
    assert officer.get(f"/subjects/{subject.pk}/export.pdf").content.startswith(b"%PDF-")


def test_a_link_to_their_page_is_shown_once(officer):
    subject = make_subject("dora@example.org", 60)
    page = officer.post(f"/subjects/{subject.pk}/link", follow=True).content.decode()
    link = page.partition('<code class="break">')[2].partition("</code>")[0]
    assert officer.get(link.removeprefix("http://localhost:8000")).status_code == 200
    assert link not in _text(officer, f"/subjects/{subject.pk}/")


def test_a_link_is_shown_on_no_other_customer_s_page(officer):
    one, other = make_subject("dora@example.org", 60), make_subject("emil@example.org", 60)
    officer.post(f"/subjects/{one.pk}/link")
    assert "/me/" not in _text(officer, f"/subjects/{other.pk}/")


@pytest.fixture
def register(officer):
    answer = officer.post("/evidence/register", {"start": "2026-01-01", "until": "2026-02-01"})
    assert (answer.status_code, answer["Location"]) == (302, "/evidence/")
    assert not IssuedDocument.objects.get().reports.exists()  # a worker writes it: with many requests it takes a while
    write_reports(IssuedDocument.objects.get())
    return IssuedDocument.objects.get()


def test_a_register_is_issued_listed_and_downloaded(officer, register):
    assert f"/evidence/{register.pk}.pdf" in _text(officer, "/evidence/")
    assert b"".join(officer.get(f"/evidence/{register.pk}.pdf").streaming_content).startswith(b"%PDF-")
    assert "Nothing fits" in _text(officer, "/evidence/?issued_before=2020-01-01")


def test_an_archive_holds_the_reports_and_what_checks_them(officer, register):
    packed = ZipFile(BytesIO(b"".join(officer.get("/evidence/archive.zip").streaming_content)))
    names = packed.namelist()
    assert [name for name in names if name.endswith(".pdf")] == [register.reports.get().name]
    assert {"log.key", "checkpoint.txt"} < set(names)
    empty = officer.get("/evidence/archive.zip?issued_before=2020-01-01")
    assert len(ZipFile(BytesIO(b"".join(empty.streaming_content))).namelist()) == 2


def test_a_period_that_ends_before_it_begins_is_refused(officer):
    answer = officer.post("/evidence/register", {"start": "2026-02-01", "until": "2026-01-01"})
    assert answer.status_code == 400
    assert "Give a day after the first." in answer.content.decode()
    assert not IssuedDocument.objects.exists()


def test_a_report_is_checked(officer, register):
    pdf = b"".join(officer.get(f"/evidence/{register.pk}.pdf").streaming_content)
    for content, verdict in ((pdf, "The report is sound."), (pdf[:-9] + b"x" + pdf[-8:], "does NOT verify")):
        answer = officer.post("/evidence/check", {"report": SimpleUploadedFile("r.pdf", content)})
        assert answer.status_code == 200
        assert verdict in answer.content.decode()


def test_no_file_is_no_report(officer):
    answer = officer.post("/evidence/check", {})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


def test_the_log_shows_its_checkpoints(officer, register):
    page = _text(officer, "/evidence/log")
    assert "fedshare.local/log" in page
    assert "— fedshare.local/log" in page


def test_plots_need_no_style_that_the_policy_forbids(officer, accepted):
    for plot in ("/conclusions.svg", "/consent.svg"):
        svg = _text(officer, plot)
        assert "style" not in svg
        assert "stroke-linejoin" in svg


@pytest.mark.parametrize("address", ["/", "/requests/?show=all", "/evidence/", "/models/", "/settings/webhooks"])
def test_a_page_asks_no_more_for_more_rows(officer, address):
    def fill(start, count):
        for place in range(start, start + count):
            make_subject(f"{place}@example.org", 100, items=2)
            ask_erasure(f"{place}@example.org", external_id=f"n-{place}")
            shop = Recommender.objects.create(name=f"shop-{place}")
            shop.serving = shop.versions.create(
                number=1, method="train", seed=1, code_digest="c", digest="d", artifact="a", calibration={}
            )
            shop.save()
            endpoints.register(owner="crm", name=f"E {place}", url="https://example.org/", events=["data.withdrawn"])

    def queries():
        officer.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert officer.get(address).status_code == 200
        return len(captured)

    fill(0, 2)
    few = queries()
    fill(2, 10)
    assert queries() == few
    assert few < 30


def test_too_many_documents_for_an_archive_are_said(officer, register, monkeypatch):
    monkeypatch.setattr(evidence, "_MOST_IN_ZIP", 0)
    page = officer.get("/evidence/archive.zip?issued_after=2020-01-01", follow=True)
    assert page.status_code == 200
    assert "More than 0 documents" in page.content.decode()


def test_a_due_date_is_the_last_day_and_what_is_left_counts_to_it(officer, accepted, settings):
    settings.FEDSHARE_TIME_ZONE = "Europe/Paris"
    # Until the end of the 28th in Paris.
    due = datetime(2026, 12, 28, 23, tzinfo=UTC)
    Request.objects.filter(pk=accepted.pk).update(due_at=due)
    accepted.refresh_from_db()
    assert days_left(accepted, datetime(2026, 12, 28, 20, tzinfo=UTC)) == 0
    assert days_left(accepted, datetime(2026, 12, 25, 20, tzinfo=UTC)) == 3
    assert days_left(accepted, datetime(2026, 12, 29, 1, tzinfo=UTC)) == -1
    assert "28 Dec 2026" in _text(officer, f"/requests/{accepted.pk}/")


def test_a_period_that_stands_still_counts_nowhere(officer, undecided):
    now = timezone.now()
    Request.objects.update(due_at=now - timedelta(days=3), identity_asked_at=now - timedelta(days=4))
    counted = figures.due(timezone.now())
    assert (counted["overdue"], counted["identity"]) == (0, 1)
    assert "stands still" in _text(officer, "/requests/")


def test_tiles_and_the_lists_behind_them_agree(officer):
    now = timezone.now()
    for place, days in enumerate((-2, 1, 2, 5, 40)):
        make_subject(f"{place}@example.org", 100, items=2)
        one = ask_erasure(f"{place}@example.org", external_id=f"due-{days}")
        Request.objects.filter(pk=one.pk).update(due_at=now + timedelta(days=days))
    counted = figures.due(now)
    for span in ("overdue", "soon", "next", "later"):
        assert _text(officer, f"/requests/?due={span}").count(">due-") == counted[span]


def test_many_subjects_are_shown_and_put_on_record_when_asked_for(officer):
    names = [f"{place}@example.org" for place in range(7)]
    for name in names:
        make_subject(name, 100, items=2)
    request = ask_erasure(*names)
    subject = str(request.subjects.first().subject_id)
    assert subject not in _text(officer, f"/requests/{request.pk}/")
    assert not AccessRecord.objects.exists()
    assert subject in _text(officer, f"/requests/{request.pk}/?subjects=1")
    assert AccessRecord.objects.count() == 7
