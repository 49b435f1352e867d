"""How the list of requests is narrowed down."""

import re
from typing import Any
from uuid import UUID

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audits.reports import wording
from unlearning.dashboard.figures import due_in
from unlearning.dashboard.forms import DayInput
from unlearning.requests.models import Request
from unlearning.requests.states import FINAL

OPEN = "open"
ANY = _("any")
_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){0,3}(-?[0-9a-f]{12})?", re.IGNORECASE)
"""An id as registers print it, which is its beginning, or in full."""
_SHOW = [(OPEN, _("open")), ("ended", _("ended")), ("all", _("all"))]
_DUE = [
    ("overdue", _("overdue")),
    ("soon", _("within 3 days")),
    ("next", _("in 4 to 10 days")),
    ("later", _("later")),
]


class RequestFilter(django_filters.FilterSet):
    """Filters of the list; every combination can be kept as a saved view."""

    show = django_filters.ChoiceFilter(label=_("Show"), choices=_SHOW, method="showing", empty_label=None)
    state = django_filters.ChoiceFilter(empty_label=ANY, label=_("State"), choices=list(wording.STATES.items()))
    kind = django_filters.ChoiceFilter(empty_label=ANY, label=_("Kind"), choices=list(wording.KINDS.items()))
    due = django_filters.ChoiceFilter(empty_label=ANY, label=_("Due"), choices=_DUE, method="due_within")
    regime = django_filters.ChoiceFilter(empty_label=ANY, label=_("Regime"), choices=list(wording.REGIMES.items()))
    conclusion = django_filters.ChoiceFilter(
        empty_label=ANY, label=_("Conclusion"), choices=list(wording.CONCLUSION_NAMES.items())
    )
    reference = django_filters.CharFilter(
        label=_("Reference, sender or id"),
        method="named",
        max_length=100,
        widget=forms.TextInput(attrs={"spellcheck": "false", "placeholder": _("in full")}),
    )
    received_after = django_filters.DateFilter(
        label=_("Received from"),
        field_name="received_at__date",
        lookup_expr="gte",
        widget=DayInput(),
    )
    received_before = django_filters.DateFilter(
        label=_("until"),
        field_name="received_at__date",
        lookup_expr="lte",
        widget=DayInput(),
    )

    class Meta:
        model = Request
        fields: list[str] = []

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any):
        given = data.copy() if data is not None else {}
        # Asking for a state or a conclusion asks for requests that may have ended.
        wants_all = any(given.get(name) for name in ("state", "conclusion", "reference"))
        given.setdefault("show", "all" if wants_all else OPEN)
        super().__init__(given, *args, **kwargs)

    @property
    def ordering(self) -> tuple[str, ...]:
        """Open ones by what is due first; others by what came last."""
        return ("due_at", "pk") if self.data.get("show") == OPEN else ("-received_at", "pk")

    def showing(self, found: QuerySet[Request], _name: str, value: str) -> QuerySet[Request]:
        """Open ones, ended ones, or all."""
        match value:
            case "open":
                return found.exclude(state__in=FINAL)
            case "ended":
                return found.filter(state__in=FINAL)
        return found

    def due_within(self, found: QuerySet[Request], _name: str, value: str) -> QuerySet[Request]:
        """Open ones whose period ends soon, or has ended."""
        return found.exclude(state__in=FINAL).filter(due_in(value, timezone.now()))

    def named(self, found: QuerySet[Request], _name: str, value: str) -> QuerySet[Request]:
        """By the sender's reference, in full; by the id here, or how it begins; or everything of a sender."""
        wanted = Q(external_id=value) | Q(source=value) | Q(duplicates__external_id=value)
        if _ID.fullmatch(value):
            digits = value.replace("-", "").lower()
            wanted |= Q(pk__range=(UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))))
        return found.filter(pk__in=Request.objects.filter(wanted).values("pk"))
