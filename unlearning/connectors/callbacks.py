"""Telling senders of a request's status, in their own format, until they know how it ended."""

import http.client
import logging
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from unlearning.connectors.models import Callback
from unlearning.requests.models import Request
from unlearning.requests.states import FINAL
from unlearning.webhooks.delivering import GAPS
from unlearning.webhooks.sending import post

logger = logging.getLogger(__name__)

Message = tuple[bytes, dict[str, str]]
"""Body and headers."""

_CLAIM = timedelta(seconds=60)
_BETWEEN_LOOKS = timedelta(seconds=5)


def register(request: Request, connector: str, urls: list[str], source: str, external_id: str) -> None:
    """Tell some addresses of a request's status from now on, under the sender's own name and id."""
    now = timezone.now()
    Callback.objects.bulk_create(
        [
            Callback(request=request, connector=connector, url=url, source=source, external_id=external_id, next_at=now)
            for url in dict.fromkeys(urls)
        ],
        ignore_conflicts=True,
    )


def tell(connector: str, status: Callable[[Request], str], message: Callable[[Callback, str], Message]) -> None:
    """Tell every address of one connector whose request has come to another status, or whose period was extended.

    Args:
        status: a request's, in the connector's words.
        message: to an address, about a status.
    """
    now = timezone.now()
    due = Callback.objects.filter(connector=connector, ended=False, next_at__lte=now)
    for callback in due.exclude(url="").select_related("request").order_by("next_at")[:200]:
        if not Callback.objects.filter(pk=callback.pk, next_at=callback.next_at).update(next_at=now + _CLAIM):
            continue  # somebody else tells it
        present = status(callback.request)
        saying = _extended(callback.request, present)
        if saying == callback.told:
            Callback.objects.filter(pk=callback.pk).update(
                next_at=now + _BETWEEN_LOOKS, ended=callback.request.state in FINAL
            )
            continue
        _conclude(callback, saying, _sent(callback, *message(callback, present)))


def _extended(request: Request, status: str) -> str:
    """What is told by telling a status: while a request is open, the date that the message gives as well."""
    return f"{status} extended" if request.extended_at and request.state not in FINAL else status


def _sent(callback: Callback, body: bytes, headers: dict[str, str]) -> bool:
    try:
        return 200 <= post(callback.url, body, headers) < 300
    except (ValueError, OSError, http.client.HTTPException) as error:
        logger.info("callback %s was not taken: %s", callback.pk, type(error).__name__)
        return False


def _conclude(callback: Callback, saying: str, taken: bool) -> None:
    now = timezone.now()
    if taken:
        callback.told, callback.tries, callback.next_at = saying, 0, now + _BETWEEN_LOOKS
        callback.ended = callback.request.state in FINAL
    else:
        callback.tries += 1
        callback.ended = callback.tries > len(GAPS)
        callback.next_at = now + GAPS[min(callback.tries, len(GAPS)) - 1]
    callback.save(update_fields=["told", "tries", "next_at", "ended"])
