"""The end of a session that nobody uses, and of one that is a working day old (OWASP ASVS 3.3.2)."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

_KEY, _BEGAN = "last_click", "began"
_GRANULARITY = 60
"""Seconds: a session is not written at every click."""


class SessionLimits:
    """Signs out whoever did not click for `FEDSHARE_IDLE_MINUTES`, and everybody after `SESSION_COOKIE_AGE`.

    What a page fetches by itself is no click.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self._get_response = get_response

    def __call__(self, http: HttpRequest) -> HttpResponse:
        if http.user.is_authenticated:
            now = time.time()
            last = http.session.get(_KEY, now)
            idle = now - last > settings.FEDSHARE_IDLE_MINUTES * 60
            if idle or now - http.session.setdefault(_BEGAN, now) > settings.SESSION_COOKIE_AGE:
                logout(http)
            elif _is_a_click(http) and (now - last > _GRANULARITY or _KEY not in http.session):
                http.session[_KEY] = now
        return self._get_response(http)


def _is_a_click(http: HttpRequest) -> bool:
    return "HX-Request" not in http.headers
