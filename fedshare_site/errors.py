"""What is answered where something fails that nobody foresaw."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from unlearning.api.problems import problem

_API = "/api/"
_SAID = "Whether it was done can't be told: send the same again, under the same id. The operator's log has the cause."


def is_api(http: HttpRequest) -> bool:
    """Whether the API's clients asked, who read problems in JSON."""
    return http.path.startswith(_API)


def server_error(http: HttpRequest) -> HttpResponse:
    """A problem for the API's clients (RFC 9457), a page for people."""
    return problem(500, _SAID) if is_api(http) else defaults.server_error(http)
