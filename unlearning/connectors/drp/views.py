"""`/drp/v1/…`"""

import json
import re
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from unlearning.connectors import callbacks
from unlearning.connectors.drp import signing
from unlearning.connectors.models import Callback
from unlearning.connectors.signed import Refused, answered, erase_person, number_of, raw_body
from unlearning.lineage.subjects import Identity, Named
from unlearning.requests import actions
from unlearning.requests.actions import By
from unlearning.requests.errors import NotAllowed
from unlearning.requests.grounds import Ground
from unlearning.requests.models import Manner, Request
from unlearning.requests.states import State
from unlearning.requests.submissions import Submission
from unlearning.webhooks import addresses

CONNECTOR = "drp"
_ID = re.compile(r"[A-Za-z0-9._:-]{1,90}")
_REGIMES = {"ccpa": Request.Regime.CCPA, "voluntary": Request.Regime.CCPA, "gdpr": Request.Regime.GDPR}
_CLAIMS = {"email": "email", "phone_number": "phone"}
_STATUS = {
    State.RECEIVED: "open",
    State.IDENTITY_PENDING: "open",
    State.ON_HOLD: "open",
    State.COMPLETED: "fulfilled",
    State.CANCELLED: "revoked",
    State.REFUSED: "denied",
}
_REASONS = {
    Ground.NOT_HELD: "no_match",
    Ground.IDENTITY: "insuf_verification",
    Ground.CA_UNVERIFIED: "insuf_verification",
    Ground.EXCESSIVE: "too_many_requests",
}


@csrf_exempt
@require_http_methods(["GET", "POST"])
@answered
def agent(http: HttpRequest, agent_id: str) -> HttpResponse:
    """Give a registered agent a token; tell an agent whether its token holds."""
    if http.method == "GET":
        if signing.agent_of(http.headers.get("Authorization", "")) != agent_id:
            raise Refused(403, "agent-id: another agent's than the token's")
        return JsonResponse({"agent-id": agent_id})
    content = signing.opened(raw_body(http), None)
    if content["agent-id"] != agent_id:
        raise Refused(401, "agent-id: another than the address names")
    return JsonResponse({"agent-id": agent_id, "token": signing.token_for(agent_id)})


@csrf_exempt
@require_POST
@answered
def requests(http: HttpRequest) -> HttpResponse:
    """Take a deletion."""
    sender = signing.agent_of(http.headers.get("Authorization", ""))
    content = signing.opened(raw_body(http), sender)
    if content.get("exercise") != "deletion":
        raise Refused(400, "exercise: supported here is deletion")
    regime = _REGIMES.get(str(content.get("regime")))
    if regime is None:
        raise Refused(400, f"regime: give one of {', '.join(_REGIMES)}")
    number = content.get("agent_request_id")
    if not isinstance(number, str) or not _ID.fullmatch(number):
        raise Refused(400, "agent_request_id: give up to 90 letters, digits and . _ : -")
    callback = content.get("status_callback")
    if callback is not None:
        _check(callback)
    submission = Submission(_source(sender), number, regime, Manner.DRP)
    request = erase_person(_identities(content), submission)
    if callback is not None:
        callbacks.register(request, CONNECTOR, [callback], _source(sender), number)
    return JsonResponse(status_object(request, number))


@csrf_exempt
@require_http_methods(["GET", "DELETE"])
@answered
def one_request(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Tell a request's status, or take it back until it is under way."""
    sender = signing.agent_of(http.headers.get("Authorization", ""))
    request = Request.objects.filter(pk=request_id).first()
    number = request and number_of(request, _source(sender))
    if request is None or number is None:
        raise Refused(404, "there is no such request of yours")
    if http.method == "DELETE":
        try:
            request = actions.cancel_submission(request, _source(sender), By(_source(sender)))
        except NotAllowed:
            raise Refused(409, "the request is under way: the data is gone already") from None
        # Theirs is, also where the request goes on for others.
        return JsonResponse(status_object(request, number) | {"status": _STATUS[State.CANCELLED]})
    return JsonResponse(status_object(request, number))


def status_object(request: Request, number: str) -> dict[str, Any]:
    """A request as the protocol tells it to who asked for it, under their own number."""
    told = {
        "request_id": str(request.pk),
        "agent_request_id": number,
        "status": status_of(request),
        "received_at": request.received_at.isoformat(),
        "expected_by": request.due_at.isoformat(),
    }
    return told | {"reason": _REASONS.get(Ground(request.denial), "other")} if request.denial else told


def status_of(request: Request) -> str:
    """Its status."""
    if request.rows_removed_at and request.state == State.ON_HOLD:
        return "in_progress"
    return _STATUS.get(State(request.state), "in_progress")


def tell_callbacks() -> None:
    """Tell every address whose request has come to another status."""
    callbacks.tell(CONNECTOR, status_of, _callback)


def _callback(callback: Callback, status: str) -> callbacks.Message:
    return json.dumps(status_object(callback.request, callback.external_id)).encode(), {
        "Content-Type": "application/json"
    }


def _source(agent_id: str) -> str:
    return f"drp {agent_id}"


def _check(url: Any) -> None:
    try:
        if not isinstance(url, str) or len(url) > 500:
            raise addresses.Forbidden("give an address of up to 500 characters")
        addresses.check_url(url)
    except addresses.Forbidden as forbidden:
        raise Refused(400, f"status_callback: {forbidden}") from None


def _identities(content: dict[str, Any]) -> list[Identity]:
    """Claims that the agent has verified."""
    found: list[Identity] = []
    for claim, kind in _CLAIMS.items():
        value = content.get(claim)
        if not isinstance(value, str) or not value.strip():
            continue
        if len(value) > 200 or "\0" in value:
            raise Refused(400, f"{claim}: give a text of up to 200 characters")
        if content.get(f"{claim}_verified") is True:
            found.append(Named(kind, value))
    if not found:
        raise Refused(400, "email, phone_number: give one that is verified, with its _verified claim")
    return found
