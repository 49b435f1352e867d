"""Errors over HTTP as problem details (RFC 9457). They name the field, and never repeat its value."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from unlearning.api.parsers import TooLarge
from unlearning.lineage.subjects import Leaving, Suppressed, Taken
from unlearning.requests.errors import BadField, IdTaken, NotAllowed, UnknownSubjects
from unlearning.webhooks.addresses import Forbidden

CONTENT_TYPE = "application/problem+json"

_TITLES = {
    400: "The request is malformed",
    401: "Authentication is needed",
    403: "This client may not do that",
    404: "There is no such thing here",
    405: "This method is not available here",
    406: "This media type can't be produced",
    409: "The request conflicts with an earlier one",
    413: "The body is too large",
    415: "The body is not of a supported media type",
    422: "The request can't be carried out as it stands",
    429: "Too many requests",
    500: "Something went wrong here",
}
_UNKNOWN = "Not known here, or erased already: check the id, or leave it out."
_ID_TAKEN = "external_id: used before for something else. Give every request and change an id of its own."
_SUPPRESSED = "Erased here, and not to come back by itself: say `returning` if the customer has come back."
_LEAVING = "Being erased just now: once that request has ended, say `returning` if the customer has come back."
_TAKEN = "Another customer is registered under this identifier: an identifier belongs to one."


class Conflict(exceptions.APIException):
    """409: something earlier stands in the way."""

    status_code = 409

    def __init__(self, detail: str, retry_after: int | None = None):
        super().__init__(detail)
        self.wait = retry_after


class Unprocessable(exceptions.APIException):
    """422 with the fields at fault: `{"field": "what is wrong and what to do"}`."""

    status_code = 422

    def __init__(self, errors: dict[str, str]):
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def problem(status: int, detail: str) -> JsonResponse:
    """An error outside of REST framework, in the same form."""
    content = {"type": "about:blank", "title": _TITLES[status], "status": status, "detail": detail}
    return JsonResponse(content, status=status, content_type=CONTENT_TYPE)


def as_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler."""
    error = _over_http(error, context["view"])
    response = exception_handler(error, context)
    if response is None:
        return None
    status = response.status_code
    problem: dict[str, Any] = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status}
    match error:
        case Unprocessable():
            problem["errors"] = [{"field": field, "detail": detail} for field, detail in error.errors.items()]
        case exceptions.ValidationError():
            problem["errors"] = list(_flatten(error.detail))
        case Http404() | PermissionDenied():
            pass
        case exceptions.APIException():
            problem["detail"] = str(error.detail)
    response.data = problem
    response.content_type = CONTENT_TYPE
    return response


def _over_http(error: Exception, view: Any) -> Exception:
    """What the domain refuses, as an answer. `view.subject_field` names the field of a subject by its place."""
    match error:
        case UnknownSubjects():
            return Unprocessable({view.subject_field(place): _UNKNOWN for place in error.places})
        case Taken():
            return Unprocessable({f"identifiers[{error.place}]": _TAKEN})
        case Leaving():
            return Unprocessable({view.subject_field(0): _LEAVING})
        case Suppressed():
            return Unprocessable({view.subject_field(0): _SUPPRESSED})
        case Forbidden():
            return Unprocessable({"url": f"{str(error)[0].upper()}{str(error)[1:]}."})
        case BadField():
            return Unprocessable({error.field: f"{error.remedy[0].upper()}{error.remedy[1:]}."})
        case IdTaken():
            return Conflict(_ID_TAKEN)
        case NotAllowed():
            return Conflict(f"{str(error)[0].upper()}{str(error)[1:]}.")
        case RequestDataTooBig():
            return TooLarge(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        case SuspiciousOperation():
            return exceptions.ParseError("The request is malformed.")
    return error


def _flatten(detail: Any, field: str = "") -> Iterator[dict[str, str]]:
    """One entry for each field at fault: `subjects[1]`, `regime`, or `body` for the whole."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            if isinstance(name, int):
                yield from _flatten(inner, f"{field}[{name}]")
            elif name == api_settings.NON_FIELD_ERRORS_KEY:
                yield from _flatten(inner, field)
            else:
                yield from _flatten(inner, f"{field}.{name}".strip("."))
    elif isinstance(detail, list) and any(isinstance(inner, dict) for inner in detail):
        for place, inner in enumerate(detail):
            yield from _flatten(inner, f"{field}[{place}]")
    else:
        messages = detail if isinstance(detail, list) else [detail]
        yield {"field": field or "body", "detail": " ".join(str(message) for message in messages)}
