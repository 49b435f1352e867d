"""The sandbox: a client whose id begins with `sandbox-` is answered like any other, and touches nothing.

Its writes are carried out for real in a transaction that is rolled back. Customers whom it names are its own, whatever
they are called, and made up on the way with a consent and some interactions, unless the name begins with `unknown`.
What was answered at an address is remembered for a day, so that it can be followed; nothing else can be looked at.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from unlearning.api.idempotency import plain
from unlearning.api.models import IdempotentAnswer
from unlearning.consent.services import record_consent
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.subjects import RAW, Identity, Named, find_subjects, register_subject
from unlearning.requests import journal

PREFIX = "sandbox-"
_UNKNOWN = "unknown"
_PERCENT = 80
_INTERACTIONS = 20
_NAMING = ("subject", "subjects")
_REQUESTS = "/api/v1/requests"
_OPEN = ("webhook",)
"""Beginnings of the names of addresses that show nothing of anybody."""


class Recalled(APIException):
    """Not an error: what was answered before at an address of the sandbox."""

    status_code = 200

    def __init__(self, answer: Any):
        super().__init__()
        self.answer = answer


def is_sandbox(client: str) -> bool:
    """Whether a client's requests are played, not done."""
    return client.startswith(PREFIX)


def play(client: str, http: Request, wanted: dict[str, Any], act: Callable[[], Response]) -> Response:
    """Act, answer, and undo."""
    wanted |= {name: _own(client, name, value) for name, value in wanted.items()}
    with transaction.atomic(), journal.closed():
        for name in _NAMING:
            _make_up(wanted.get(name, []))
        _make_up(list(dict.fromkeys(row["subject"] for row in wanted.get("interactions", []))))
        response = act()
        transaction.set_rollback(True)
    address = response.headers.get("Location")
    if address:
        IdempotentAnswer.objects.update_or_create(
            client=client,
            key=address[-100:],
            defaults={"body": "", "status": 200, "answer": plain(response.data), "at": timezone.now()},
        )
    response["FedShare-Sandbox"] = "true"
    return response


def recall(client: str, http: Request, address: str) -> None:
    """Answer as before at an address that a played request gave; anything else of anybody is not there.

    Args:
        address: name of the one that was asked for.

    Raises:
        Recalled: with the answer.
        Http404: nothing was answered there.
    """
    stored = IdempotentAnswer.objects.filter(client=client, key=http.path[-100:]).first()
    if stored is not None and http.method == "GET":
        raise Recalled(stored.answer)
    if http.path == _REQUESTS and http.method == "GET":
        wanted = http.query_params.get("external_id")
        answers = IdempotentAnswer.objects.filter(client=client, key__startswith=f"{_REQUESTS}/").order_by("-at")
        found = [one.answer for one in answers if wanted in (None, one.answer["external_id"])]
        raise Recalled({"next": None, "previous": None, "results": found})
    if http.method == "GET" and not address.startswith(_OPEN):
        raise Http404
    if http.parser_context["kwargs"] and not address.startswith(_OPEN):
        raise Http404


def _own(client: str, name: str, value: Any) -> Any:
    """What a field names, as customers of the sandbox client alone."""
    if isinstance(value, list):
        return [_own(client, name, one) for one in value]
    if isinstance(value, Named):
        return replace(value, value=f"{client} {value.value}", form=RAW)
    if isinstance(value, dict) and name == "interactions":
        return value | {"subject": f"{client} {value['subject']}"}
    return f"{client} {value}" if isinstance(value, str) and name in (*_NAMING, "identity") else value


def _make_up(named: Any) -> None:
    identities: list[Identity] = [one for one in (named if isinstance(named, list) else [named]) if one]
    for identity, subject in zip(identities, find_subjects(identities), strict=True):
        value = identity.value if isinstance(identity, Named) else identity
        if subject is not None or value.rpartition(" ")[2].startswith(_UNKNOWN):
            continue
        subject, _ = register_subject(value, [identity] if isinstance(identity, Named) else [], returning=True)
        record_consent(subject=subject, share_percent=_PERCENT, channel="sandbox", recorded_by="sandbox")
        items = [f"sandbox-item-{number}" for number in range(_INTERACTIONS)]
        table = InteractionTable([value] * _INTERACTIONS, items, [timezone.now()] * _INTERACTIONS, None)
        load_interactions(table, fleet=None)
