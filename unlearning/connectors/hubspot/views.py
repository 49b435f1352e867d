"""`POST /webhooks/hubspot`: an array of events, of which `contact.privacyDeletion` counts."""

import base64
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from unlearning.connectors import secrets
from unlearning.connectors.signed import (
    Refused,
    answered,
    assert_fresh,
    assert_signed,
    erase_person,
    parsed,
    raw_body,
)
from unlearning.lineage.subjects import Named
from unlearning.requests.models import Manner
from unlearning.requests.submissions import Submission

_DELETION = "contact.privacyDeletion"
_MILLISECOND = 0.001
_NUMBERS = ("portalId", "eventId", "objectId")
_LARGEST = 2**63


@csrf_exempt
@require_POST
@answered
def webhook(http: HttpRequest) -> HttpResponse:
    """Check the v3 signature, which covers method, public address, raw body and timestamp; then open erasures."""
    body = raw_body(http)
    timestamp = http.headers.get("X-HubSpot-Request-Timestamp", "")
    assert_fresh(timestamp, _MILLISECOND)
    # The address as the sender knows it: from a setting, never from a header that anyone can send.
    address = settings.FEDSHARE_PUBLIC_URL + http.get_full_path()
    message = f"{http.method}{address}".encode() + body + timestamp.encode()
    signature = http.headers.get("X-HubSpot-Signature-v3", "")
    assert_signed(signature, secrets.valid("hubspot", ""), message, lambda d: base64.b64encode(d).decode())
    events = parsed(body)
    if not isinstance(events, list):
        raise Refused(400, "give an array of events")
    # The same deletion also fires contact.deletion, which must not open a second request.
    deletions = [_checked(event, place) for place, event in enumerate(events) if _is_deletion(event)]
    for portal, event_id, contact in deletions:
        submission = Submission("hubspot", f"{portal}-{event_id}", manner=Manner.HUBSPOT)
        erase_person([Named(f"hubspot:{portal}", contact)], submission)
    return HttpResponse(status=200)


def _is_deletion(event: Any) -> bool:
    return isinstance(event, dict) and event.get("subscriptionType") == _DELETION


def _checked(event: dict[str, Any], place: int) -> tuple[str, str, str]:
    for name in _NUMBERS:
        value = event.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LARGEST:
            raise Refused(400, f"[{place}].{name}: give a whole number")
    portal, event_id, contact = (str(event[name]) for name in _NUMBERS)
    return portal, event_id, contact
