"""Endpoints of `/api/v1`. A client sees the requests that it opened, and no others."""

from typing import Any
from uuid import UUID

from django.core.files.storage import storages
from django.http import FileResponse, Http404
from django.utils.translation.trans_real import parse_accept_lang_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response
from rest_framework.views import APIView

from unlearning.api.problems import Conflict, Unprocessable
from unlearning.api.serializers import ConsentIn, ConsentOut, ErasureIn, ProblemOut, RequestOut
from unlearning.requests import services
from unlearning.requests.models import Request

_PROBLEMS = {400: ProblemOut, 401: ProblemOut, 403: ProblemOut}
_UNKNOWN = "Not known here, or erased already: check the id, or leave it out."


class PdfRenderer(BaseRenderer):
    """Lets a client ask for `application/pdf`; the file itself is streamed past it."""

    media_type = "application/pdf"
    format = "pdf"
    render_style = "binary"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        """A problem, as JSON: there is no PDF of it."""
        return JSONRenderer().render(data)


class ClientView(APIView):
    """A view for OAuth2 clients."""

    permission_classes = (TokenHasScope,)

    @property
    def client(self) -> str:
        """The client's id: the source of what it opens."""
        return self.request.auth.application.client_id

    def own_request(self, request_id: UUID) -> Request:
        """A request of this client; 404 for anybody else's."""
        try:
            return Request.objects.select_related("job", "evidence").get(pk=request_id, source=self.client)
        except Request.DoesNotExist:
            raise Http404 from None


class RequestsView(ClientView):
    """Open an erasure."""

    required_scopes = ("requests:write",)

    @extend_schema(
        operation_id="open_erasure",
        request=ErasureIn,
        responses={202: RequestOut, 200: OpenApiResponse(RequestOut, "Opened before"), 409: ProblemOut, 422: ProblemOut}
        | _PROBLEMS,
    )
    def post(self, http: HttpRequest) -> Response:
        """The rows leave the live tables before the answer; the models follow."""
        wanted = _validated(ErasureIn, http)
        try:
            request, new = services.erase(
                identities=wanted["subjects"],
                regime=wanted["regime"],
                source=self.client,
                external_id=wanted["external_id"],
            )
        except services.UnknownSubjects as unknown:
            raise Unprocessable({f"subjects[{place}]": _UNKNOWN for place in unknown.places}) from None
        except services.IdTaken:
            raise Conflict from None
        return _accepted(request) if new else _found(request)


class RequestView(ClientView):
    """Follow a request."""

    required_scopes = ("requests:read",)

    @extend_schema(operation_id="follow_request", responses={200: RequestOut, 404: ProblemOut} | _PROBLEMS)
    def get(self, http: HttpRequest, request_id: UUID) -> Response:
        """State, progress and, in the end, where the evidence is."""
        return Response(RequestOut(self.own_request(request_id)).data)


class EvidenceView(ClientView):
    """Download the evidence of a completed request."""

    required_scopes = ("requests:read",)
    renderer_classes = (JSONRenderer, PdfRenderer)

    @extend_schema(
        operation_id="download_evidence",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, 404: ProblemOut} | _PROBLEMS,
    )
    def get(self, http: HttpRequest, request_id: UUID) -> FileResponse:
        """The signed PDF, in the language that `Accept-Language` asks for, where it was written in it."""
        asked = parse_accept_lang_header(http.headers.get("Accept-Language", ""))
        return pdf_response(self.own_request(request_id), [language for language, _ in asked])


class ConsentsView(ClientView):
    """Record what a customer chose to share."""

    required_scopes = ("consents:write",)

    @extend_schema(
        operation_id="move_slider",
        request=ConsentIn,
        responses={
            202: OpenApiResponse(ConsentOut, "Lowered: an unshare request was opened"),
            200: OpenApiResponse(ConsentOut, "Recorded: nothing had to be unshared"),
            409: ProblemOut,
            422: ProblemOut,
        }
        | _PROBLEMS,
    )
    def post(self, http: HttpRequest) -> Response:
        """Raising shares more from now on. Lowering unshares exactly what is no longer covered."""
        wanted = _validated(ConsentIn, http)
        try:
            request, new = services.move_slider(
                identity=wanted["subject"],
                share_percent=wanted["share_percent"],
                regime=wanted["regime"],
                channel=wanted["channel"],
                source=self.client,
                external_id=wanted["external_id"],
            )
        except services.UnknownSubjects:
            raise Unprocessable({"subject": _UNKNOWN}) from None
        except services.IdTaken:
            raise Conflict from None
        status = 202 if new and request else 200
        body = ConsentOut({"share_percent": wanted["share_percent"], "request": request}).data
        return Response(body, status=status)


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


def _validated(serializer: type, http: HttpRequest) -> dict:
    checked = serializer(data=http.data)
    checked.is_valid(raise_exception=True)
    return checked.validated_data


def _accepted(request: Request) -> Response:
    body = RequestOut(request).data
    return Response(body, status=202, headers={"Location": f"/api/v1/requests/{request.pk}"})


def _found(request: Request) -> Response:
    return Response(RequestOut(request).data)
