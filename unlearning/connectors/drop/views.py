"""`POST /webhooks/drop`: the platform says that lists are ready."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from unlearning.connectors import secrets
from unlearning.connectors.signed import answered, assert_fresh, assert_signed, raw_body
from unlearning.connectors.tasks import pull_drop

_PREFIX = "sha256="
_WEBHOOK = "webhook"


@csrf_exempt
@require_POST
@answered
def webhook(http: HttpRequest) -> HttpResponse:
    """Check the signature over timestamp and raw body, and begin a round."""
    body = raw_body(http)
    timestamp = http.headers.get("X-Webhook-Timestamp", "")
    assert_fresh(timestamp)
    signature = http.headers.get("X-Webhook-Signature", "")
    message = f"{timestamp}.".encode() + body
    assert_signed(signature, secrets.valid("drop", _WEBHOOK), message, lambda digest: _PREFIX + digest.hex())
    pull_drop.delay()
    return HttpResponse(status=200)
