"""One round: download the lists, open an erasure for whoever is known here, upload what became of each row."""

import base64
import binascii
import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import httpx
from django.conf import settings
from django.db import transaction

from unlearning.connectors import callbacks, secrets
from unlearning.connectors.models import Callback
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Named, find_subjects
from unlearning.requests import opening
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.models import Duplicate, Manner, Request
from unlearning.requests.states import State
from unlearning.requests.submissions import Submission

CONNECTOR = "drop"
EXEMPTED, DELETED, NOT_FOUND = 2, 3, 5
_KINDS = {"email": "email", "emails": "email", "phone": "phone", "phones": "phone"}
_COMPOSITE = "drop_composite"
_AT_ONCE = 1000
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,30}")
_AGAIN = "~"
"""Between a row's id and what tells it from the same row of somebody who came back."""

_TIMEOUT_SECONDS = 120
_SHA256_BYTES = 32
_MOST_BYTES = 2**31
_API_KEY = "api-key"


class NotReady(Exception):
    """The lists are being prepared: come back in so many seconds."""

    def __init__(self, seconds: int):
        super().__init__(f"the lists are being prepared: come back in {seconds} s")
        self.seconds = seconds


class BadList(ValueError):
    """A download that is not what the platform hands out; the message names file and row, never a hash."""


@dataclass(frozen=True)
class Row:
    """A row of a list."""

    list: str
    number: str
    sha256: str
    """Hexadecimal."""

    @property
    def external_id(self) -> str:
        """What the row is known by here."""
        return f"{self.list}/{self.number}"


@dataclass
class Round:
    """What came of it."""

    rows: int = 0
    opened: int = 0
    not_found: int = 0
    told: int = 0


def pull() -> Round:
    """Carry out a round; doing it again changes nothing but what was not told yet.

    Raises:
        NotReady: nothing could be downloaded yet.
        BadList: nothing of the download is used.
        httpx.HTTPError: the platform did not answer as it should.
        ValueError: no key is set.
    """
    with _client() as platform:
        rows = list(_rows(_download(platform)))
        done = Round(rows=len(rows))
        statuses: list[tuple[Row, int]] = []
        remaining = iter(rows)
        while batch := list(islice(remaining, _AT_ONCE)):
            for row, found in zip(batch, find_subjects(_named(row) for row in batch), strict=True):
                if found is None and not _known(row):
                    statuses.append((row, NOT_FOUND))
                    done.not_found += 1
                elif found is not None:
                    done.opened += _open(row, found)
        ended = list(_ended())
        _upload(platform, [*statuses, *((row, status) for _, row, status in ended)])
        for callback, _, status in ended:
            Callback.objects.filter(pk=callback.pk).update(told=str(status), ended=True)
        done.told = len(statuses) + len(ended)
    return done


def _client() -> httpx.Client:
    keys = secrets.valid(CONNECTOR, _API_KEY)
    if not settings.FEDSHARE_DROP_URL or not keys:
        raise ValueError("set FEDSHARE_DROP_URL, and `manage.py connector_secret add drop --account api-key`")
    return httpx.Client(base_url=settings.FEDSHARE_DROP_URL, headers={"X-API-KEY": keys[0]}, timeout=_TIMEOUT_SECONDS)


def _download(platform: httpx.Client) -> bytes:
    answer = platform.get("/data/download").raise_for_status()
    if answer.status_code == httpx.codes.ACCEPTED:
        wait = answer.headers.get("Retry-After", "")
        raise NotReady(int(wait) if wait.isdigit() else 3600)
    return answer.content


def _rows(content: bytes) -> Iterator[Row]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        raise BadList("the download is no ZIP archive") from None
    if sum(member.file_size for member in archive.infolist()) > _MOST_BYTES:
        raise BadList("the download is larger than 2 GB when unpacked")
    for member in archive.infolist():
        if not member.filename.lower().endswith(".csv"):
            continue
        name = member.filename.rpartition("/")[2][:-4][:60]
        with archive.open(member) as file:
            table = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig"))
            if not {"ID", "Hash"} <= set(table.fieldnames or []):
                raise BadList(f"{name}: the columns are not ID and Hash")
            for number, row in enumerate(table, start=1):
                yield Row(name, _number(row["ID"], name, number), _hex(row["Hash"], name, number))


def _number(text: str | None, name: str, number: int) -> str:
    value = (text or "").strip()
    if not _NUMBER.fullmatch(value):
        raise BadList(f"{name}, row {number}: the ID is not 1 to 30 letters, digits and . _ -")
    return value


def _hex(text: str | None, name: str, number: int) -> str:
    try:
        digest = base64.b64decode((text or "").strip(), validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != _SHA256_BYTES:
        raise BadList(f"{name}, row {number}: the Hash is no SHA-256 in base64")
    return digest.hex()


def _named(row: Row) -> Named:
    """Lists of single values by what they are; all others are composite."""
    return Named(_KINDS.get(row.list.lower(), _COMPOSITE), row.sha256, "sha256")


def _known(row: Row) -> bool:
    sent = {"source": CONNECTOR, "external_id": row.external_id}
    return Request.objects.filter(**sent).exists() or Duplicate.objects.filter(**sent).exists()


def _erase(subject: Subject, submission: Submission) -> tuple[Request, bool]:
    try:
        return opening.erase([subject], submission)
    except IdTaken:  # of somebody who was erased under it, and has come back
        again = replace(submission, external_id=f"{submission.external_id}{_AGAIN}{subject.pk.hex[:8]}")
        return opening.erase([subject], again)


@transaction.atomic
def _open(row: Row, subject: Subject) -> bool:
    submission = Submission(CONNECTOR, row.external_id, Request.Regime.CCPA, Manner.DROP)
    try:
        request, new = _erase(subject, submission)
    except UnknownSubjects:  # erased since they were looked up: the next round finds nobody, or the request that did it
        return False
    callbacks.register(request, CONNECTOR, [""], CONNECTOR, row.external_id)
    return new


def _ended() -> Iterator[tuple[Callback, Row, int]]:
    """Rows that can be answered now, and were not yet."""
    waiting = Callback.objects.filter(
        connector=CONNECTOR, ended=False, request__state__in=[State.COMPLETED, State.REFUSED]
    )
    for callback in waiting.select_related("request"):
        request = callback.request
        status = DELETED if request.state == State.COMPLETED else EXEMPTED
        name, _, number = callback.external_id.rpartition("/")
        yield callback, Row(name, number, ""), status


def _upload(platform: httpx.Client, statuses: list[tuple[Row, int]]) -> None:
    """One file for each list."""
    for name in sorted({row.list for row, _ in statuses}):
        buffer = io.StringIO()
        table = csv.writer(buffer, lineterminator="\r\n")
        table.writerow(("Id", "Status"))
        table.writerows((row.number, status) for row, status in statuses if row.list == name)
        file = (f"{name}.csv", buffer.getvalue().encode(), "text/csv")
        platform.post("/data/upload", files={"file": file}).raise_for_status()
