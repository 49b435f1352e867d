"""What webhooks of others have in common: HMAC over the raw bytes, compared in constant time, and strict JSON."""

import hmac
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse

from unlearning import strict_json
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Identity, find_subjects
from unlearning.requests import opening
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.models import Duplicate, Request
from unlearning.requests.submissions import Submission, submitted

_AHEAD_SECONDS = 60
FRESH_SECONDS = 300
_MOST_DIGITS = 20


class Refused(Exception):
    """A delivery that is not taken: its HTTP status and a word on why. No identity stands in it."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


def answered(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a view refuse by raising."""

    def wrapped(http: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(http, *args, **kwargs)
        except Refused as refused:
            return JsonResponse({"status": refused.status, "detail": str(refused)}, status=refused.status)

    return wrapped


def raw_body(http: HttpRequest) -> bytes:
    """The bytes as they came."""
    length = http.headers.get("Content-Length", "0")
    if length.isdigit() and int(length) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise Refused(413, "the body is too large")
    return http.body


def assert_signed(given: str, secrets: Iterable[str], message: bytes, spell: Callable[[bytes], str]) -> None:
    """Refuse what no valid secret signed (HMAC-SHA256).

    Args:
        spell: how the sender writes the digest.
    """
    expected = [spell(hmac.digest(secret.encode(), message, "sha256")) for secret in secrets]
    # Every one is compared, so that the time does not tell which.
    if not sum(hmac.compare_digest(one.encode(), given.encode(errors="replace")) for one in expected):
        raise Refused(401, "the signature does not hold: is the secret of this account set?")


def assert_fresh(timestamp: str, unit: float = 1.0) -> None:
    """Refuse what was signed more than five minutes ago, or more than one minute ahead.

    Args:
        unit: seconds of one tick.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < _MOST_DIGITS):
        raise Refused(401, "the timestamp is no number")
    age = time.time() - int(timestamp) * unit
    if not -_AHEAD_SECONDS <= age <= FRESH_SECONDS:
        raise Refused(401, "the timestamp is not of now")


def parsed(body: bytes) -> Any:
    """The JSON in a body."""
    try:
        return strict_json.parse(body)
    except strict_json.Malformed as malformed:
        raise Refused(400, f"the body is no JSON: {malformed}") from None


def sent_by(source: str, external_id: str, manner: str) -> Request | None:
    """The request that a sender opened under an id, or that theirs was merged into."""
    sent = {"source": source, "external_id": external_id, "manner": manner}
    merged = Duplicate.objects.filter(**sent).values("request")
    return Request.objects.filter(Q(**sent) | Q(pk__in=merged)).first()


def number_of(request: Request, source: str) -> str | None:
    """A sender's id of a request; None if it is not theirs."""
    if request.source == source:
        return request.external_id
    merged = request.duplicates.filter(source=source).first()
    return merged and merged.external_id


def erase_person(candidates: Sequence[Identity], submission: Submission) -> Request:
    """Erase whoever is known by one of some identifiers of one person; else put on record that nobody is.

    Where they are known as those of several, it is not known who asks: the request waits for an officer.

    Raises:
        Refused: the sender used the id for something else.
    """
    found: dict[Any, Subject] = {one.pk: one for one in find_subjects(candidates) if one is not None}
    earlier = submitted(submission)
    if not found:
        return earlier or opening.refuse_unknown(submission)[0]
    try:
        return opening.erase(list(found.values()), submission, identity_verified=len(found) == 1)[0]
    except UnknownSubjects:  # erased since they were found
        return earlier or opening.refuse_unknown(submission)[0]
    except IdTaken:
        if earlier is not None and earlier.closed_at is not None:
            return earlier
        raise Refused(409, "this id was used before for something else") from None
