"""Taking in what a customer asked by letter, e-mail, telephone or in person."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from unlearning.consent.models import ConsentState
from unlearning.dashboard.access import page, record, record_view, sent
from unlearning.dashboard.forms import DayInput
from unlearning.lineage.models import Interaction, Subject
from unlearning.officers.models import AccessRecord
from unlearning.officers.roles import May
from unlearning.requests import deciding, opening, policy
from unlearning.requests.actions import By
from unlearning.requests.deadlines import deadline
from unlearning.requests.deciding import Decision
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.models import Manner, Request
from unlearning.requests.states import State
from unlearning.requests.submissions import Submission
from unlearning.webhooks.outbox import CONTROLLER

_CHANNEL = "desk"
_LONGEST_AGO = timedelta(days=90)
_KINDS = [
    (Request.Kind.ERASE.value, gettext_lazy("Erase everything: the customer is forgotten")),
    (Request.Kind.UNSHARE.value, gettext_lazy("Unshare: the customer stays, and shares less from now on")),
]


class OpeningForm(forms.Form):
    """What was asked, and when it came in."""

    kind = forms.ChoiceField(label=gettext_lazy("What they ask"), choices=_KINDS, widget=forms.RadioSelect)
    share_percent = forms.IntegerField(
        label=gettext_lazy("They share from now on, in percent"),
        required=False,
        min_value=0,
        max_value=99,
        help_text=gettext_lazy("Of unsharing. Left empty: nothing."),
    )
    regime = forms.ChoiceField(
        label=gettext_lazy("Law"), choices=Request.Regime.choices, initial=Request.Regime.GDPR, widget=forms.RadioSelect
    )
    external_id = forms.CharField(
        label=gettext_lazy("Your file number"),
        max_length=80,
        help_text=gettext_lazy("Under which the letter or the call is filed. No name, no address."),
    )
    received_on = forms.DateField(
        label=gettext_lazy("Received on"),
        widget=DayInput(),
        help_text=gettext_lazy("The period is counted from this day."),
    )
    reason = forms.CharField(
        label=gettext_lazy("How you established who they are"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "No copy of a document, no name. An erasure without it waits, and nothing is removed yet; unsharing needs "
            "it."
        ),
    )

    def clean_external_id(self) -> str:
        """Letters that are seen."""
        number = self.cleaned_data["external_id"]
        if not number.isprintable():
            raise forms.ValidationError(_("Give letters, digits and signs alone."))
        return number

    def clean(self) -> dict[str, Any]:
        """Unsharing takes the rows at once, so somebody must have known who asks."""
        given = super().clean()
        if given.get("kind") == Request.Kind.UNSHARE and not given.get("reason"):
            self.add_error("reason", _("Say how: the rows leave at once."))
        return given

    def clean_received_on(self) -> date:
        """Not to come, and not long ago."""
        day, today = self.cleaned_data["received_on"], timezone.localdate()
        if not today - _LONGEST_AGO <= day <= today:
            raise forms.ValidationError(_("Give a day of the last 90, at the latest today."))
        return day

    def submission(self) -> Submission:
        """Of the controller's own desk."""
        given = self.cleaned_data
        day = given["received_on"]
        at = None
        if day != timezone.localdate():
            at = datetime.combine(day, time(), ZoneInfo(settings.FEDSHARE_TIME_ZONE))
        return Submission(CONTROLLER, given["external_id"], given["regime"], Manner.DESK, at)


@page(May.ACT, writes=True)
def open_request(http: HttpRequest, subject_id: Any) -> HttpResponse:
    """Open a request for a customer who asked by another way than the API."""
    subject = get_object_or_404(Subject, pk=subject_id, erased_at=None)
    record_view(http, [subject.pk])
    form = OpeningForm(sent(http), initial={"received_on": timezone.localdate()})
    if form.is_valid() and "confirm" not in http.POST:
        context = {"subject": subject, "form": form, "says": _preview(subject, form)}
        return render(http, "dashboard/requests/open_preview.html", context)
    if form.is_valid():
        try:
            request, new = _opened(subject, form, http.user.get_username())
        except IdTaken:
            form.add_error("external_id", _("This number stands for another request already."))
        except UnknownSubjects:
            form.add_error(None, _("Nothing was done: this customer is being erased already."))
        else:
            record(http, AccessRecord.What.TAKE_IN, subject.pk, form.cleaned_data["external_id"])
            return _told(http, subject, request, new)
    context = {"subject": subject, "form": form}
    return render(http, "dashboard/requests/open.html", context, status=400 if form.errors else 200)


def _preview(subject: Subject, form: OpeningForm) -> list[str]:
    """What taking it in will do."""
    given, submission = form.cleaned_data, form.submission()
    rows = Interaction.objects.filter(subject=subject)
    if given["kind"] == Request.Kind.UNSHARE:
        percent = given["share_percent"] or 0
        rows = rows.filter(rank__gte=percent / 100)
        asked = _("They share {percent} percent from now on, if they do not share less already.").format(
            percent=percent
        )
    else:
        asked = _("They are erased: every row, every model that learned from it, and the key to find them by.")
    says = [asked]
    if given["kind"] == Request.Kind.ERASE and not given["reason"]:
        says.append(_("Nothing is removed until you establish who they are."))
    else:
        n = rows.count()
        says.append(
            ngettext(
                "At most {n} row leaves the tables at once, and can't come back.",
                "At most {n} rows leave the tables at once, and can't come back.",
                n,
            ).format(n=intcomma(n))
        )
    received_at, calendar = submission.received_at or timezone.now(), policy.in_force().calendar
    end = deadline(given["regime"], received_at, calendar) - timedelta(microseconds=1)
    day = date_format(end.astimezone(ZoneInfo(calendar.zone)).date(), "DATE_FORMAT")
    says.append(_("It is due on {day}.").format(day=day))
    return says


@transaction.atomic
def _opened(subject: Subject, form: OpeningForm, name: str) -> tuple[Request | None, bool]:
    given, submission = form.cleaned_data, form.submission()
    by = By(name, given["reason"])
    if given["kind"] == Request.Kind.UNSHARE:
        percent = given["share_percent"] or 0
        request, new = deciding.decide(subject, lambda now: _less(now, percent, submission.received_at), submission)
    else:
        request, new = opening.erase([subject], submission, identity_verified=bool(by.reason))
    if request and new:
        opening.note_taking_in(request, by.name, by.reason)
    return request, new


def _less(now: ConsentState | None, percent: int, at: datetime | None) -> Decision:
    """What is in force, with a lower ratio from the day on which it was asked; a later decision stays in force."""
    shared, categories = (now.share_percent, now.categories) if now else (0, None)
    return Decision(min(shared, percent), _CHANNEL, categories, effective_at=at)


def _told(http: HttpRequest, subject: Subject, request: Request | None, new: bool) -> HttpResponse:
    if request is None:
        messages.success(http, _("It is on record. Nothing that is shared has to be taken back."))
        return redirect("dashboard:subject", subject.pk)
    if not new:
        messages.info(http, _("It was taken in before, under this number."))
    elif request.external_id != http.POST["external_id"].strip():
        messages.info(
            http,
            _(
                "The same was asked before: it is merged into this request, which is due when the first "
                "of those who asked must have an answer."
            ),
        )
        if request.state == State.ON_HOLD:
            messages.error(http, _("That request is on hold: nothing is removed until somebody lets it go on."))
    elif request.state == State.IDENTITY_PENDING:
        messages.success(http, _("The request is taken in, and waits for who they are to be established."))
    else:
        messages.success(http, _("The request is accepted; the rows have left the tables."))
    return redirect("dashboard:request", request.pk)
