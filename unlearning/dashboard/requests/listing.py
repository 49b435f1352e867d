"""The list of requests."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.evidence.models import Report
from unlearning.dashboard.access import page
from unlearning.dashboard.models import SavedView
from unlearning.dashboard.requests.bulk import BULK
from unlearning.dashboard.requests.filters import RequestFilter
from unlearning.requests.deadlines import calendar_of, last_day, stands_still
from unlearning.requests.models import Request, RequestSubject

_PAGE_SIZE = 50
_MOST_VIEWS = 20


@page()
def requests(http: HttpRequest) -> HttpResponse:
    """Requests as the filters have them; open ones by what is due first."""
    chosen = RequestFilter(http.GET, Request.objects.all())
    if not chosen.is_valid():
        return render(http, "dashboard/requests/list.html", {"filter": chosen}, status=400)
    paginated = Paginator(chosen.qs.order_by(*chosen.ordering), _PAGE_SIZE).get_page(http.GET.get("page"))
    query = http.GET.copy()
    query.pop("page", None)
    context = {
        "filter": chosen,
        "page": paginated,
        "rows": shown(paginated.object_list, timezone.now()),
        "query": query.urlencode(),
        "narrowed": any(value for name, value in query.items() if name != "show"),
        "views": SavedView.objects.filter(user=http.user),
        "bulk": [one for one in BULK.values() if one["may"] in http.may],
    }
    return render(http, "dashboard/requests/list.html", context)


def shown(page: QuerySet[Request], now: datetime) -> list[dict[str, Any]]:
    """Rows of a page of a list, in its order: each request with the days that are left."""
    # The ids first: what follows is then counted for this page alone, however far down the list it is.
    order = {pk: place for place, pk in enumerate(page.values_list("pk", flat=True))}
    found = Request.objects.filter(pk__in=order)
    members = RequestSubject.objects.filter(request=OuterRef("pk")).order_by().values("request")
    reports = Report.objects.filter(document=OuterRef("evidence")).order_by().values("document")
    annotated = found.annotate(
        subject_count=Coalesce(Subquery(members.annotate(n=Count("pk")).values("n")), 0),
        report_count=Coalesce(Subquery(reports.annotate(n=Count("pk")).values("n")), 0),
    )
    in_order = sorted(annotated, key=lambda request: order[request.pk])
    return [
        {"request": request, "left": days_left(request, now), "still": stands_still(request)} for request in in_order
    ]


def days_left(request: Request, now: datetime) -> int | None:
    """Days until the last one of the period, 0 on it and negative after it; None where the request has ended."""
    if request.completed_at or request.closed_at:
        return None
    return (last_day(request) - now.astimezone(ZoneInfo(calendar_of(request).zone)).date()).days


@page(writes=True, reads=False)
def save_view(http: HttpRequest) -> HttpResponse:
    """Keep the filters under a name; the same name replaces."""
    name, query = http.POST.get("name", "").strip()[:60], http.POST.get("query", "")[:500]
    address = f"{reverse('dashboard:requests')}?{query}"
    if not name:
        messages.error(http, _("Nothing was saved: give the view a name."))
    elif SavedView.objects.filter(user=http.user).exclude(name=name).count() >= _MOST_VIEWS:
        messages.error(http, _("Nothing was saved: there are {n} views; remove one first.").format(n=_MOST_VIEWS))
    else:
        SavedView.objects.update_or_create(user=http.user, name=name, defaults={"query": query})
        messages.success(http, _("The view “{name}” is saved.").format(name=name))
    return redirect(address)


@page(writes=True, reads=False)
def remove_view(http: HttpRequest, view_id: int) -> HttpResponse:
    """Remove a saved view of the visitor's."""
    SavedView.objects.filter(user=http.user, pk=view_id).delete()
    messages.success(http, _("The view is removed."))
    return redirect("dashboard:requests")
