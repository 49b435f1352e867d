"""How requests are batched and checked, and the settings that an operator gave the installation."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.reports import wording
from audits.verification.plan import LEVELS
from unlearning.dashboard.access import page, record, sent
from unlearning.officers.models import AccessRecord
from unlearning.officers.roles import May
from unlearning.requests import policy
from unlearning.requests.calendars import known_place
from unlearning.requests.models import Policy

_MOST_SHOWN = 20


class PolicyForm(forms.Form):
    """The policy for requests that are planned from now on."""

    assurance = forms.ChoiceField(
        label=gettext_lazy("Assurance level"), choices=[(name, name) for name in LEVELS], widget=forms.RadioSelect
    )
    margin_percent = forms.IntegerField(
        label=gettext_lazy("Margin ρ0, in percent"),
        min_value=policy.MARGINS[0],
        max_value=policy.MARGINS[-1],
        help_text=gettext_lazy(
            "How much of the data's influence may be left, or overdone, for it to count as removed. A narrower margin "
            "is reached more seldom; then the ladder ends at an exact result."
        ),
    )
    batch_window = forms.IntegerField(
        label=gettext_lazy("Batching window, in seconds"),
        min_value=0,
        max_value=policy.LONGEST_WINDOW,
        help_text=gettext_lazy("How long a request waits for others to share the training with."),
    )
    urgent_days = forms.IntegerField(
        label=gettext_lazy("Urgent from, in days before the deadline"),
        min_value=policy.URGENT_DAYS[0],
        max_value=policy.URGENT_DAYS[-1],
        help_text=gettext_lazy("Then a request waits for no others any more."),
    )
    holidays = forms.CharField(
        label=gettext_lazy("Public holidays of"),
        required=False,
        max_length=40,
        help_text=gettext_lazy(
            "A country such as FR, or a region such as DE-BY: no period ends on its holidays (Regulation 1182/71 "
            "art. 3(4)). Left empty: none ends on Saturdays and Sundays alone. For requests that come in from now on."
        ),
    )

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **kwargs)
        self.fields["assurance"].choices = [
            (
                name,
                _("{level}: {n} trainings for a batch. {claim}").format(
                    level=wording.LEVELS[name][0], n=level.trainings, claim=wording.LEVELS[name][1]
                ),
            )
            for name, level in LEVELS.items()
        ]

    def clean_holidays(self) -> str:
        """A place whose holidays are known."""
        place = self.cleaned_data["holidays"]
        known = known_place(place) if place else ""
        if known is None:
            raise forms.ValidationError(_("Give a country such as FR, or a region of one such as DE-BY."))
        return known


@page(May.SEE_SETTINGS, writes=True)
def policies(http: HttpRequest) -> HttpResponse:
    """What is in force; an administrator can set it anew."""
    now = policy.in_force()
    if http.method == "POST" and May.CONFIGURE not in http.may:
        return render(http, "dashboard/forbidden.html", {"may": May.CONFIGURE}, status=403)
    form = PolicyForm(
        sent(http),
        initial={
            "assurance": now.assurance,
            "margin_percent": now.margin_percent,
            "batch_window": int(now.batch_window),
            "urgent_days": now.urgent_days,
            "holidays": now.holidays,
        },
    )
    if form.is_valid():
        policy.set_policy(policy.InForce(**form.cleaned_data), http.user.get_username())
        record(http, AccessRecord.What.SETTING, detail="policy")
        messages.success(http, _("In force for what is planned from now on, and in the log."))
        return redirect("dashboard:policies")
    context = {
        "form": form,
        "now": now,
        "level": wording.LEVELS[now.assurance][0],
        "earlier": Policy.objects.all()[:_MOST_SHOWN],
        "given": _given(),
    }
    return render(http, "dashboard/settings/policies.html", context, status=400 if form.errors else 200)


def _given() -> list[tuple[str, str, str]]:
    """Settings of the installation that an officer wants to know: name, value, and what it means."""
    return [
        ("FEDSHARE_CONTROLLER", settings.FEDSHARE_CONTROLLER, _("The controller, as reports print it.")),
        ("FEDSHARE_TIME_ZONE", settings.FEDSHARE_TIME_ZONE, _("Whose days count for deadlines.")),
        (
            "FEDSHARE_RETENTION_MONTHS",
            str(settings.FEDSHARE_RETENTION_MONTHS),
            _("Months that evidence is kept after its request has ended."),
        ),
        (
            "FEDSHARE_REPORT_LANGUAGES",
            ", ".join(settings.FEDSHARE_REPORT_LANGUAGES),
            _("Languages that every report is written in."),
        ),
        ("FEDSHARE_TSA", settings.FEDSHARE_TSA or "–", _("The time-stamping authority of reports.")),
        ("FEDSHARE_WITNESSES", " ".join(settings.FEDSHARE_WITNESSES) or "–", _("Who cosigns the log.")),
        (
            "FEDSHARE_LINK_HOURS",
            str(settings.FEDSHARE_LINK_HOURS),
            _("Hours that a link to a customer's page is good for."),
        ),
        (
            "FEDSHARE_IDLE_MINUTES",
            str(settings.FEDSHARE_IDLE_MINUTES),
            _("Minutes without a click that end a session."),
        ),
    ]
