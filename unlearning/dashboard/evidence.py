"""The pages on evidence: what was issued, a register on demand, the log, and checking a PDF that somebody brings."""

import tempfile
import zipfile
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.storage import storages
from django.core.paginator import Paginator
from django.db.models import Case, JSONField, QuerySet, When
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.evidence import log
from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER
from audits.evidence.keys import log_verifier_key, log_verifier_keys
from audits.evidence.models import IssuedDocument, LogCheckpoint, WaitingEntry
from audits.reports.verify import Trust, verify_report
from audits.reports.verify.checks import is_sound
from audits.reports.verify.signature import MOST_BYTES
from unlearning.dashboard.access import page
from unlearning.dashboard.forms import DayInput
from unlearning.officers.roles import May
from unlearning.requests.register import issue_register

_PAGE_SIZE = 50
_MOST_IN_ZIP = 500
_FIRST_YEAR = 2018  # in which the GDPR began to apply
_ANY = gettext_lazy("any")
_CHECKS = {
    "signature": gettext_lazy("The signature is whole, and over the whole file"),
    "attachments": gettext_lazy("The document is attached, and nothing hidden is"),
    "document": gettext_lazy("The document fits its published schema"),
    "inclusion in the log": gettext_lazy("The transparency log commits to it"),
    "signer": gettext_lazy("Who signed is whom the log names"),
    "internal consistency": gettext_lazy("Its statements follow from its figures"),
}
"""What each check of the verifier means; what it found is told in the verifier's own words."""
_KINDS = {
    EVIDENCE: gettext_lazy("Request"),
    BATCH: gettext_lazy("Batch"),
    CERTIFICATION: gettext_lazy("Certification"),
    REGISTER: gettext_lazy("Register"),
}


class DocumentFilter(django_filters.FilterSet):
    """Filters of the documents that were issued."""

    schema = django_filters.ChoiceFilter(empty_label=_ANY, label=gettext_lazy("About"), choices=list(_KINDS.items()))
    issued_after = django_filters.DateFilter(
        label=gettext_lazy("Issued from"),
        field_name="issued_at__date",
        lookup_expr="gte",
        widget=DayInput(),
    )
    issued_before = django_filters.DateFilter(
        label=gettext_lazy("until"),
        field_name="issued_at__date",
        lookup_expr="lte",
        widget=DayInput(),
    )
    digest = django_filters.CharFilter(
        label=gettext_lazy("SHA-256 begins with"), lookup_expr="istartswith", max_length=64
    )

    class Meta:
        model = IssuedDocument
        fields: list[str] = []


class PeriodForm(forms.Form):
    """The period of a register."""

    start = forms.DateField(label=gettext_lazy("From"), widget=DayInput())
    until = forms.DateField(label=gettext_lazy("Until before"), widget=DayInput())

    def clean(self) -> dict[str, Any]:
        """The period has a beginning before its end."""
        period = super().clean()
        if "start" in period and "until" in period and period["until"] <= period["start"]:
            self.add_error("until", _("Give a day after the first."))
        if "start" in period and period["start"].year < _FIRST_YEAR:
            self.add_error("start", _("Give a day from {year} on.").format(year=_FIRST_YEAR))
        if "start" in period and period["start"] > timezone.now().date():
            self.add_error("start", _("This day has not come yet."))
        return period


class ReportFile(forms.Form):
    """A PDF that is to be checked."""

    report = forms.FileField(
        label=gettext_lazy("Report (PDF)"), widget=forms.FileInput(attrs={"accept": "application/pdf"})
    )

    def clean_report(self) -> bytes:
        """The file's bytes; it is read, and not kept."""
        report = self.cleaned_data["report"]
        if report.size > MOST_BYTES:
            raise forms.ValidationError(_("This file is larger than any report (50 MB)."))
        return report.read()


@page()
def issued(http: HttpRequest) -> HttpResponse:
    """What was issued, the latest first."""
    chosen = _filtered(http)
    if not chosen.is_valid():
        return render(http, "dashboard/evidence/list.html", {"filter": chosen, "period": _last_month()}, status=400)
    paginated = Paginator(chosen.qs, _PAGE_SIZE).get_page(http.GET.get("page"))
    query = http.GET.copy()
    query.pop("page", None)
    context = {
        "filter": chosen,
        "page": paginated,
        "rows": _rows(paginated.object_list),
        "query": query.urlencode(),
        "period": _last_month(),
        "most_in_zip": _MOST_IN_ZIP,
    }
    return render(http, "dashboard/evidence/list.html", context)


@page()
def archive(http: HttpRequest) -> HttpResponse:
    """The reports of what the filters have, as a ZIP; the log's key and the latest checkpoint beside them."""
    chosen = _filtered(http)
    if not chosen.is_valid():
        return redirect("dashboard:evidence")
    if chosen.qs.count() > _MOST_IN_ZIP:
        messages.error(
            http, _("More than {n} documents: narrow them down, by dates for example.").format(n=_MOST_IN_ZIP)
        )
        return redirect(f"{reverse('dashboard:evidence')}?{http.GET.urlencode()}")
    file = tempfile.TemporaryFile()  # noqa: SIM115  (the answer closes it)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for document in chosen.qs.prefetch_related("reports"):
            for report in document.reports.all():
                with storages["reports"].open(report.name) as content:
                    packed.writestr(report.name, content.read())
        packed.writestr("log.key", f"{log_verifier_key()}\n")
        packed.writestr("checkpoint.txt", log.checkpoint().note)
    file.seek(0)
    name = f"fedshare-evidence-{timezone.now():%Y-%m-%d}.zip"
    return FileResponse(file, as_attachment=True, filename=name)


@page()
def download(http: HttpRequest, document_id: int) -> FileResponse:
    """The signed PDF of any document, in the `language` that is asked for, where it was written in it."""
    document = get_object_or_404(IssuedDocument, pk=document_id)
    report = document.report(http.GET.getlist("language"))
    if report is None:
        raise Http404
    return FileResponse(storages["reports"].open(report.name), as_attachment=True, filename=f"fedshare-{report.name}")


@page(May.ISSUE, writes=True, reads=False)
def register(http: HttpRequest) -> HttpResponse:
    """Issue the register of a period."""
    period = PeriodForm(http.POST)
    if not period.is_valid():
        return render(http, "dashboard/evidence/register.html", {"period": period}, status=400)
    start, until = (_midnight(period.cleaned_data[name]) for name in ("start", "until"))
    issue_register(start, until)
    messages.success(http, _("The register is issued, and stands first in the list; its PDF is there in a moment."))
    return redirect("dashboard:evidence")


@page(writes=True)
def check(http: HttpRequest) -> HttpResponse:
    """Check a PDF against this log's keys."""
    if http.method != "POST":
        return _checked(http, ReportFile())
    brought = ReportFile(http.POST, http.FILES)
    if not brought.is_valid():
        return _checked(http, brought, status=400)
    trust = Trust(log_verifier_keys())
    results = verify_report(brought.cleaned_data["report"], trust)
    return _checked(
        http, ReportFile(), results=[(_CHECKS[one.name], one) for one in results], sound=is_sound(results, trust)
    )


@page()
def transparency(http: HttpRequest) -> HttpResponse:
    """The log: its checkpoints, its keys, and what waits for a place."""
    paginated = Paginator(LogCheckpoint.objects.all(), _PAGE_SIZE).get_page(http.GET.get("page"))
    context = {
        "page": paginated,
        "size": log.size(),
        "waiting": WaitingEntry.objects.count(),
        "keys": [str(key) for key in log_verifier_keys()],
    }
    return render(http, "dashboard/evidence/log.html", context)


def _filtered(http: HttpRequest) -> DocumentFilter:
    found: QuerySet[IssuedDocument] = IssuedDocument.objects.all()
    return DocumentFilter(http.GET, found)


def _last_month() -> PeriodForm:
    tomorrow = timezone.now().date() + timedelta(days=1)
    last_month = (tomorrow.replace(day=1) - timedelta(days=1)).replace(day=1)
    return PeriodForm(initial={"start": last_month, "until": tomorrow})


def _checked(http: HttpRequest, form: ReportFile, status: int = 200, **shown: Any) -> HttpResponse:
    context = {"form": form, "log_key": log_verifier_key(), **shown}
    return render(http, "dashboard/evidence/check.html", context, status=status)


def _rows(found: QuerySet[IssuedDocument]) -> list[dict[str, Any]]:
    """Rows of a page of the list, without the documents themselves, which are long."""
    period = KeyTransform("period", Cast("canonical", JSONField()))
    documents = (
        IssuedDocument.objects.filter(pk__in=list(found.values_list("pk", flat=True)))
        .defer("canonical")
        .select_related("request", "job", "certification")
        .prefetch_related("reports")
        .annotate(period=Case(When(schema=REGISTER, then=period)))
    )
    return [{"document": one, "kind": _KINDS.get(one.schema, one.schema), "about": _about(one)} for one in documents]


def _about(document: IssuedDocument) -> str:
    """What tells it from others of its kind, beside a request's own name."""
    if document.schema == REGISTER:
        zone = ZoneInfo(document.period.get("zone", "UTC"))
        start, end = (
            datetime.fromisoformat(document.period[name]).astimezone(zone).date().isoformat()
            for name in ("from", "until")
        )
        return _("{start} until before {end}").format(start=start, end=end)
    owner = getattr(document, {BATCH: "job", CERTIFICATION: "certification"}.get(document.schema, ""), None)
    return str(owner.pk)[:8] if owner else ""


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(settings.FEDSHARE_TIME_ZONE))
