"""Lineage of versions."""

from django.conf import settings
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from models_engine.registry.models import ModelVersion
from unlearning.api.base import ClientView, PageQuery, described, page, paged
from unlearning.lineage import openlineage, tracing


class BackwardOut(serializers.Serializer):
    """What a version was trained on."""

    recommender = serializers.CharField()
    version = serializers.IntegerField()
    method = serializers.CharField()
    parent = serializers.IntegerField(allow_null=True)
    model = serializers.CharField(help_text="SHA-256")
    code = serializers.CharField(help_text="SHA-256")
    seed = serializers.IntegerField()
    frozen_at = serializers.DateTimeField()
    data_root = serializers.CharField(help_text="Salted Merkle root over its rows")
    subjects = serializers.IntegerField()
    pairs = serializers.IntegerField()
    still_shared = serializers.IntegerField(help_text="Interactions of its data that are shared now")
    first_shared_at = serializers.DateTimeField(allow_null=True)
    last_shared_at = serializers.DateTimeField(allow_null=True)
    notices = serializers.ListField(child=serializers.CharField())


class RunEventOut(serializers.BaseSerializer):
    """A version as an OpenLineage run event."""

    def to_representation(self, version: ModelVersion) -> dict:
        """The event."""
        return openlineage.event(version, settings.FEDSHARE_LOG_ORIGIN)


class VersionLineage(ClientView):
    """Where a version's data came from."""

    scopes = {"GET": "lineage:read"}

    @described("trace_version", "lineage", {200: BackwardOut}, missing=True)
    def get(self, http: HttpRequest, recommender: str, number: int) -> Response:
        """What it was trained on, and under which notices."""
        version = tracing.versions(recommender).filter(number=number).first()
        if version is None:
            raise Http404
        return Response(BackwardOut(tracing.backward(version)).data)


class RunEvents(ClientView):
    """Lineage as OpenLineage events."""

    scopes = {"GET": "lineage:read"}

    @described(
        "list_lineage_events",
        "lineage",
        {200: paged(serializers.ListField(child=serializers.DictField()), "RunEventPage")},
        parameters=PageQuery.PARAMETERS,
    )
    def get(self, http: HttpRequest) -> Response:
        """One for each version that was made, the latest first."""
        return page(http, self, tracing.versions(), RunEventOut, "-pk")
