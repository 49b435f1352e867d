"""The pages on one customer: found by an identity that is typed in full, shown without it."""

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from unlearning.dashboard import plots
from unlearning.dashboard.access import page, record, record_view, sent
from unlearning.lineage import tracing
from unlearning.lineage.models import Interaction, Subject
from unlearning.lineage.subjects import HASHED, RAW, Named, find_subjects
from unlearning.officers.models import AccessRecord
from unlearning.officers.roles import May
from unlearning.requests.access import subject_export, subject_pdf
from unlearning.requests.models import Request
from unlearning.subject_page.links import token_for
from unlearning.webhooks.outbox import CONTROLLER

_REGISTERED = "registered"
_KINDS = [
    (_REGISTERED, gettext_lazy("identity as registered")),
    ("email", gettext_lazy("e-mail address")),
    ("phone", gettext_lazy("telephone number")),
    ("other", gettext_lazy("another identifier (give its kind)")),
]
_HISTORY = 100
_LINK = "subject_link"
"""In the session: the link that was just made, by the subject whose it is."""


class SearchForm(forms.Form):
    """An identity, typed in full. It is looked up by its digest, and kept nowhere."""

    identity = forms.CharField(
        label=gettext_lazy("Identity"),
        max_length=320,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Typed in full: nothing is listed, and nothing is found by a part."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("What you have"), choices=_KINDS)
    other = forms.CharField(label=gettext_lazy("Kind"), required=False, max_length=150, help_text="shopify:SHOP, …")
    form = forms.ChoiceField(
        label=gettext_lazy("Written"),
        choices=[(RAW, gettext_lazy("as it is")), *((name, name.upper()) for name in HASHED)],
    )

    def clean(self) -> dict[str, Any]:
        """Another kind has a name."""
        given = super().clean()
        if given.get("kind") == "other" and not given.get("other"):
            self.add_error("other", _("Give the kind under which it was registered, such as shopify:SHOP."))
        return given

    def found(self) -> Subject | None:
        """Whose identity it is."""
        given = self.cleaned_data
        if given["kind"] == _REGISTERED:
            return find_subjects([given["identity"]])[0]
        kind = given["other"] if given["kind"] == "other" else given["kind"]
        return find_subjects([Named(kind, given["identity"], given["form"])])[0]


@page(May.SEE_SUBJECTS, writes=True)
def search(http: HttpRequest) -> HttpResponse:
    """Look a customer up by an identity. By POST: it never stands in an address, or in a log."""
    form = SearchForm(sent(http))
    missing = False
    if form.is_valid():
        subject = form.found()
        record(http, AccessRecord.What.SEARCH, subject and subject.pk)
        if subject is not None:
            return redirect("dashboard:subject", subject.pk)
        missing = True
    status = 400 if form.errors else 404 if missing else 200
    return render(http, "dashboard/subjects/search.html", {"form": form, "missing": missing}, status=status)


@page(May.SEE_SUBJECTS)
def subject(http: HttpRequest, subject_id: UUID) -> HttpResponse:
    """What one customer chose, what is shared, where it went, and what they asked back."""
    one = get_object_or_404(Subject, pk=subject_id)
    record_view(http, [one.pk])
    context = {
        "subject": one,
        "events": one.consent_events.select_related("corrected_by").order_by("-effective_at", "-id")[:_HISTORY],
        "state": getattr(one, "consent", None),
        "lineage": tracing.forward(one),
        "requests": Request.objects.filter(subjects__subject=one).order_by("-received_at")[:_HISTORY],
        "identifiers": sorted(set(one.identifiers.values_list("kind", flat=True))),
        "link": http.session.pop(_LINK, {}).get(str(one.pk)),
        "link_hours": settings.FEDSHARE_LINK_HOURS,
    }
    return render(http, "dashboard/subjects/one.html", context)


@page(May.SEE_SUBJECTS)
def history_plot(http: HttpRequest, subject_id: UUID) -> HttpResponse:
    """Share ratio over time, beside what was shared."""
    one = get_object_or_404(Subject, pk=subject_id)
    record_view(http, [one.pk])
    events = one.consent_events.filter(corrected_by=None).order_by("effective_at", "id")
    moments = list(events.values_list("effective_at", "share_percent"))
    if not moments:
        return HttpResponse(status=404)
    shared = sorted(Interaction.objects.filter(subject=one).values_list("shared_from", flat=True))
    return plots.answer(http, plots.history(moments, shared, one.erased_at or timezone.now()))


@page(May.SEE_SUBJECTS)
def lineage_plot(http: HttpRequest, subject_id: UUID) -> HttpResponse:
    """Where their data went, drawn."""
    one = get_object_or_404(Subject, pk=subject_id)
    record_view(http, [one.pk])
    requests = Request.objects.filter(subjects__subject=one, rows_removed__gt=0).prefetch_related(
        "reached__recommender"
    )
    taken_back = [
        (_("{n} rows taken back").format(n=request.rows_removed), [str(version) for version in request.reached.all()])
        for request in requests.order_by("received_at")[:8]
    ]
    return plots.answer(http, plots.lineage(tracing.forward(one), taken_back))


@page(May.EXPORT)
def export(http: HttpRequest, subject_id: UUID, form: str) -> HttpResponse:
    """Everything that is held of them, for an access request (GDPR art. 15)."""
    one = get_object_or_404(Subject, pk=subject_id, erased_at=None)
    record(http, AccessRecord.What.EXPORT, one.pk)
    if form == "pdf":
        answer = HttpResponse(subject_pdf(one), content_type="application/pdf")
    else:
        answer = JsonResponse(subject_export(one), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="fedshare-subject-{one.pk}.{form}"'
    return answer


@page(May.EXPORT, writes=True, reads=False)
def make_link(http: HttpRequest, subject_id: UUID) -> HttpResponse:
    """A link to their own page, to be sent to them; shown once."""
    one = get_object_or_404(Subject, pk=subject_id, erased_at=None)
    record(http, AccessRecord.What.LINK, one.pk)
    path = reverse("subject:page", args=[token_for(one, CONTROLLER)])
    http.session[_LINK] = {str(one.pk): f"{settings.FEDSHARE_PUBLIC_URL}{path}"}
    messages.success(http, _("The link is below. It is shown this once."))
    return redirect("dashboard:subject", one.pk)
