"""The log over HTTP, and an instance as a witness to another, over a real connection."""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client

from audits.evidence import log, witnessing
from audits.evidence.keys import log_verifier_key, log_verifier_keys
from audits.evidence.models import LogCheckpoint
from audits.evidence.tlog.checkpoint import Checkpoint, check_offline_proof, decoded, open_note
from audits.evidence.tlog.merkle import assert_consistent
from audits.evidence.tlog.note import VerifierKey
from audits.evidence.tlog.witness import Fork, check_cosignature, request_text

pytestmark = pytest.mark.django_db


def key():
    return VerifierKey.parse(log_verifier_key())


@pytest.fixture
def entries():
    found = [log.append("kind", {"n": n}) for n in range(3)]
    log.checkpoint()
    found += [log.append("kind", {"n": n}) for n in range(3, 9)]
    log.checkpoint()
    return found


def test_anyone_can_follow_the_log(entries):
    client = Client()
    latest = open_note(client.get("/log/checkpoint").content.decode(), key())
    assert latest.size == 9
    proof = client.get("/log/inclusion", {"index": 4}).content.decode()
    assert check_offline_proof(proof, log.leaf_of(entries[4]), key()) == (4, latest)
    earlier = Checkpoint.parse(LogCheckpoint.objects.get(size=3).note)
    lines = client.get("/log/consistency", {"old": 3, "new": 9}).content.decode().splitlines()
    assert_consistent(3, earlier.root, 9, latest.root, decoded(lines))
    assert client.get("/log/keys").json() == {"keys": [str(key())], "handovers": []}


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("inclusion", {"index": 9}, "index"),
        ("inclusion", {"index": -1}, "index"),
        ("inclusion", {}, "index"),
        ("consistency", {"old": 4, "new": 3}, "new"),
        ("consistency", {"old": 4, "new": 10}, "new"),
        ("consistency", {"old": "x", "new": 10}, "old"),
        ("consistency", {"old": 1, "new": 10**30}, "new"),
    ],
)
def test_what_can_not_be_proven_is_a_problem_that_names_the_field(entries, path, query, field):
    answer = Client().get(f"/log/{path}", query)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_log_of_no_entries_can_be_asked_for():
    assert open_note(Client().get("/log/checkpoint").content.decode(), key()).size == 0


class _Quiet(WSGIRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def neighbour(settings, tmp_path):
    """Another instance, which witnesses this one's log; the witness needs no database."""
    settings.FEDSHARE_WITNESSED_LOGS = [log_verifier_key()]
    settings.FEDSHARE_WITNESS_NAME = f"neighbour.test/{tmp_path.name}"
    settings.VAR = tmp_path / "neighbour"
    settings.ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/witness"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["another instance", "a folder"])
def witness(request, settings, tmp_path):
    """Its address, and its key once it has signed."""
    if request.param == "a folder":
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        settings.FEDSHARE_WITNESSES = [str(folder)]
        return lambda: VerifierKey.parse((folder / "witness.vkey").read_text())
    settings.FEDSHARE_WITNESSES = [request.getfixturevalue("neighbour")]
    return lambda: witnessing.own_witness().key


def test_checkpoints_are_cosigned(witness, entries):
    for point in LogCheckpoint.objects.all():
        open_note(point.note, key())
        check_cosignature(point.note, witness())


def test_a_log_that_lost_its_end_gets_no_more_checkpoints(witness, entries, monkeypatch):
    log.append("kind", {"n": 9})
    monkeypatch.setattr(log, "sequence", lambda: 5)
    with pytest.raises(Fork):
        log.checkpoint()
    assert LogCheckpoint.objects.count() == 2


def test_a_witness_that_can_not_be_reached_is_logged_and_does_not_stop_the_log(settings, caplog):
    settings.FEDSHARE_WITNESSES = ["/absent/folder", "http://127.0.0.1:9/witness"]
    log.append("kind", {})
    assert open_note(log.checkpoint().note, key()).size == 1
    assert caplog.text.count("could not be asked") == 2


def test_the_witness_answers_as_its_protocol_says(neighbour):
    def post(body):
        return Client().post("/witness/add-checkpoint", body, content_type="text/plain")

    (signer,) = log_verifier_keys()
    for n in range(4):
        log.append("kind", {"n": n})
    first = log.checkpoint().note
    assert post(request_text(0, [], first)).status_code == 200
    log.append("kind", {"n": 4})
    second = log.checkpoint().note
    stale = post(request_text(0, [], second))
    assert (stale.status_code, stale["Content-Type"], stale.content) == (409, "text/x.tlog.size", b"4\n")
    assert post(request_text(4, [], second)).status_code == 422
    assert post(request_text(4, log.consistency(4, 5), second)).content.decode().startswith("— neighbour.test/")
    assert post("nonsense").status_code == 400
    assert post(b"\xff").status_code == 400
    assert post("x" * 100_000).status_code == 400
    assert post(request_text(5, [], second.replace(signer.name, "other.test/log"))).status_code == 404
    assert post(request_text(5, [], second.replace("\n5\n", "\n6\n"))).status_code == 403


def test_an_instance_that_watches_no_log_is_no_witness():
    body = request_text(0, [], log.checkpoint().note)
    assert Client().post("/witness/add-checkpoint", body, content_type="text/plain").status_code == 404
