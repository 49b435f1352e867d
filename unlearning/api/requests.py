"""Requests: open, list, follow, act upon, and download their evidence."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.files.storage import storages
from django.db.models import Count, Q, QuerySet
from django.http import FileResponse, Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation.trans_real import parse_accept_lang_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from unlearning.api import sandbox
from unlearning.api.base import ClientView, PageQuery, described, page, paged, query
from unlearning.api.fields import Choice, ExternalId, Moment, Strict, Who
from unlearning.consent.models import ConsentState
from unlearning.jobs.models import Job
from unlearning.requests import deciding, together
from unlearning.requests.deciding import Decision, Part
from unlearning.requests.errors import IdTaken
from unlearning.requests.grounds import Ground
from unlearning.requests.models import Duplicate, Request, RequestEvent
from unlearning.requests.states import State
from unlearning.requests.submissions import Submission

_MAX_SUBJECTS = 1000
_MAX_ITEMS = 1000
_LONGEST_AGO = timedelta(days=366)
_CHANNEL = "request"


class DatesIn(Strict):
    """A span of time."""

    since = Moment(help_text="The first moment")
    until = serializers.DateTimeField(help_text="The first moment after it")

    def validate(self, span: dict[str, Any]) -> dict[str, Any]:
        """It ends after it begins."""
        if span["until"] <= span["since"]:
            raise serializers.ValidationError({"until": "Give a moment after `since`."})
        return span


class ScopeIn(Strict):
    """Which data an unshare request takes back: one of these; left out, all of it."""

    share_percent = serializers.IntegerField(min_value=0, max_value=100, required=False, help_text="Keep this much")
    items = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=_MAX_ITEMS, required=False
    )
    categories = serializers.ListField(
        child=serializers.CharField(max_length=100), min_length=1, max_length=_MAX_ITEMS, required=False,
        help_text="Take these back; the others stay",
    )  # fmt: skip
    dates = DatesIn(required=False)

    def validate(self, scope: dict[str, Any]) -> dict[str, Any]:
        """One at a time."""
        if len(scope) > 1:
            raise serializers.ValidationError("Give one of share_percent, items, categories, dates.")
        return scope


class RequestIn(Strict):
    """A request of one or more customers."""

    kind = Choice(choices=Request.Kind.choices, help_text="`erase`: gone everywhere. `unshare`: back to the device")
    subjects = serializers.ListField(child=Who(), min_length=1, max_length=_MAX_SUBJECTS)
    scope = ScopeIn(required=False, help_text="Of an unshare request, which concerns one customer")
    regime = Choice(choices=Request.Regime.choices, default=Request.Regime.GDPR)
    identity_verified = serializers.BooleanField(
        default=True, help_text="false: it waits until `verify-identity` (GDPR art. 12(6))"
    )
    external_id = ExternalId()
    received_at = Moment(
        required=False, help_text="When the customer asked you, if not just now: the period of the law runs from then"
    )

    def validate_received_at(self, moment: datetime) -> datetime:
        """No period of the law is as long."""
        if moment < timezone.now() - _LONGEST_AGO:
            raise serializers.ValidationError("This moment lies more than a year ago.")
        return moment

    def validate_subjects(self, subjects: list[Any]) -> list[Any]:
        """Each subject once."""
        if len(set(subjects)) != len(subjects):
            raise serializers.ValidationError("A subject stands twice: name each once.")
        return subjects

    def validate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """An erasure takes everything; an unshare request is one customer's."""
        if wanted["kind"] == Request.Kind.ERASE and wanted.get("scope"):
            raise serializers.ValidationError({"scope": "An erasure takes everything: leave it out, or unshare."})
        if wanted["kind"] == Request.Kind.UNSHARE:
            if len(wanted["subjects"]) > 1:
                raise serializers.ValidationError({"subjects": "Unsharing concerns one customer: name one."})
            if not wanted["identity_verified"]:
                raise serializers.ValidationError(
                    {"identity_verified": "A withdrawal needs no proof of identity beyond yours: leave it out."}
                )
        return wanted


class RequestsQuery(Strict):
    """Filters of the list."""

    state = Choice(choices=State.choices, required=False)
    kind = Choice(choices=Request.Kind.choices, required=False)
    regime = Choice(choices=Request.Regime.choices, required=False)
    external_id = serializers.CharField(max_length=100, required=False)
    received_from = serializers.DateTimeField(required=False, help_text="Received then or later")
    received_before = serializers.DateTimeField(required=False)


class JobOut(serializers.Serializer):
    """How far the work on a request is."""

    id = serializers.UUIDField()
    state = Choice(choices=Job.State.choices)
    phase = serializers.CharField()
    progress = serializers.FloatField(help_text="Of the phase, 0 to 1")
    trouble = serializers.CharField(help_text="Why the last attempt failed; empty if none did")
    estimated_seconds = serializers.FloatField(allow_null=True, help_text="Expected when it was planned")
    seconds = serializers.FloatField(help_text="That the phases of the last attempt took so far")


class EventOut(serializers.ModelSerializer):
    """Something that happened beside the request's way."""

    by = serializers.SerializerMethodField(help_text="You; empty where it was somebody else, who may be an officer")
    reason = serializers.SerializerMethodField(help_text="Yours; empty where it is another's own note")

    class Meta:
        model = RequestEvent
        fields = ["action", "at", "by", "reason"]

    def get_by(self, event: RequestEvent) -> str:
        """Names of officers and of other senders are for the controller's own systems."""
        return event.by if self._may_know(event) else ""

    def get_reason(self, event: RequestEvent) -> str:
        """The same for what they noted."""
        return event.reason if self._may_know(event) else ""

    def _may_know(self, event: RequestEvent) -> bool:
        return self.context["manages"] or event.by == self.context["client"]


class RequestOut(serializers.ModelSerializer):
    """A request and its state."""

    external_id = serializers.SerializerMethodField(help_text="Your id of it")
    job = serializers.SerializerMethodField()
    subjects = serializers.SerializerMethodField(help_text="How many subjects it concerns")
    evidence = serializers.SerializerMethodField(help_text="Address of the signed PDF, once it is there")
    denial = serializers.SerializerMethodField(help_text="Ground of a refusal")

    class Meta:
        model = Request
        fields = [
            "id",
            "external_id",
            "kind",
            "scope",
            "regime",
            "manner",
            "state",
            "conclusion",
            "subjects",
            "share_percent_before",
            "share_percent_after",
            "received_at",
            "due_at",
            "extended_at",
            "extension_reason",
            "rows_removed",
            "rows_removed_at",
            "completed_at",
            "closed_at",
            "denial",
            "job",
            "evidence",
        ]

    def get_external_id(self, request: Request) -> str:
        """That of the asking client, whose submission may have been merged into another's."""
        client = self.context.get("client")
        if self.context.get("external_id"):
            return self.context["external_id"]
        if request.source == client:
            return request.external_id
        merged = [one.external_id for one in request.duplicates.all() if one.source == client]
        return merged[0] if merged else request.external_id

    @extend_schema_field(JobOut(allow_null=True))
    def get_job(self, request: Request) -> Any:
        """Progress, or nothing before planning."""
        return JobOut(request.job).data if request.job else None

    def get_subjects(self, request: Request) -> int:
        """Their number."""
        return request.subjects.count() if request.subject_count is None else request.subject_count

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_evidence(self, request: Request) -> str | None:
        """The address."""
        return reverse("api:evidence", args=[request.pk]) if request.evidence and request.evidence.report() else None

    @extend_schema_field(Choice(choices=Ground.choices, allow_null=True))
    def get_denial(self, request: Request) -> str | None:
        """The code."""
        return request.denial or None


_ERASURE = OpenApiExample(
    "An erasure",
    {"kind": "erase", "subjects": ["customer-17"], "external_id": "ticket-4711"},
    request_only=True,
)
_UNSHARING = OpenApiExample(
    "Some items",
    {
        "kind": "unshare",
        "subjects": [{"type": "email", "value": "ann@example.org"}],
        "scope": {"items": ["sku-9"]},
        "external_id": "ticket-4712",
    },
    request_only=True,
)


class RequestView(ClientView):
    """A request that this client may see: its own, or any with `requests:manage`."""

    def visible(self) -> QuerySet[Request]:
        """Those that it may see."""
        if sandbox.is_sandbox(self.client):
            return Request.objects.none()
        found = Request.objects.select_related("job", "evidence").prefetch_related("duplicates", "evidence__reports")
        if self.has_scope("requests:manage"):
            return found
        merged = Duplicate.objects.filter(source=self.client).values("request")
        return found.filter(Q(source=self.client) | Q(pk__in=merged))

    def one(self, request_id: UUID) -> Request:
        """One of them; 404 for any other."""
        try:
            return self.visible().get(pk=request_id)
        except Request.DoesNotExist:
            raise Http404 from None

    def subject_field(self, place: int) -> str:
        """See `ClientView.subject_field`."""
        return f"subjects[{place}]"

    def shown(self, request: Request, external_id: str | None = None) -> dict[str, Any]:
        """As the client sees it, under the id that it was sent with just now."""
        return RequestOut(request, context={"client": self.client, "external_id": external_id}).data

    def accepted(self, request: Request | None, new: bool) -> Response:
        """202 with the address, or 200 for what was there before, or for nothing to do."""
        if request is None:
            return Response({"request": None})
        headers = {"Location": f"/api/v1/requests/{request.pk}"}
        shown = self.shown(request, self.request.data["external_id"])
        return Response(shown, status=202 if new else 200, headers=headers)


class Requests(RequestView):
    """Open a request, or list them."""

    scopes = {"GET": "requests:read", "POST": "requests:write"}

    @described(
        "open_request",
        "requests",
        {202: RequestOut, 200: OpenApiResponse(RequestOut, "Opened before, or nothing of it is shared")},
        writes=True,
        request=RequestIn,
        examples=[_ERASURE, _UNSHARING],
    )
    def post(self, http: HttpRequest) -> Response:
        """The rows leave the live tables before the answer; the models follow."""
        return self.write(RequestIn, self._open)

    @described(
        "list_requests",
        "requests",
        {200: paged(RequestOut(many=True), "RequestPage")},
        parameters=[RequestsQuery, *PageQuery.PARAMETERS],
    )
    def get(self, http: HttpRequest) -> Response:
        """The latest first."""
        wanted = query(RequestsQuery, http)
        found = self.visible().annotate(subject_count=Count("subjects"))
        number = wanted.pop("external_id", None)
        if number is not None:
            merged = Duplicate.objects.filter(source=self.client, external_id=number).values("request")
            found = found.filter(Q(external_id=number) | Q(pk__in=merged))
        names = {"received_from": "received_at__gte", "received_before": "received_at__lt"}
        found = found.filter(**{names.get(name, name): value for name, value in wanted.items()})
        return page(http, self, found, RequestOut, "-received_at", "id", client=self.client, external_id=number)

    def _open(self, wanted: dict[str, Any]) -> Response:
        received_at = min(wanted.get("received_at", timezone.now()), timezone.now())
        submission = Submission(self.client, wanted["external_id"], wanted["regime"], received_at=received_at)
        if wanted["kind"] == Request.Kind.ERASE:
            verified = wanted["identity_verified"]
            request, new = together.erase(wanted["subjects"], submission, identity_verified=verified)
            if verified and request.state == State.IDENTITY_PENDING:  # the same id says less than it did before
                raise IdTaken
            return self.accepted(request, new)
        (who,) = wanted["subjects"]
        scope = wanted.get("scope") or {"share_percent": 0}
        if "items" in scope:
            return self.accepted(*deciding.take_back(who, Part(items=scope["items"]), submission))
        if "dates" in scope:
            return self.accepted(*deciding.take_back(who, Part(**scope["dates"]), submission))
        return self.accepted(*deciding.decide(who, lambda state: self._narrowed(state, scope), submission))

    def _narrowed(self, state: ConsentState | None, scope: dict[str, Any]) -> Decision:
        """The decision in force, less what the scope takes back."""
        percent, categories = (state.share_percent, state.categories) if state else (0, None)
        if "share_percent" in scope:
            return Decision(min(percent, scope["share_percent"]), _CHANNEL, categories)
        return Decision(percent, _CHANNEL, deciding.categories_without(categories, scope["categories"]))


class OneRequest(RequestView):
    """Follow a request."""

    scopes = {"GET": "requests:read"}

    @described("follow_request", "requests", {200: RequestOut}, missing=True)
    def get(self, http: HttpRequest, request_id: UUID) -> Response:
        """State, progress and, in the end, where the evidence is."""
        return Response(self.shown(self.one(request_id)))


class Events(RequestView):
    """What happened to a request beside its way."""

    scopes = {"GET": "requests:read"}

    @described("list_request_events", "requests", {200: EventOut(many=True)}, missing=True)
    def get(self, http: HttpRequest, request_id: UUID) -> Response:
        """In order."""
        knowing = {"client": self.client, "manages": self.has_scope("requests:manage")}
        return Response(EventOut(self.one(request_id).events.all(), many=True, context=knowing).data)


class PdfRenderer(BaseRenderer):
    """Lets a client ask for `application/pdf`; the file itself is streamed past it."""

    media_type = "application/pdf"
    format = "pdf"
    render_style = "binary"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        """A problem, as JSON: there is no PDF of it."""
        return JSONRenderer().render(data)


class Evidence(RequestView):
    """Download the evidence of a completed request."""

    scopes = {"GET": "requests:read"}
    renderer_classes = (JSONRenderer, PdfRenderer)

    @described(
        "download_evidence",
        "requests",
        {(200, "application/pdf"): OpenApiTypes.BINARY},
        missing=True,
        parameters=[OpenApiParameter("Accept-Language", str, OpenApiParameter.HEADER)],
    )
    def get(self, http: HttpRequest, request_id: UUID) -> FileResponse:
        """The signed PDF, in the language that `Accept-Language` asks for, where it was written in it."""
        asked = parse_accept_lang_header(http.headers.get("Accept-Language", ""))
        return pdf_response(self.one(request_id), [language for language, _ in asked])


def pdf_response(request: Request, languages: list[str]) -> FileResponse:
    """The request's signed PDF as a download, in the first of some languages that there is; 404 while there is none."""
    report = request.evidence and request.evidence.report(languages)
    if report is None:
        raise Http404
    return FileResponse(
        storages["reports"].open(report.name),
        as_attachment=True,
        filename=f"fedshare-{request.kind}-{request.pk}-{report.language}.pdf",
        content_type="application/pdf",
    )
