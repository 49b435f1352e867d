"""The events that endpoints can subscribe to. No event holds an identity; subjects go by their id here."""

from dataclasses import dataclass
from typing import Any

RECEIVED = "request.received"
WITHDRAWN = "data.withdrawn"
EXTENDED = "request.extended"
REFUSED = "request.refused"
CANCELLED = "request.cancelled"
COMPLETED = "request.completed"
ATTENTION = "request.needs_attention"
CONSENT = "consent.changed"
ACCESS = "access.requested"
TEST = "webhook.test"


@dataclass(frozen=True)
class Event:
    """An event as it is published."""

    name: str
    when: str
    example: dict[str, Any]


_REQUEST = "5f8e2a5c-3b0d-4d6e-9a57-0c1f5f0b7a11"
_SUBJECT = "c0a8c9e2-7f3d-4a9b-8f63-1f2e7f6d9b42"

CATALOGUE = (
    Event(
        RECEIVED,
        "An erasure was opened, and waits for the requester's identity.",
        {"request": _REQUEST, "kind": "erase"},
    ),
    Event(
        WITHDRAWN,
        "A request was accepted, and its rows have left the live tables. Recipients of the data delete their copies "
        "(GDPR art. 19).",
        {"request": _REQUEST, "kind": "erase", "scope": "all", "subjects": [_SUBJECT]},
    ),
    Event(
        EXTENDED, "The period for the answer was extended.", {"request": _REQUEST, "kind": "erase", "state": "accepted"}
    ),
    Event(REFUSED, "A request was refused.", {"request": _REQUEST, "kind": "erase", "state": "refused"}),
    Event(CANCELLED, "A request was taken back.", {"request": _REQUEST, "kind": "erase", "state": "cancelled"}),
    Event(
        COMPLETED,
        "A request ended with a conclusion; its report follows within a minute.",
        {"request": _REQUEST, "kind": "erase", "state": "completed", "conclusion": "equivalent"},
    ),
    Event(
        ATTENTION, "A request needs an operator.", {"request": _REQUEST, "kind": "erase", "state": "needs_attention"}
    ),
    Event(CONSENT, "A subject's consent changed.", {"subject": _SUBJECT, "share_percent": 20, "categories": None}),
    Event(
        ACCESS,
        "A sender passed on that a customer wants to know what is held; fetch the export, and answer them.",
        {"subject": _SUBJECT, "export": f"/api/v1/subjects/{_SUBJECT}/export", "reference": "9999"},
    ),
    Event(TEST, "Somebody asked for a test.", {"test": True}),
)

NAMES = tuple(event.name for event in CATALOGUE)
EXAMPLES = {event.name: event.example for event in CATALOGUE}
