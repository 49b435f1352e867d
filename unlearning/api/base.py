"""What all resources have in common: who asks, in which words a refusal comes, and pages of lists."""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as InvalidValue
from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from oauth2_provider.contrib.rest_framework import TokenHasScope
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response
from rest_framework.views import APIView

from unlearning.api import sandbox
from unlearning.api.fields import ProblemOut
from unlearning.api.idempotency import once
from unlearning.api.limits import ClientRate
from unlearning.api.problems import CONTENT_TYPE


def _problems(**says: str) -> dict[tuple[int, str], OpenApiResponse]:
    return {(int(code[1:]), CONTENT_TYPE): OpenApiResponse(ProblemOut, said) for code, said in says.items()}


PROBLEMS = _problems(
    _400="Malformed: `errors` names the fields",
    _401="No token, or one that has expired",
    _403="The token lacks the scope",
    _406="Another media type is asked for",
    _429="Too many requests: wait for `Retry-After` seconds",
)
WRITES = _problems(
    _409="It conflicts with an earlier request, or one that is under way",
    _413="More than 2 MB",
    _415="Not JSON",
    _422="It can't be carried out: `errors` names the fields",
)
MISSING = _problems(_404="Not there, or not this client's")
IDEMPOTENCY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again with the same body within a day, the first answer is given again and nothing is done twice",
)


def described(operation: str, tag: str, responses: dict, *, writes: bool = False, missing: bool = False, **more: Any):
    """`extend_schema` with the refusals that every operation of its sort has."""
    refusals = PROBLEMS | (WRITES if writes else {}) | (MISSING if missing else {})
    if writes:
        more.setdefault("parameters", [IDEMPOTENCY])
    return extend_schema(operation_id=operation, tags=[tag], responses=responses | refusals, **more)


class ClientView(APIView):
    """A resource for OAuth2 clients."""

    permission_classes = (TokenHasScope,)
    throttle_classes = (ClientRate,)
    http_method_names = ("get", "head", "post", "put", "delete")
    scopes: dict[str, str] = {}
    """The scope of each method."""

    @property
    def required_scopes(self) -> list[str]:
        """For `TokenHasScope`."""
        method = "GET" if self.request.method == "HEAD" else self.request.method
        return [self.scopes[method]] if method in self.scopes else []

    @property
    def client(self) -> str:
        """The client's id: the source of what it opens."""
        return self.request.auth.application.client_id

    def has_scope(self, scope: str) -> bool:
        """Whether the token has a scope beside the one that it needed."""
        return self.request.auth.is_valid([scope])

    def subject_field(self, place: int) -> str:
        """The field that named a subject, for a problem."""
        return "subject"

    def write(self, serializer: type, act: Callable[[dict[str, Any]], Response], *, keep: bool = True) -> Response:
        """Check the body, and act on it once for an `Idempotency-Key`; for a client of the sandbox, undo it.

        Args:
            keep: whether the answer may be stored to be given again; not if it holds a secret.
        """
        http = self.request
        wanted = validated(serializer, http.data)
        if sandbox.is_sandbox(self.client):
            return sandbox.play(self.client, http, wanted, lambda: act(wanted))
        if not keep:
            with transaction.atomic():
                return act(wanted)
        return once(self.client, http, getattr(http, "raw", b""), lambda: act(wanted))

    def handle_exception(self, error: Exception) -> Response:
        """See `APIView.handle_exception`."""
        if isinstance(error, sandbox.Recalled):
            return Response(error.answer, headers={"FedShare-Sandbox": "true"})
        return super().handle_exception(error)

    def initial(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """See `APIView.initial`."""
        super().initial(request, *args, **kwargs)
        if sandbox.is_sandbox(self.client):
            sandbox.recall(self.client, request, request.resolver_match.url_name)


_PAGE_SIZE = re.compile("[1-9][0-9]{0,3}")


class Pages(CursorPagination):
    """Pages by cursor, which stay right while rows are added."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"

    def __init__(self, *ordering: str):
        self.ordering = ordering

    def get_page_size(self, request: HttpRequest) -> int:
        """See `CursorPagination.get_page_size`."""
        asked = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not _PAGE_SIZE.fullmatch(asked) or int(asked) > self.max_page_size:
            raise ValidationError({"page_size": [f"Give 1 to {self.max_page_size}."]})
        return int(asked)

    def decode_cursor(self, request: HttpRequest) -> Any:
        """See `CursorPagination.decode_cursor`."""
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise ValidationError({"cursor": ["Take it from `next` or `previous`, as it is."]}) from None
        return cursor


class PageQuery:
    """Query parameters of every list."""

    PARAMETERS = [
        OpenApiParameter("cursor", str, description="From `next` or `previous`"),
        OpenApiParameter(
            "page_size", {"type": "integer", "minimum": 1, "maximum": 500}, description="At most; 50 if left out"
        ),
    ]


def paged(results: serializers.Field, name: str) -> serializers.Serializer:
    """The schema of a page."""
    return inline_serializer(
        name,
        {
            "next": serializers.CharField(allow_null=True, help_text="Address of the page after it"),
            "previous": serializers.CharField(allow_null=True, help_text="Address of the page before it"),
            "results": results,
        },
    )


def page(http: HttpRequest, view: ClientView, rows: Any, serializer: type, *ordering: str, **context: Any) -> Response:
    """One page of rows, with the addresses of those beside it."""
    pages = Pages(*ordering)
    try:
        found = pages.paginate_queryset(rows, http, view)
    except (ValueError, OverflowError, InvalidValue):
        raise ValidationError({"cursor": ["Take it from `next` or `previous`, as it is."]}) from None
    return pages.get_paginated_response(serializer(found, many=True, context=context).data)


def validated(serializer: type, data: Any) -> dict[str, Any]:
    """The checked body."""
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    return checked.validated_data


def query(serializer: type, http: HttpRequest) -> dict[str, Any]:
    """The checked query parameters; those of pages are not the serializer's."""
    given = {name: value for name, value in http.query_params.items() if name not in ("cursor", "page_size")}
    return validated(serializer, given)


class NothingHere(APIView):
    """Any other address: a problem, as everywhere."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, *args: Any, **kwargs: Any) -> None:
        """See `APIView.initial`."""
        raise Http404


def link(path: str) -> str:
    """An address of this service as others reach it."""
    return settings.FEDSHARE_PUBLIC_URL + path
