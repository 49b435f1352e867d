"""The page. Plain forms: it works without JavaScript, by keyboard, and with a screen reader."""

from typing import Any
from uuid import uuid4

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from unlearning.consent.models import ConsentState
from unlearning.lineage import tracing
from unlearning.lineage.models import Interaction, Item
from unlearning.requests import deciding, opening
from unlearning.requests.deciding import Decision
from unlearning.requests.errors import UnknownSubjects
from unlearning.requests.models import Manner, Request
from unlearning.requests.submissions import Submission
from unlearning.subject_page.links import BadLink, Visit, visit

STEPS = (0, 20, 50, 80, 100)
_CHANNEL = "subject page"
_PREFIX = "category:"
_HISTORY = 20

MEANINGS = {
    0: gettext_lazy("Nothing leaves your device. Recommendations are made from what your device alone knows."),
    20: gettext_lazy("One in five of your interactions, chosen at random and always the same ones."),
    50: gettext_lazy("Half of your interactions. Recommendations learn from you, and from people with similar taste."),
    80: gettext_lazy("Four in five of your interactions."),
    100: gettext_lazy("All of your interactions. Recommendations can be as good as this service can make them."),
}


class ChoiceForm(forms.Form):
    """A step of the slider, and which categories it covers."""

    share_percent = forms.TypedChoiceField(coerce=int)
    categories = forms.MultipleChoiceField(required=False)
    """Each as `category:` and its name, which is empty for items without one."""

    def __init__(self, *args: Any, categories: list[str], percent: int, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["share_percent"].choices = [(step, f"{step} %") for step in sorted({*STEPS, percent})]
        self.fields["categories"].choices = [(f"{_PREFIX}{name}", name) for name in categories]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(http: HttpRequest, token: str) -> HttpResponse:
    """Show what is shared; take a new choice."""
    try:
        visitor = visit(token)
        opening.standing(visitor.subject)
    except (BadLink, UnknownSubjects):
        return _answered(render(http, "subject/expired.html", status=410))
    categories = _categories(visitor)
    if http.method != "POST":
        return _answered(render(http, "subject/page.html", _context(visitor, categories)))
    chosen = ChoiceForm(http.POST, categories=categories, percent=_percent(visitor))
    withdraws = "withdraw" in http.POST
    if not withdraws and not chosen.is_valid():
        context = _context(visitor, categories) | {"trouble": _("Choose one of the steps.")}
        return _answered(render(http, "subject/page.html", context, status=400))
    try:
        deciding.decide(visitor.subject, _decision(visitor, chosen, categories, withdraws), _submission(visitor))
    except UnknownSubjects:
        return _answered(render(http, "subject/expired.html", status=410))
    return _answered(redirect(f"{http.path}?saved=1"))


def _decision(visitor: Visit, chosen: ChoiceForm, categories: list[str], withdraws: bool) -> Decision:
    if withdraws:
        return Decision(0, _CHANNEL, _covered(visitor))
    before = _covered(visitor)
    ticked = {value.removeprefix(_PREFIX) for value in chosen.cleaned_data["categories"]}
    # What was not touched stays as it is: nobody widens it but the customer.
    untouched = not categories or ticked == _ticked(before, categories)
    return Decision(chosen.cleaned_data["share_percent"], _CHANNEL, before if untouched else sorted(ticked))


def _submission(visitor: Visit) -> Submission:
    return Submission(visitor.client, f"page-{uuid4()}", manner=Manner.SUBJECT_PAGE)


def _covered(visitor: Visit) -> list[str] | None:
    state = ConsentState.objects.filter(subject=visitor.subject).first()
    return state.categories if state else None


def _percent(visitor: Visit) -> int:
    state = ConsentState.objects.filter(subject=visitor.subject).first()
    return state.share_percent if state else 0


def _categories(visitor: Visit) -> list[str]:
    """Those that there are, and those that the customer's consent names; none where there is nothing to choose from."""
    present = set(Item.objects.values_list("category", flat=True).distinct())
    found = present | set(_covered(visitor) or [])
    return sorted(found) if found - {""} else []


def _ticked(covered: list[str] | None, categories: list[str]) -> set[str]:
    return set(categories) if covered is None else set(covered)


def _context(visitor: Visit, categories: list[str]) -> dict[str, Any]:
    subject = visitor.subject
    state = ConsentState.objects.filter(subject=subject).first()
    percent = _percent(visitor)
    covered = _ticked(state.categories if state else None, categories)
    requests = Request.objects.filter(subjects__subject=subject).order_by("-received_at")[:_HISTORY]
    lineage = tracing.forward(subject)
    return {
        "controller": settings.FEDSHARE_CONTROLLER,
        "percent": percent,
        "steps": [
            {"value": step, "meaning": MEANINGS.get(step, _("What you share now.")), "chosen": step == percent}
            for step in sorted({*STEPS, percent})
        ],
        "categories": [
            {"value": f"{_PREFIX}{name}", "name": name or _("everything else"), "covered": name in covered}
            for name in categories
        ],
        "shared": Interaction.objects.filter(subject=subject).count(),
        "learned": any(one.carries for one in lineage.reached),
        "forgetting": any(one.carries for one in lineage.leaving),
        "history": subject.consent_events.filter(corrected_by=None).order_by("-effective_at", "-id")[:_HISTORY],
        "requests": requests,
    }


def _answered(response: HttpResponse) -> HttpResponse:
    # The address is a key: it goes to nobody else. (`no-referrer` would take the origin from the forms as well.)
    response["Referrer-Policy"] = "same-origin"
    response["X-Robots-Tag"] = "noindex"
    response._has_been_logged = True  # a refusal's log line would hold it
    return response
