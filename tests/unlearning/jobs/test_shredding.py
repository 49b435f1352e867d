"""What someone can do after an erasure who has the whole database, the log and every report, but not the keys."""

import base64
import hashlib
import hmac
import re
import zlib

import pytest
from django.apps import apps
from django.core.files.storage import storages
from django.db import connection

from audits.evidence import sealing
from audits.evidence.models import IssuedDocument
from audits.reports.verify import verify_report
from audits.reports.writing import write_reports
from tests.audits.reports.test_verify import trust
from tests.unlearning.jobs.test_runner import _run
from tests.unlearning.people import ask_erasure
from unlearning.requests.models import Request

pytestmark = pytest.mark.django_db

_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_HEX = re.compile(rb"(?:[0-9a-f]{2}){16,64}")


@pytest.fixture
def erased(recommender, django_capture_on_commit_callbacks):
    """An erasure that has ended, with its evidence written."""
    with django_capture_on_commit_callbacks(execute=True):
        ask_erasure("u3")
        _run()
    for document in IssuedDocument.objects.all():
        write_reports(document)


def _database() -> bytes:
    """Every row of every table, as text."""
    content = b""
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            with cursor.copy(f'COPY "{model._meta.db_table}" TO STDOUT') as rows:
                content += b"".join(bytes(row) for row in rows)
    return content


def _reports() -> bytes:
    """Every report, and what is compressed in it."""
    content = b""
    for document in IssuedDocument.objects.all():
        for report in document.reports.all():
            pdf = storages["reports"].open(report.name).read()
            content += pdf
            for stream in _STREAM.findall(pdf):
                try:
                    content += zlib.decompress(stream)
                except zlib.error:
                    continue
    return content


def _spellings(value: bytes) -> list[bytes]:
    return [value.hex().encode(), value.hex().upper().encode(), base64.b64encode(value), value]


def _finds(identity: str, everything: bytes, keys: list[bytes]) -> list[bytes]:
    """What of an identity is there, under every digest that could be computed, keyed with everything that is there."""
    message = identity.encode()
    plain = [hashlib.new(name, message).digest() for name in ("md5", "sha1", "sha256", "sha512")]
    keyed = [hashlib.new(name, key + message).digest() for key in keys for name in ("sha1", "sha256")]
    keyed += [hashlib.new("sha256", message + key).digest() for key in keys]
    keyed += [_hmac(key, message) for key in keys]
    wanted = [spelling for value in (*plain, *keyed) for spelling in _spellings(value)]
    return [value for value in wanted if value in everything]


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _keys(everything: bytes) -> list[bytes]:
    """Every value that could be a key."""
    return [bytes.fromhex(found.decode()) for found in {m.group() for m in _HEX.finditer(everything)}]


def test_after_an_erasure_nobody_can_be_found_and_the_evidence_still_verifies(erased):
    everything = _database() + _reports()
    # The control: with the service's keys in its hands, the same attack finds those who are there, and whom no backup
    # may bring back.
    assert _finds("u4", everything, [sealing._derived("identity")])
    assert sealing.suppression_digest(sealing.identity_digest("u3")).hex().encode() in everything

    keys = _keys(everything)
    assert len(keys) > 50
    for identity in ("u3", "u3-who-was-never-there"):
        assert _finds(identity, everything, keys) == []
    assert b"u3\t" not in everything

    request = Request.objects.get()
    for document in (request.evidence, request.job.evidence):
        pdf = storages["reports"].open(document.report().name).read()
        assert [check.detail for check in verify_report(pdf, trust()) if not check.ok] == []
