"""Text that no database can hold."""

from collections.abc import Callable
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

from fedshare_site.errors import is_api
from unlearning.api.problems import problem

_SAID = "A NUL character can't be stored: leave it out."
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class NoNul:
    """Answers 400 where an address or a form holds a NUL character, which PostgreSQL has no place for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self._get_response = get_response

    def __call__(self, http: HttpRequest) -> HttpResponse:
        if not _holds_nul(http):
            return self._get_response(http)
        if not is_api(http):
            return HttpResponseBadRequest(_SAID, content_type="text/plain")
        return problem(400, _SAID)


def _holds_nul(http: HttpRequest) -> bool:
    if "\0" in http.path or "\0" in unquote(http.META.get("QUERY_STRING", "")):
        return True
    is_form = http.method == "POST" and http.content_type in _FORMS
    return is_form and any("\0" in value for _name, values in http.POST.lists() for value in values)
