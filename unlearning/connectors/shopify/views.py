"""`POST /webhooks/shopify`: customers/redact, shop/redact, customers/data_request."""

import base64
import re
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from audits.evidence import log
from audits.evidence.models import LogEntry
from unlearning.connectors import secrets
from unlearning.connectors.signed import Refused, answered, assert_signed, erase_person, parsed, raw_body
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Identity, Named, find_subjects
from unlearning.requests import opening
from unlearning.requests.errors import UnknownSubjects
from unlearning.requests.models import Manner
from unlearning.requests.submissions import Submission, submitted
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9.-]{0,90}")
_ACCESS = "access.requested"
_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


@csrf_exempt
@require_POST
@answered
@transaction.atomic
def webhook(http: HttpRequest) -> HttpResponse:
    """Check the signature over the raw bytes, record, commit, answer; the work happens later."""
    body = raw_body(http)
    shop = _header(http, "Shop-Domain").lower()
    if not _DOMAIN.fullmatch(shop):
        raise Refused(401, "X-Shopify-Shop-Domain is missing, or no domain")
    signature = _header(http, "Hmac-Sha256")
    assert_signed(signature, secrets.valid("shopify", shop), body, lambda d: base64.b64encode(d).decode())
    payload = parsed(body)
    if not isinstance(payload, dict) or str(payload.get("shop_domain", "")).lower() != shop:
        raise Refused(400, "shop_domain: it is another than X-Shopify-Shop-Domain names")
    webhook_id = _header(http, "Webhook-Id")
    if not _ID.fullmatch(webhook_id):
        raise Refused(400, "X-Shopify-Webhook-Id is missing")
    submission = Submission(f"shopify {shop}", webhook_id, manner=Manner.SHOPIFY)
    match _header(http, "Topic"):
        case "customers/redact" if "data_request" not in payload:
            erase_person(_customer(payload, shop), submission)
        case "shop/redact" if "customer" not in payload:
            _redact_shop(shop, submission)
        case "customers/data_request":
            _announce_access(_customer(payload, shop), payload, webhook_id)
        case _:
            # The topic is not signed: the body has to be of its kind.
            raise Refused(
                400, "X-Shopify-Topic: give customers/redact, shop/redact or customers/data_request, as it is"
            )
    return HttpResponse(status=200)


def _header(http: HttpRequest, name: str) -> str:
    """Newer deliveries leave the `X-` out."""
    return http.headers.get(f"X-Shopify-{name}") or http.headers.get(f"shopify-{name}") or ""


def _customer(payload: dict[str, Any], shop: str) -> list[Identity]:
    customer = payload.get("customer")
    if not isinstance(customer, dict):
        raise Refused(400, "customer: give an object with id")
    candidates: list[Identity] = []
    if isinstance(customer.get("id"), int | str):
        candidates.append(Named(f"shopify:{shop}", str(customer["id"])))
    for name in ("email", "phone"):
        value = customer.get(name)
        if isinstance(value, str) and value.strip():
            candidates.append(Named(name, value))
    if not candidates or any("\0" in one.value or len(one.value) > 200 for one in candidates):
        raise Refused(400, "customer: give id, email or phone, of up to 200 characters")
    return candidates


def _redact_shop(shop: str, submission: Submission) -> None:
    """Everybody who is known by a customer number of the shop; delivered again, it has been done."""
    if submitted(submission):
        return
    subjects = list(Subject.objects.filter(identifiers__kind=f"shopify:{shop}", erased_at=None).distinct())
    if subjects:
        try:
            opening.erase(subjects, submission)
        except UnknownSubjects:
            raise Refused(503, "some customers were erased at this very moment: deliver it again") from None
    else:
        opening.refuse_unknown(submission)


def _announce_access(candidates: list[Identity], payload: dict[str, Any], webhook_id: str) -> None:
    """Put it on record, once, and tell the controller's systems, which fetch the export and answer the customer."""
    if LogEntry.objects.filter(kind=_ACCESS, payload__webhook=webhook_id).exists():
        return
    log.append(_ACCESS, {"manner": Manner.SHOPIFY, "webhook": webhook_id})
    asked = payload.get("data_request")
    number = asked.get("id") if isinstance(asked, dict) else None
    for subject in {one.pk: one for one in find_subjects(candidates) if one is not None}.values():
        address = f"/api/v1/subjects/{subject.pk}/export"
        emit(catalogue.ACCESS, {"subject": str(subject.pk), "export": address, "reference": str(number)[:60]})
