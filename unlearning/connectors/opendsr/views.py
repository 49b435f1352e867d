"""`/opendsr/v2/…`: every answer is signed."""

import base64
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from oauth2_provider.oauth2_backends import get_oauthlib_core

from unlearning.connectors import callbacks
from unlearning.connectors.models import Callback
from unlearning.connectors.opendsr import messages, signing
from unlearning.connectors.signed import Refused, erase_person, parsed, raw_body, sent_by
from unlearning.requests import actions
from unlearning.requests.actions import By
from unlearning.requests.errors import NotAllowed
from unlearning.requests.models import Manner
from unlearning.requests.submissions import Submission

CONNECTOR = "opendsr"
SCOPE = "opendsr"


def signed(view: Callable[..., tuple[int, Any]]) -> Callable[..., HttpResponse]:
    """Spell and sign what a view answers, refusals included."""

    @csrf_exempt
    def wrapped(http: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            status, answer = view(http, *args, **kwargs)
        except messages.Malformed as malformed:
            status, answer = 400, _error(400, malformed.message, malformed.field)
        except Refused as refused:
            status, answer = refused.status, _error(refused.status, str(refused), "request")
        body = b"" if answer is None else json.dumps(answer).encode()
        try:
            headers = signing.headers(body)
        except ImproperlyConfigured:
            unsigned = _error(503, "OpenDSR is not set up here: run `manage.py make_opendsr_key`", "service")
            return HttpResponse(json.dumps(unsigned), status=503, content_type="application/json")
        return HttpResponse(body, status=status, content_type="application/json", headers=headers)

    return wrapped


@signed
def discovery(http: HttpRequest) -> tuple[int, Any]:
    """What is supported."""
    return 200, {
        "api_version": messages.API_VERSION,
        "supported_identities": [
            {"identity_type": kind, "identity_format": form}
            for kind in messages.IDENTITIES
            for form in messages.FORMATS
        ],
        "supported_subject_request_types": list(messages.TYPES),
        "processor_certificate": f"{settings.FEDSHARE_PUBLIC_URL}/opendsr/v2/certificate.pem",
    }


@require_safe
def certificate(http: HttpRequest) -> HttpResponse:
    """With which every answer can be checked."""
    try:
        return HttpResponse(signing.certificate(), content_type="application/x-pem-file")
    except ImproperlyConfigured:
        raise Http404 from None


@signed
def requests(http: HttpRequest) -> tuple[int, Any]:
    """Take a request."""
    if http.method != "POST":
        raise Refused(405, "use POST")
    body = raw_body(http)  # before anything else reads it
    client = _client(http)
    wanted = messages.check(parsed(body))
    submission = Submission(client, wanted.subject_request_id, wanted.regulation, Manner.OPENDSR, wanted.received_at)
    request = erase_person(wanted.identities, submission)
    callbacks.register(request, CONNECTOR, wanted.callbacks, client, wanted.subject_request_id)
    return 201, {
        "controller_id": client,
        "expected_completion_time": request.due_at.isoformat(),
        "received_time": timezone.now().isoformat(),
        "encoded_request": base64.b64encode(body).decode(),
        "subject_request_id": wanted.subject_request_id,
    }


@signed
def one_request(http: HttpRequest, subject_request_id: UUID) -> tuple[int, Any]:
    """Tell a request's status, or take it back while it is pending."""
    client = _client(http)
    number = str(subject_request_id)
    request = sent_by(client, number, Manner.OPENDSR)
    if request is None:
        raise Refused(404, "there is no such request of yours")
    if http.method == "GET":
        return 200, messages.status_body(request, messages.status_of(request), client, number)
    if http.method != "DELETE":
        raise Refused(405, "use GET or DELETE")
    try:
        actions.cancel_submission(request, client, By(client))
    except NotAllowed:
        raise Refused(409, "the request is no longer pending: the data is gone already") from None
    return 202, {
        "controller_id": client,
        "received_time": timezone.now().isoformat(),
        "subject_request_id": number,
        "api_version": messages.API_VERSION,
    }


def tell_callbacks() -> None:
    """Tell every address whose request has come to another status."""
    callbacks.tell(CONNECTOR, messages.status_of, _callback)


def _callback(callback: Callback, status: str) -> callbacks.Message:
    told = messages.status_body(callback.request, status, callback.source, callback.external_id)
    content = told | {"status_callback_url": callback.url}
    body = json.dumps(content).encode()
    return body, {"Content-Type": "application/json", **signing.headers(body)}


def _client(http: HttpRequest) -> str:
    valid, found = get_oauthlib_core().verify_request(http, scopes=[SCOPE])
    if not valid or found.client.client_id.startswith("sandbox-"):
        raise Refused(401, f"give a Bearer token with the scope {SCOPE}")
    return found.client.client_id


def _error(code: int, message: str, field: str) -> dict[str, Any]:
    detail = {"domain": "fedshare", "reason": field, "message": message}
    return {"error": {"code": code, "message": f"{field}: {message}", "errors": [detail]}}
