"""Interactions, in batches."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from unlearning.api import sandbox
from unlearning.api.base import ClientView, described
from unlearning.api.fields import IdentityField, Moment, Strict
from unlearning.jobs.devices import simulated_fleet
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.requests.taking_in import take_in

_MAX_ROWS = 1000


class InteractionIn(Strict):
    """Somebody did something with an item."""

    subject = IdentityField()
    item = serializers.CharField(max_length=200)
    time = Moment()
    category = serializers.CharField(max_length=100, required=False, allow_blank=True, help_text="Of the item")


class BatchIn(Strict):
    """Some interactions."""

    interactions = InteractionIn(many=True, min_length=1, max_length=_MAX_ROWS)


class BatchOut(serializers.Serializer):
    """What came of them."""

    rows = serializers.IntegerField()
    stored = serializers.IntegerField(help_text="New here")
    known = serializers.IntegerField(help_text="Here before")
    not_covered = serializers.IntegerField(help_text="Consent does not cover them: not stored")
    suppressed = serializers.IntegerField(help_text="Of customers who were erased: not stored")


class Interactions(ClientView):
    """Store interactions."""

    scopes = {"POST": "interactions:write"}

    @described(
        "store_interactions",
        "interactions",
        {200: BatchOut},
        writes=True,
        request=BatchIn,
        examples=[
            OpenApiExample(
                "One",
                {
                    "interactions": [
                        {"subject": "customer-17", "item": "sku-9", "time": "2026-01-31T12:00:00Z", "category": "toys"}
                    ]
                },
                request_only=True,
            )
        ],
    )
    def post(self, http: HttpRequest) -> Response:
        """What consent covers, and nothing else; a customer without consent shares nothing. All of them or none."""

        def act(wanted: dict[str, Any]) -> Response:
            rows = wanted["interactions"]
            table = InteractionTable(
                [row["subject"] for row in rows],
                [row["item"] for row in rows],
                [row["time"] for row in rows],
                None,
                [row.get("category") for row in rows],
            )
            # What devices hold lies in a file, which no rollback undoes.
            simulated = settings.FEDSHARE_SIMULATE_DEVICES and not sandbox.is_sandbox(self.client)
            fleet = simulated_fleet() if simulated else None
            return Response(BatchOut(take_in(table, self.client, fleet=fleet)[0]).data)

        return self.write(BatchIn, act)
