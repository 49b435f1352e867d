"""Pages on reports: what was issued, a register on demand, and checking a PDF that somebody brings."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.files.storage import storages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER
from audits.evidence.keys import log_verifier_key, log_verifier_keys
from audits.evidence.models import IssuedDocument
from audits.reports.verify import Trust, verify_report
from audits.reports.verify.checks import is_sound
from audits.reports.verify.signature import MOST_BYTES
from audits.reports.writing import write_reports
from unlearning.requests.register import issue_register

_PAGE_SIZE = 50
_KINDS = {EVIDENCE: "request", BATCH: "batch", CERTIFICATION: "certification", REGISTER: "register"}


class PeriodForm(forms.Form):
    """The period of a register."""

    start = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="Until before", widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        """The period has a beginning before its end."""
        period = super().clean()
        if "start" in period and "until" in period and period["until"] <= period["start"]:
            self.add_error("until", "Give a day after the first.")
        if "start" in period and period["start"] > timezone.now().date():
            self.add_error("start", "This day has not come yet.")
        return period


class ReportFile(forms.Form):
    """A PDF that is to be checked."""

    report = forms.FileField(label="Report (PDF)", widget=forms.FileInput(attrs={"accept": "application/pdf"}))

    def clean_report(self) -> bytes:
        """The file's bytes; it is read, and not kept."""
        report = self.cleaned_data["report"]
        if report.size > MOST_BYTES:
            raise forms.ValidationError("This file is larger than any report (50 MB).")
        return report.read()


@login_required
@require_safe
def issued(http: HttpRequest) -> HttpResponse:
    """What was issued, the latest first."""
    found = IssuedDocument.objects.select_related("request").prefetch_related("reports")
    page = Paginator(found, _PAGE_SIZE).get_page(http.GET.get("page"))
    rows = [
        {"document": document, "kind": _KINDS.get(document.schema, document.schema), "about": _about(document)}
        for document in page
    ]
    tomorrow = timezone.now().date() + timedelta(days=1)
    last_month = (tomorrow.replace(day=1) - timedelta(days=1)).replace(day=1)
    period = PeriodForm(initial={"start": last_month, "until": tomorrow})
    return render(http, "dashboard/reports.html", {"page": page, "rows": rows, "period": period})


@login_required
@require_safe
def download(http: HttpRequest, document_id: int) -> FileResponse:
    """The signed PDF of any document, in the `language` that is asked for, where it was written in it."""
    document = get_object_or_404(IssuedDocument, pk=document_id)
    report = document.report(http.GET.getlist("language"))
    if report is None:
        raise Http404
    return FileResponse(storages["reports"].open(report.name), as_attachment=True, filename=f"fedshare-{report.name}")


@login_required
@require_POST
def register(http: HttpRequest) -> HttpResponse:
    """Issue the register of a period."""
    period = PeriodForm(http.POST)
    if not period.is_valid():
        return render(http, "dashboard/register.html", {"period": period}, status=400)
    start, until = (_midnight(period.cleaned_data[name]) for name in ("start", "until"))
    document = issue_register(start, until)
    write_reports(document)
    return redirect("dashboard:reports")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def verify(http: HttpRequest) -> HttpResponse:
    """Check a PDF against this log's keys."""
    if http.method != "POST":
        return _verified(http, ReportFile())
    brought = ReportFile(http.POST, http.FILES)
    if not brought.is_valid():
        return _verified(http, brought, status=400)
    trust = Trust(log_verifier_keys())
    results = verify_report(brought.cleaned_data["report"], trust)
    return _verified(http, ReportFile(), results=results, sound=is_sound(results, trust))


def _verified(http: HttpRequest, form: ReportFile, status: int = 200, **shown: Any) -> HttpResponse:
    context = {"form": form, "log_key": log_verifier_key(), **shown}
    return render(http, "dashboard/verify.html", context, status=status)


def _about(document: IssuedDocument) -> str:
    """What tells it from others of its kind, beside a request's own name."""
    if document.schema == REGISTER:
        period = document.content["period"]
        return f"{period['from'][:10]} until before {period['until'][:10]}"
    return document.content["id"][:8] if document.schema in (BATCH, CERTIFICATION) else ""


def _midnight(day: Any) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
