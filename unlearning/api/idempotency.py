"""`Idempotency-Key`: a client that does not know whether its request arrived sends it again, and nothing is done twice.

The answer is stored in the transaction that does the work, so there is an answer exactly if there is a result.
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audits.evidence.sealing import body_digest
from unlearning.api.models import IdempotentAnswer
from unlearning.api.problems import Conflict, Unprocessable

KEPT = timedelta(days=1)
_LONGEST = 100
_KEY = re.compile(rf"[!-~]{{1,{_LONGEST}}}")
_SECONDS_TO_WAIT = 1
_OTHER_BODY = "Used before with another body: give every request a key of its own."
_UNDER_WAY = "A request with this Idempotency-Key is under way: wait for its answer."


def once(client: str, request: Request, body: bytes, act: Callable[[], Response]) -> Response:
    """Act, or answer as the first request under the same key was answered.

    Raises:
        Unprocessable: the key stands for another body.
        Conflict: a request under the key is under way.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return act()
    if not _KEY.fullmatch(key):
        raise ValidationError({"Idempotency-Key": [f"Give 1 to {_LONGEST} printable ASCII characters, no spaces."]})
    digest = body_digest(f"{request.method} {request.path}\0".encode() + body)
    with transaction.atomic():
        _lock(client, key)
        earlier = IdempotentAnswer.objects.filter(client=client, key=key, at__gt=timezone.now() - KEPT).first()
        if earlier is not None:
            if earlier.body != digest:
                raise Unprocessable({"Idempotency-Key": _OTHER_BODY})
            return _answer(earlier)
        response = act()
        IdempotentAnswer.objects.update_or_create(
            client=client,
            key=key,
            defaults={
                "body": digest,
                "status": response.status_code,
                "answer": plain(response.data),
                "location": response.headers.get("Location", ""),
                "at": timezone.now(),
            },
        )
        return response


def forget_old_answers() -> None:
    """Delete answers that nobody can ask for any more."""
    IdempotentAnswer.objects.filter(at__lt=timezone.now() - KEPT).delete()


def _lock(client: str, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))", [f"{client} {key}"])
        (free,) = cursor.fetchone()
    if not free:
        raise Conflict(_UNDER_WAY, retry_after=_SECONDS_TO_WAIT)


def _answer(stored: IdempotentAnswer) -> Response:
    headers = {"Location": stored.location} if stored.location else {}
    return Response(stored.answer, status=stored.status, headers={"Idempotency-Replayed": "true", **headers})


def plain(data: Any) -> Any:
    """What JSON can hold, spelt as the answer spells it."""
    return json.loads(JSONRenderer().render(data))
