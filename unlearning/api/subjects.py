"""Customers: register, look up, and what is known of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from unlearning.api.base import ClientView, PageQuery, described, link, page, paged
from unlearning.api.fields import Identifier, IdentityField, Strict, Who
from unlearning.api.requests import PdfRenderer
from unlearning.consent import records
from unlearning.consent.models import ConsentEvent, ConsentState
from unlearning.lineage import tracing
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import find_subjects, register_subject
from unlearning.requests import opening
from unlearning.requests.access import subject_export, subject_pdf
from unlearning.requests.errors import UnknownSubjects
from unlearning.subject_page.links import token_for

_MAX_IDENTIFIERS = 20


class SubjectIn(Strict):
    """A customer."""

    identity = IdentityField()
    identifiers = serializers.ListField(
        child=Identifier(), max_length=_MAX_IDENTIFIERS, default=list,
        help_text="Others by which requests may name them; an e-mail address also counts by its hashes",
    )  # fmt: skip
    returning = serializers.BooleanField(default=False, help_text="They were erased, and have come back")


class LookupIn(Strict):
    """Whom to look for."""

    subject = Who()


class SubjectOut(serializers.ModelSerializer):
    """A customer as this service knows them: by an id of its own, never by an identity."""

    share_percent = serializers.SerializerMethodField()
    categories = serializers.SerializerMethodField()

    class Meta:
        model = Subject
        fields = ["id", "created_at", "share_percent", "categories"]

    def get_share_percent(self, subject: Subject) -> int:
        """What is in force; 0 before the first consent."""
        return subject.consent.share_percent if hasattr(subject, "consent") else 0

    @extend_schema_field(serializers.ListField(child=serializers.CharField(), allow_null=True))
    def get_categories(self, subject: Subject) -> list[str] | None:
        """Which it is limited to; null: every one."""
        return subject.consent.categories if hasattr(subject, "consent") else None


class ConsentEventOut(serializers.ModelSerializer):
    """One decision."""

    corrected = serializers.SerializerMethodField(help_text="It was recorded wrongly, and counts no longer")

    class Meta:
        model = ConsentEvent
        fields = [
            "id",
            "share_percent",
            "categories",
            "purposes",
            "legal_basis",
            "notice_version",
            "channel",
            "recorded_by",
            "effective_at",
            "recorded_at",
            "corrects",
            "corrected",
        ]

    def get_corrected(self, event: ConsentEvent) -> bool:
        """Whether another event corrects it."""
        return hasattr(event, "corrected_by")


class LinkOut(serializers.Serializer):
    """A link to the customer's own page."""

    url = serializers.URLField()
    expires_at = serializers.DateTimeField()


class ReachedOut(serializers.Serializer):
    """A version that learned from the data."""

    recommender = serializers.CharField()
    version = serializers.IntegerField()
    frozen_at = serializers.DateTimeField()
    interactions = serializers.IntegerField()
    serving = serializers.BooleanField()
    destroyed_at = serializers.DateTimeField(allow_null=True)
    carries = serializers.BooleanField(help_text="Whether the influence is still there")


class LeavingOut(serializers.Serializer):
    """A version that learned from data that was taken back, and that is not forgotten yet."""

    request = serializers.UUIDField()
    recommender = serializers.CharField()
    version = serializers.IntegerField()
    serving = serializers.BooleanField()
    destroyed_at = serializers.DateTimeField(allow_null=True)
    carries = serializers.BooleanField(help_text="Whether the influence is still there")


class ForwardOut(serializers.Serializer):
    """Where a customer's shared data went."""

    subject = serializers.UUIDField()
    shared = serializers.IntegerField()
    first_shared_at = serializers.DateTimeField(allow_null=True)
    last_shared_at = serializers.DateTimeField(allow_null=True)
    reached = ReachedOut(many=True)
    leaving = LeavingOut(many=True)
    carries = serializers.BooleanField()


class Subjects(ClientView):
    """Register a customer."""

    scopes = {"POST": "subjects:write"}

    @described(
        "register_subject",
        "subjects",
        {201: SubjectOut, 200: OpenApiResponse(SubjectOut, "Registered before; new identifiers were added")},
        writes=True,
        request=SubjectIn,
        examples=[
            OpenApiExample(
                "With an e-mail address",
                {"identity": "customer-17", "identifiers": [{"type": "email", "value": "ann@example.org"}]},
                request_only=True,
            )
        ],
    )
    def post(self, http: HttpRequest) -> Response:
        """The identity is kept as a keyed digest alone; the answer gives the id that this service uses."""

        def act(wanted: dict[str, Any]) -> Response:
            subject, new = register_subject(wanted["identity"], wanted["identifiers"], returning=wanted["returning"])
            headers = {"Location": f"/api/v1/subjects/{subject.pk}"}
            return Response(SubjectOut(subject).data, status=201 if new else 200, headers=headers)

        return self.write(SubjectIn, act)

    def subject_field(self, place: int) -> str:
        """See `ClientView.subject_field`."""
        return "identity"


class Lookup(ClientView):
    """Find a customer. By POST, so that no identity stands in an address, which servers log."""

    scopes = {"POST": "subjects:read"}

    @described("look_up_subject", "subjects", {200: SubjectOut}, writes=True, request=LookupIn)
    def post(self, http: HttpRequest) -> Response:
        """422 if nobody is known under it."""

        def act(wanted: dict[str, Any]) -> Response:
            (subject,) = find_subjects([wanted["subject"]])
            if subject is None:
                raise UnknownSubjects([0])
            return Response(SubjectOut(subject).data)

        return self.write(LookupIn, act)


class SubjectView(ClientView):
    """Something of one customer."""

    def one(self, subject_id: UUID) -> Subject:
        """The customer; 404 if unknown or erased."""
        try:
            return Subject.objects.get(pk=subject_id, erased_at=None)
        except Subject.DoesNotExist:
            raise Http404 from None


class OneSubject(SubjectView):
    """A customer."""

    scopes = {"GET": "subjects:read"}

    @described("get_subject", "subjects", {200: SubjectOut}, missing=True)
    def get(self, http: HttpRequest, subject_id: UUID) -> Response:
        """Their present choice."""
        return Response(SubjectOut(self.one(subject_id)).data)


class SubjectConsents(SubjectView):
    """A customer's decisions."""

    scopes = {"GET": "consents:read"}

    @described(
        "list_consents",
        "consents",
        {200: paged(ConsentEventOut(many=True), "ConsentEventPage")},
        missing=True,
        parameters=PageQuery.PARAMETERS,
    )
    def get(self, http: HttpRequest, subject_id: UUID) -> Response:
        """The latest first."""
        events = self.one(subject_id).consent_events.select_related("corrected_by")
        return page(http, self, events, ConsentEventOut, "-effective_at", "-id")


class ConsentRecord(SubjectView):
    """A customer's consent record."""

    scopes = {"GET": "consents:read"}

    @described("export_consent_record", "consents", {200: OpenApiTypes.OBJECT}, missing=True)
    def get(self, http: HttpRequest, subject_id: UUID) -> Response:
        """After ISO/IEC TS 27560, as JSON-LD with the W3C Data Privacy Vocabulary."""
        subject = self.one(subject_id)
        if not ConsentState.objects.filter(subject=subject).exists():
            raise Http404
        return Response(records.export(subject, settings.FEDSHARE_CONTROLLER))


class Link(SubjectView):
    """A link to the customer's own page."""

    scopes = {"POST": "consents:write"}

    @described("make_subject_link", "subjects", {201: LinkOut}, writes=True, missing=True, request=None, parameters=[])
    def post(self, http: HttpRequest, subject_id: UUID) -> Response:
        """Give it to the customer alone: whoever has it can see and change what is shared, until it expires."""
        subject = opening.standing(self.one(subject_id))
        expires_at = timezone.now() + timedelta(hours=settings.FEDSHARE_LINK_HOURS)
        answer = {"url": link(f"/me/{token_for(subject, self.client)}/"), "expires_at": expires_at}
        return Response(LinkOut(answer).data, status=201)


class SubjectLineage(SubjectView):
    """Where a customer's data went."""

    scopes = {"GET": "lineage:read"}

    @described("trace_subject", "lineage", {200: ForwardOut}, missing=True)
    def get(self, http: HttpRequest, subject_id: UUID) -> Response:
        """Which versions it reached, and whether its influence is still there."""
        return Response(ForwardOut(tracing.forward(self.one(subject_id))).data)


class SubjectExport(SubjectView):
    """Everything about one customer, for an access request (GDPR art. 15)."""

    scopes = {"GET": "lineage:read"}
    renderer_classes = (JSONRenderer, PdfRenderer)

    @described(
        "export_subject",
        "subjects",
        {(200, "application/json"): OpenApiTypes.OBJECT, (200, "application/pdf"): OpenApiTypes.BINARY},
        missing=True,
    )
    def get(self, http: HttpRequest, subject_id: UUID) -> Response | HttpResponse:
        """JSON, or a PDF for `Accept: application/pdf`."""
        subject = self.one(subject_id)
        if http.accepted_renderer.format == "pdf":
            return HttpResponse(subject_pdf(subject), content_type="application/pdf")
        return Response(subject_export(subject))
