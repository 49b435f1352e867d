"""One action on many requests: first a preview of what it would do to each, then the action."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from unlearning.dashboard.access import page
from unlearning.dashboard.requests.acting import ACTIONS, Action, perform
from unlearning.dashboard.requests.filters import RequestFilter
from unlearning.officers.roles import May
from unlearning.requests.actions import By
from unlearning.requests.models import Request

_MOST, _LONGEST_QUERY = 200, 1000

BULK: dict[str, dict[str, Any]] = {
    name: {"name": name, "label": ACTIONS[name].label, "may": ACTIONS[name].may}
    for name in ("extend", "hold", "release", "continue")
}
"""What can be done to many at once. Whoever a requester is, is established one by one; so are refusals."""


@page(writes=True, reads=False)
def bulk(http: HttpRequest) -> HttpResponse:
    """Show what would be done to each; with `confirm`, do it."""
    query = QueryDict(http.POST.get("query", "")[:_LONGEST_QUERY])
    back = f"{reverse('dashboard:requests')}?{query.urlencode()}"
    name = http.POST.get("action", "")
    if name not in BULK:
        messages.error(http, _("Nothing was done: choose what to do."))
        return redirect(back)
    action = ACTIONS[name]
    if action.may not in http.may:
        return render(http, "dashboard/forbidden.html", {"may": action.may}, status=403)
    chosen = _fitting(query) if "all" in http.POST else _ticked(http.POST.getlist("request"))
    if not chosen:
        messages.error(http, _("Nothing was done: tick the requests that you mean."))
        return redirect(back)
    able = [request for request in chosen if action.able(request)]
    confirmed = "confirm" in http.POST
    form = action.form(http.POST if confirmed else None, request=chosen[0])
    if confirmed and form.is_valid():
        _perform(http, action, able, form.cleaned_data)
        return redirect(back)
    context = {
        "action": action,
        "name": name,
        "form": form,
        "able": [{"request": request, "detail": action.detail(request)} for request in able],
        "unable": [request for request in chosen if request not in able],
        "most": _MOST if len(chosen) == _MOST else None,
        "query": query.urlencode(),
        "back": back,
    }
    return render(http, "dashboard/requests/bulk.html", context, status=400 if form.errors else 200)


def _ticked(ids: list[str]) -> list[Request]:
    try:
        wanted = [UUID(one) for one in ids[:_MOST]]
    except ValueError:
        return []
    return _read(Request.objects.filter(pk__in=wanted))


def _fitting(query: QueryDict) -> list[Request]:
    """Those that fit the filters of the list, the first that are due."""
    chosen = RequestFilter(query, Request.objects.all())
    return _read(chosen.qs) if chosen.is_valid() else []


def _read(found: QuerySet[Request]) -> list[Request]:
    return list(found.select_related("job").prefetch_related("proposals").order_by("due_at", "pk")[:_MOST])


def _perform(http: HttpRequest, action: Action, able: list[Request], given: dict[str, Any]) -> None:
    by = By(http.user.get_username(), given.get("reason", ""))
    jobs: set[UUID] = set()
    done, refused = 0, []
    for request in able:
        if action.may == May.RUN and request.job_id in jobs:
            done += 1  # its job goes on already, with another of these requests
            continue
        trouble = perform(action, request, by, given)
        if trouble:
            refused.append(f"{request.external_id}: {trouble}")
        else:
            done += 1
            jobs.add(request.job_id)
    if done:
        messages.success(http, ngettext("Done for {n} request.", "Done for {n} requests.", done).format(n=done))
    for one in refused[:5]:
        messages.error(http, _("Nothing was done: {why}.").format(why=one))
