"""How much one client may send."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

WINDOW_SECONDS = 10


class ClientRate(BaseThrottle):
    """So many requests of a client in each window, counted in the cache; the answer says how long to wait."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """See `BaseThrottle.allow_request`."""
        if not settings.FEDSHARE_RATE or request.auth is None:
            return True
        window = int(time.time()) // WINDOW_SECONDS
        key = f"rate:{request.auth.application.client_id}:{window}"
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        return cache.incr(key) <= settings.FEDSHARE_RATE

    def wait(self) -> float:
        """Seconds until the window ends."""
        return WINDOW_SECONDS - time.time() % WINDOW_SECONDS
