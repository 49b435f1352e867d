"""Requests and answers in OpenDSR's words."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from unlearning.lineage.subjects import HASHED, RAW, Identity, Named
from unlearning.requests.grounds import Ground
from unlearning.requests.models import Request
from unlearning.requests.states import State
from unlearning.webhooks import addresses

API_VERSION = "2.0"
REGULATIONS = ("gdpr", "ccpa")
TYPES = ("erasure",)
FORMATS = (RAW, *HASHED)
IDENTITIES = (
    "controller_customer_id",
    "email",
    "android_advertising_id",
    "android_id",
    "fire_advertising_id",
    "ios_advertising_id",
    "ios_vendor_id",
    "microsoft_advertising_id",
    "microsoft_publisher_id",
    "roku_advertising_id",
    "roku_publisher_id",
)
_OLDEST = timedelta(days=366)
_HEX = re.compile(r"[0-9a-f]+")
_KNOWN = (
    "api_version", "extensions", "regulation", "status_callback_urls", "subject_identities", "subject_request_id",
    "subject_request_type", "submitted_time",
)  # fmt: skip
_MOST_IDENTITIES, _MOST_CALLBACKS = 20, 10

_STATUS = {
    State.RECEIVED: "pending",
    State.IDENTITY_PENDING: "pending",
    State.ON_HOLD: "pending",
    State.COMPLETED: "completed",
    State.CANCELLED: "cancelled",
}


class Malformed(ValueError):
    """A request that can't be taken: `domain`, `reason` and a message without personal data."""

    def __init__(self, field: str, message: str):
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


@dataclass(frozen=True)
class Wanted:
    """A checked request."""

    regulation: str
    subject_request_id: str
    identities: list[Identity]
    received_at: datetime
    """When the person asked: the period runs from then, though not from a moment that has not come."""
    callbacks: list[str]


def check(body: Any) -> Wanted:
    """A request as it was sent.

    Raises:
        Malformed: the first field that does not fit.
    """
    if not isinstance(body, dict):
        raise Malformed("body", "give an object")
    unknown = sorted(set(body) - set(_KNOWN))
    if unknown:
        raise Malformed("body", "a field is unknown: leave out what OpenDSR 2.0 does not name")
    if body.get("regulation") not in REGULATIONS:
        raise Malformed("regulation", f"give one of {', '.join(REGULATIONS)}")
    kind = body.get("subject_request_type")
    if kind not in TYPES:
        raise Malformed("subject_request_type", f"supported here: {', '.join(TYPES)} (see /discovery)")
    return Wanted(
        regulation=body["regulation"],
        subject_request_id=_uuid4(body.get("subject_request_id")),
        identities=_identities(body.get("subject_identities")),
        received_at=min(_moment(body.get("submitted_time")), timezone.now()),
        callbacks=_callbacks(body.get("status_callback_urls", [])),
    )


def status_of(request: Request) -> str:
    """A request's status. That nothing is held completes it; any other refusal cancels it."""
    if request.state == State.REFUSED:
        return "completed" if request.denial == Ground.NOT_HELD else "cancelled"
    if request.rows_removed_at and request.state == State.ON_HOLD:
        return "in_progress"
    return _STATUS.get(State(request.state), "in_progress")


def status_body(request: Request, status: str, controller: str, number: str) -> dict[str, Any]:
    """What is said of a request to who asked for it, under their own number."""
    return {
        "controller_id": controller,
        "expected_completion_time": request.due_at.isoformat(),
        "subject_request_id": number,
        "request_status": status,
        "results_url": None,
        "results_count": 0 if request.denial else request.rows_removed,
        "api_version": API_VERSION,
    }


def _uuid4(value: Any) -> str:
    try:
        parsed = UUID(value) if isinstance(value, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.version != 4 or str(parsed) != value:
        raise Malformed("subject_request_id", "give a UUID version 4 in lower case")
    return value


def _moment(value: Any) -> datetime:
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Malformed("submitted_time", "give a moment in RFC 3339")
    if moment < timezone.now() - _OLDEST:
        raise Malformed("submitted_time", "this moment lies more than a year ago")
    return moment


def _identities(value: Any) -> list[Identity]:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_IDENTITIES:
        raise Malformed("subject_identities", f"give 1 to {_MOST_IDENTITIES} identities")
    return [one for place, identity in enumerate(value) for one in _identity(identity, f"subject_identities[{place}]")]


def _identity(value: Any, place: str) -> list[Identity]:
    """An identity, in every way in which it may have been registered."""
    if not isinstance(value, dict):
        raise Malformed(place, "give an object")
    kind, form, text = (value.get(f"identity_{part}") for part in ("type", "format", "value"))
    if kind not in IDENTITIES:
        raise Malformed(f"{place}.identity_type", f"give one of {', '.join(IDENTITIES)}")
    if form not in FORMATS:
        raise Malformed(f"{place}.identity_format", f"give one of {', '.join(FORMATS)}")
    if not isinstance(text, str) or not text.strip() or len(text) > 200 or "\0" in text:
        raise Malformed(f"{place}.identity_value", "give a text of 1 to 200 characters")
    if form != RAW:
        text = text.lower()
        if not _HEX.fullmatch(text) or len(text) != HASHED[form]().digest_size * 2:
            raise Malformed(f"{place}.identity_value", f"this is no {form} in hexadecimal")
        return [Named(kind, text, form)]
    return [Named(kind, text), text] if kind in ("controller_customer_id", "email") else [Named(kind, text)]


def _callbacks(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _MOST_CALLBACKS:
        raise Malformed("status_callback_urls", f"give up to {_MOST_CALLBACKS} addresses")
    for place, url in enumerate(value):
        try:
            if not isinstance(url, str) or len(url) > 500:
                raise addresses.Forbidden("give an address of up to 500 characters")
            addresses.check_url(url)
        except addresses.Forbidden as forbidden:
            raise Malformed(f"status_callback_urls[{place}]", str(forbidden)) from None
    return value
