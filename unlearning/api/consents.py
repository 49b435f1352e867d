"""What customers chose to share."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from unlearning.api.base import ClientView, described
from unlearning.api.fields import Choice, ExternalId, Moment, Strict, Who
from unlearning.api.requests import RequestOut
from unlearning.consent import records
from unlearning.consent.models import ConsentEvent, ConsentState
from unlearning.consent.services import DEFAULT_NOTICE, PURPOSE
from unlearning.requests import deciding
from unlearning.requests.deciding import Decision
from unlearning.requests.errors import BadField
from unlearning.requests.models import Request
from unlearning.requests.submissions import Submission


class ConsentIn(Strict):
    """A customer's choice."""

    subject = Who()
    share_percent = serializers.IntegerField(min_value=0, max_value=100, help_text="The slider, in percent")
    categories = serializers.ListField(
        child=serializers.CharField(max_length=100, allow_blank=True), max_length=1000, allow_null=True, default=None,
        help_text="Limit it to these categories of items; left out: every one",
    )  # fmt: skip
    purposes = serializers.ListField(
        child=serializers.CharField(max_length=60), min_length=1, max_length=50, default=lambda: [PURPOSE],
        help_text="It speaks of these alone; left out: of recommendations",
    )  # fmt: skip
    notice_version = serializers.CharField(max_length=40, default=DEFAULT_NOTICE, help_text="The notice that was shown")
    effective_at = Moment(required=False, help_text="When they chose it, if that was earlier")
    corrects = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, help_text="Id of an event that was recorded wrongly"
    )
    channel = serializers.CharField(max_length=40, default="crm")
    regime = Choice(choices=Request.Regime.choices, default=Request.Regime.GDPR)
    external_id = ExternalId()


class RecordIn(Strict):
    """A consent record of another system."""

    subject = Who()
    record = serializers.DictField(help_text="ISO/IEC TS 27560 as JSON-LD with the W3C Data Privacy Vocabulary")
    regime = Choice(choices=Request.Regime.choices, default=Request.Regime.GDPR)


class ConsentOut(serializers.Serializer):
    """What a decision led to."""

    event = serializers.IntegerField(help_text="Its id, for a correction")
    share_percent = serializers.IntegerField(help_text="What is in force now")
    request = RequestOut(allow_null=True, help_text="The unshare request that it opened, if it uncovered anything")


class ImportedOut(serializers.Serializer):
    """What came of a record."""

    recorded = serializers.IntegerField(help_text="Events that are new here")
    known = serializers.IntegerField(help_text="Events that were here before")
    request = RequestOut(allow_null=True)


class Consents(ClientView):
    """Record what a customer chose."""

    scopes = {"POST": "consents:write"}

    @described(
        "record_consent",
        "consents",
        {
            202: OpenApiResponse(ConsentOut, "Something is no longer covered: an unshare request was opened"),
            200: OpenApiResponse(ConsentOut, "Recorded, or known before: nothing had to be unshared"),
        },
        writes=True,
        request=ConsentIn,
        examples=[
            OpenApiExample(
                "A slider moved",
                {"subject": "customer-17", "share_percent": 20, "external_id": "slider-98"},
                request_only=True,
            )
        ],
    )
    def post(self, http: HttpRequest) -> Response:
        """Raising shares more from now on. Lowering unshares exactly what is no longer covered."""
        return self.write(ConsentIn, self._decide)

    def _decide(self, wanted: dict[str, Any]) -> Response:
        decision = Decision(
            share_percent=wanted["share_percent"],
            channel=wanted["channel"],
            categories=wanted["categories"],
            notice_version=wanted["notice_version"],
            purposes=wanted["purposes"],
            effective_at=wanted.get("effective_at"),
            corrects=wanted.get("corrects"),
        )
        submission = Submission(self.client, wanted["external_id"], wanted["regime"])
        request, new = deciding.decide(wanted["subject"], decision, submission)
        event = ConsentEvent.objects.get(recorded_by=self.client, external_id=wanted["external_id"])
        state = ConsentState.objects.filter(subject=event.subject_id).first()
        shown = {"event": event.pk, "share_percent": state.share_percent if state else 0, "request": request}
        return Response(ConsentOut(shown, context={"client": self.client}).data, status=202 if new and request else 200)


class ConsentRecords(ClientView):
    """Import a consent record."""

    scopes = {"POST": "consents:write"}

    @described(
        "import_consent_record",
        "consents",
        {200: ImportedOut},
        writes=True,
        request=RecordIn,
        examples=[
            OpenApiExample(
                "One event",
                {
                    "subject": "customer-17",
                    "record": {
                        "@type": "dpv:ConsentRecord",
                        "dpv:hasConsentStatus": [
                            {
                                "@type": "dpv:ConsentGiven",
                                "dct:identifier": "42",
                                "dct:date": "2026-01-31T12:00:00+00:00",
                                "fedshare:sharePercent": 80,
                            }
                        ],
                    },
                },
                request_only=True,
            )
        ],
    )
    def post(self, http: HttpRequest) -> Response:
        """Every event once; what the decision then in force no longer covers is unshared."""

        def act(wanted: dict[str, Any]) -> Response:
            try:
                decisions = records.read(wanted["record"])
            except records.BadRecord as bad:
                field, _, remedy = str(bad).partition(": ")
                raise BadField(f"record.{field}", remedy) from None
            found = deciding.decide_all(wanted["subject"], decisions, self.client, wanted["regime"])
            return Response(ImportedOut(found, context={"client": self.client}).data)

        return self.write(RecordIn, act)
