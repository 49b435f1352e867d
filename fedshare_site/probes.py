"""Health and metrics, for who asks from beside: by an address, over plain HTTP, whatever the site's name is."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import resolve

_PATHS = {"/health/live", "/health/ready", "/metrics"}


class Probes:
    """Answers before hosts are checked and HTTPS is asked for: orchestrators know a pod by its address alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self._get_response = get_response

    def __call__(self, http: HttpRequest) -> HttpResponse:
        """The view's answer at once where it is one of these; else what comes of the rest."""
        if http.path_info not in _PATHS:
            return self._get_response(http)
        http.resolver_match = found = resolve(http.path_info)  # by which spans are named
        try:
            return found.func(http, *found.args, **found.kwargs)
        except Http404:
            return HttpResponseNotFound()
