"""California's platform, as a small server that hands out lists and takes statuses."""

import base64
import csv
import hashlib
import hmac
import io
import re
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from tests.unlearning.connectors.outsider import outsider
from tests.unlearning.people import make_subject
from unlearning.connectors import secrets
from unlearning.connectors.drop import pulling
from unlearning.connectors.drop.pulling import BadList, NotReady, pull
from unlearning.connectors.tasks import pull_drop
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import Named, register_subject
from unlearning.requests.models import Request

pytestmark = pytest.mark.django_db

KEY = "platform-key"


def _hash(value):
    return base64.b64encode(hashlib.sha256(value.encode()).digest()).decode()


def _archive(**lists):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, rows in lists.items():
            lines = ["ID,Hash", *(f"{number},{digest}" for number, digest in rows)]
            archive.writestr(f"{name}.csv", "\r\n".join(lines) + "\r\n")
    return buffer.getvalue()


@pytest.fixture
def platform(settings):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            ready = self.server.content is not None
            self._answer(401 if self.headers["X-API-KEY"] != KEY else 200 if ready else 202, self.server.content or b"")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            name = re.search(rb'filename="(.*?)\.csv"', body).group(1).decode()
            text = body.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0].decode()
            self.server.uploads.append((name, [(r["Id"], int(r["Status"])) for r in csv.DictReader(io.StringIO(text))]))
            self._answer(200, b"")

        def _answer(self, status, content):
            self.send_response(status)
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.uploads = None, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.FEDSHARE_DROP_URL = f"http://127.0.0.1:{server.server_port}"
    secrets.add("drop", "api-key", KEY)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _complete(request):
    for state in ("scheduled", "unlearning", "verifying"):
        Request.objects.filter(pk=request.pk).update(state=state)
    Request.objects.filter(pk=request.pk).update(state="completed", conclusion="exact", completed_at=timezone.now())


def test_a_round_erases_whom_it_knows_and_tells_what_became_of_each_row(platform):
    make_subject("customer-17", 100)
    register_subject("customer-17", [Named("email", "Ann@Example.org")])
    platform.content = _archive(email=[("1", _hash("ann@example.org")), ("2", _hash("nobody@example.org"))])
    done = pull()
    assert (done.rows, done.opened, done.not_found) == (2, 1, 1)
    assert platform.uploads == [("email", [("2", 5)])]
    request = Request.objects.get()
    assert (request.regime, request.manner, request.external_id) == ("ccpa", "drop", "email/1")
    assert not Interaction.objects.exists()

    _complete(request)
    platform.uploads.clear()
    assert pull().opened == 0
    assert ("email", [("1", 3), ("2", 5)]) in [(name, sorted(rows)) for name, rows in platform.uploads]
    platform.uploads.clear()
    pull()
    assert platform.uploads == [("email", [("2", 5)])]


def test_somebody_on_two_lists_is_answered_once_on_each(platform):
    make_subject("ann", 100)
    register_subject("ann", [Named("email", "ann@example.org"), Named("phone", "15550100")])
    platform.content = _archive(Email=[("1", _hash("ann@example.org"))], Phone=[("2", _hash("15550100"))])
    assert pull().rows == 2
    assert Request.objects.count() == 1
    platform.uploads.clear()
    _complete(Request.objects.get())
    platform.content = _archive(Email=[("1", _hash("ann@example.org"))], Phone=[("2", _hash("15550100"))])
    assert pull().told == 2
    assert sorted(platform.uploads) == [("Email", [("1", pulling.DELETED)]), ("Phone", [("2", pulling.DELETED)])]


def test_a_composite_list_finds_what_was_registered_for_it(platform):
    parts = _hash("ann") + _hash("1990-01-01") + _hash("94105")
    make_subject("customer-17", 100)
    register_subject("customer-17", [Named("drop_composite", hashlib.sha256(parts.encode()).hexdigest(), "sha256")])
    platform.content = _archive(namedobzip=[("9", _hash(parts))])
    assert pull().opened == 1


def test_lists_that_are_being_prepared_are_fetched_later(platform):
    with pytest.raises(NotReady) as wait:
        pull()
    assert wait.value.seconds == 7


@pytest.mark.parametrize(
    "content",
    [b"no archive", _archive(email=[("1", "short")]), _archive(email=[("", _hash("x"))])],
    ids=["no ZIP", "no SHA-256", "no ID"],
)
def test_a_download_that_makes_no_sense_is_not_used_at_all(platform, content):
    platform.content = content
    with pytest.raises(BadList):
        pull()
    assert platform.uploads == []
    assert not Request.objects.exists()


def test_without_an_address_or_a_key_it_says_what_to_set(settings):
    settings.FEDSHARE_DROP_URL = ""
    with pytest.raises(ValueError, match="FEDSHARE_DROP_URL"):
        pull()


def _notify(secret="hook", age=0):
    body = b'{"lists": ["email"]}'
    stamp = str(int(time.time() - age))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Webhook-Signature": f"sha256={signature}", "X-Webhook-Timestamp": stamp}
    return outsider().post("/webhooks/drop", body, content_type="application/json", headers=headers)


def test_a_signed_notice_begins_a_round(monkeypatch):
    secrets.add("drop", "webhook", "hook")
    begun = []
    monkeypatch.setattr(pull_drop, "delay", lambda: begun.append(1))
    assert _notify().status_code == 200
    assert [_notify(secret="x").status_code, _notify(age=400).status_code] == [401, 401]
    assert begun == [1]


def test_the_names_of_the_statuses_are_the_platforms():
    assert (pulling.EXEMPTED, pulling.DELETED, pulling.NOT_FOUND) == (2, 3, 5)
