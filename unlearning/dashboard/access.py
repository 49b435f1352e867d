"""Who gets to see a page: signed in, with a second factor, in a role that may."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from unlearning.officers.models import AccessRecord, allowed, role_of
from unlearning.officers.roles import May

View = Callable[..., HttpResponse]
_READS = ("GET", "HEAD")
_SAME_VIEW = timedelta(minutes=5)


def page(may: May | None = None, *, writes: bool = False, reads: bool = True) -> Callable[[View], View]:
    """A page of the dashboard. Within, `http.role` and `http.may` say what its visitor is and may do.

    Args:
        may: what it asks for; None: any role.
        writes: whether it takes POST.
        reads: whether it can be looked at.
    """
    methods = [*(_READS if reads else ()), *(("POST",) if writes else ())]

    def decorated(view: View) -> View:
        @wraps(view)
        @never_cache
        @require_http_methods(methods)
        def guarded(http: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            refused = _refusal(http, may)
            if refused is not None:
                return refused
            with timezone.override(ZoneInfo(settings.FEDSHARE_TIME_ZONE)):
                return view(http, *args, **kwargs)

        return guarded

    return decorated


def record(http: HttpRequest, what: AccessRecord.What, subject: UUID | None = None, detail: str = "") -> None:
    """Put on record that the visitor looked at a subject, or changed a setting."""
    AccessRecord.objects.create(by=http.user.get_username(), what=what, subject=subject, detail=detail)


def record_view(http: HttpRequest, subjects: Sequence[UUID]) -> None:
    """Put on record that the visitor looked at subjects; a page and its pictures, or a page again, count once."""
    by, what = http.user.get_username(), AccessRecord.What.VIEW
    recent = AccessRecord.objects.filter(by=by, what=what, subject__in=subjects, at__gte=timezone.now() - _SAME_VIEW)
    seen = set(recent.values_list("subject", flat=True))
    AccessRecord.objects.bulk_create(
        [AccessRecord(by=by, what=what, subject=subject) for subject in subjects if subject not in seen]
    )


def sent(http: HttpRequest) -> QueryDict | None:
    """What a form is bound to: what was sent, however little; None where it is only looked at."""
    return http.POST if http.method == "POST" else None


def verified(http: HttpRequest) -> bool:
    """Whether the visitor gave their second factor, where one is asked for."""
    return not settings.FEDSHARE_SECOND_FACTOR or http.user.is_verified()


def _refusal(http: HttpRequest, may: May | None) -> HttpResponse | None:
    """What is answered in place of the page, if it is not for this visitor."""
    if not http.user.is_authenticated:
        return _to_sign_in(http)
    if not verified(http):
        return redirect(f"{reverse('dashboard:second-factor')}?{urlencode({'next': http.get_full_path()})}")
    http.role = role_of(http.user)
    http.may = allowed(http.role)
    if http.role is None or (may is not None and may not in http.may):
        return render(http, "dashboard/forbidden.html", {"may": may}, status=403)
    return None


def _to_sign_in(http: HttpRequest) -> HttpResponse:
    if http.htmx:  # a live part of a page whose session has ended: the whole page goes to the sign-in
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    if http.method in _READS:
        return redirect_to_login(http.get_full_path())
    came_from = http.headers.get("Referer", "")  # what was sent is gone: they go on at the page that it was sent from
    if url_has_allowed_host_and_scheme(came_from, allowed_hosts={http.get_host()}, require_https=http.is_secure()):
        return redirect_to_login(came_from)
    return redirect_to_login(reverse("dashboard:home"))
