"""One request: what was asked, how far it is, what came of it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audits.evidence.document import EVIDENCE
from audits.reports import plots, wording
from audits.reports.measured import last_measured, telling
from unlearning.api.requests import pdf_response
from unlearning.dashboard.access import page, record_view
from unlearning.dashboard.plots import answer
from unlearning.dashboard.requests.acting import possible
from unlearning.dashboard.requests.listing import days_left
from unlearning.dashboard.requests.timeline import timeline, told
from unlearning.jobs.control import OPEN
from unlearning.jobs.models import Job
from unlearning.officers.roles import May
from unlearning.requests.deadlines import stands_still
from unlearning.requests.models import Request
from unlearning.requests.proposals import open_proposal
from unlearning.requests.states import FINAL, State

_TELLING = 0.05
"""Progress of a phase, from which on its pace says when it will be over."""
_MOST_SUBJECTS, _FEW_SUBJECTS = 200, 5
"""More than a few are shown when they are asked for: that somebody looked at them is on record."""

WAITING_FOR = {
    State.RECEIVED: gettext_lazy("Waiting for acceptance."),
    State.IDENTITY_PENDING: gettext_lazy("Waiting for somebody to establish who the requester is."),
    State.ACCEPTED: gettext_lazy("The rows are gone. Waiting for other requests that can share the work."),
    State.SCHEDULED: gettext_lazy("Waiting for a worker."),
    State.ON_HOLD: gettext_lazy("On hold until somebody lets it go on."),
    State.NEEDS_ATTENTION: gettext_lazy("Several attempts failed. Mend the cause below, then retry."),
}

PHASES = {
    "prepare": gettext_lazy("Reading the data"),
    "references": gettext_lazy("Training models without the data"),
    "models that know the data": gettext_lazy("Training models with the data"),
    "positive control": gettext_lazy("Looking for the data in models that know it"),
    "forget": gettext_lazy("Forgetting"),
    "verify": gettext_lazy("Checking"),
    "commit": gettext_lazy("Replacing the model"),
}


@page()
def request_detail(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Everything about one request."""
    request = _get(request_id)
    count = request.subjects.count()
    shows_subjects = May.SEE_SUBJECTS in http.may and (count <= _FEW_SUBJECTS or "subjects" in http.GET)
    members = list(request.subjects.select_related("subject").order_by("pk")[:_MOST_SUBJECTS]) if shows_subjects else []
    record_view(http, [member.subject_id for member in members])
    context = _progress(request, http.may) | {
        "left": days_left(request, timezone.now()),
        "still": stands_still(request),
        "late": _late(request),
        "members": members,
        "member_count": count,
        "proposal": open_proposal(request),
        "timeline": timeline(request),
        "told": told(request),
        "callbacks": list(request.callbacks.all()),
        "duplicates": list(request.duplicates.all()),
        "sharing_job": _sharing_job(request),
        "denial": wording.DENIALS.get(request.denial, ""),
        "extension": wording.EXTENSIONS.get(request.extension_reason, ""),
        "scope": wording.SCOPES[request.scope],
        "manner": wording.MANNERS[request.manner],
    }
    document = _document(request)
    if document:
        context |= _concluded(document)
    return render(http, "dashboard/requests/one.html", context)


@page()
def request_progress(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """The live part of a request's page; tells the browser to reload once the request has ended."""
    request = _get(request_id)
    response = render(http, "dashboard/requests/_progress.html", _progress(request, http.may))
    if request.state in FINAL:
        response["HX-Refresh"] = "true"
    return response


@page()
def report(http: HttpRequest, request_id: UUID) -> FileResponse:
    """The signed PDF, in the `language` that is asked for, where it was written in it."""
    return pdf_response(_get(request_id), http.GET.getlist("language"))


@page()
def document(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """The evidence document, as the log commits to it."""
    evidence = _get(request_id).evidence
    if evidence is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="fedshare-evidence-{request_id}.json"'}
    return HttpResponse(evidence.canonical, content_type="application/json", headers=headers)


@page()
def plot(http: HttpRequest, request_id: UUID, plot: str) -> HttpResponse:
    """A plot of the request's evidence: `influence` or `distribution`."""
    document = _document(_get(request_id))
    rung = document and last_measured(document)
    if not rung:
        raise Http404
    measured = telling(rung)
    match plot:
        case "influence":
            return answer(http, plots.residual_influence(measured["membership"], document["plan"]["margin"]))
        case "distribution":
            return answer(http, plots.score_distributions(measured["histogram"]))
    raise Http404


def _get(request_id: UUID) -> Request:
    found = Request.objects.select_related("job__recommender", "evidence").prefetch_related(
        "events", "proposals", "evidence__reports", Prefetch("job__events")
    )
    return get_object_or_404(found, pk=request_id)


def _late(request: Request) -> bool:
    """Whether it ended after its period; what its sender took back needed no answer."""
    answered = request.completed_at or request.closed_at
    return answered is not None and answered >= request.due_at and request.state != State.CANCELLED


def _document(request: Request) -> dict[str, Any] | None:
    """The evidence, if it is of the version that these pages show; older ones are in their reports."""
    evidence = request.evidence
    return evidence.content if evidence and evidence.schema == EVIDENCE else None


def _concluded(document: dict[str, Any]) -> dict[str, Any]:
    ladder = [
        rung
        | {
            "name": wording.STRATEGIES[rung["strategy"]],
            "verdict_name": wording.VERDICTS[rung["verdict"]],
            "reason": wording.reason(rung["reason"]),
            "influences": [
                (wording.STATISTICS[member["name"]], member["influence"])
                for member in (telling(rung) or {}).get("membership", [])
            ],
        }
        for rung in document["ladder"]
    ]
    return {
        "document": document,
        "conclusion": wording.CONCLUSION_NAMES[document["conclusion"]],
        "sentence": wording.CONCLUSIONS[document["conclusion"]],
        "ladder_reading": wording.reading_of_ladder(document),
        "ladder": ladder,
        "has_plots": last_measured(document) is not None,
    }


def _progress(request: Request, may: frozenset[May]) -> dict[str, Any]:
    job = request.job
    working = request.state in (State.UNLEARNING, State.VERIFYING)
    paused = job is not None and job.state == Job.State.PAUSED and not working
    return {
        "request_row": request,
        "job": job,
        "working": working,
        "ended": request.state in FINAL,
        "waiting_for": _("Paused. It keeps what it did.") if paused else _waiting_for(request),
        "phase": _phase(job.phase) if job else "",
        "phases": [(_phase(name), seconds) for name, seconds in job.timings.items()] if job else [],
        "time_left": _time_left(job) if job and working else None,
        "taken": timezone.now() - job.started_at if job and job.started_at else None,
        "plan": request.plan,
        "possible": possible(request, may),
    }


def _waiting_for(request: Request) -> str:
    if request.state == State.ACCEPTED and Job.objects.filter(state__in=OPEN).exists():
        return _("The rows are gone. Waiting for the present job to end: the next one has this request.")
    return WAITING_FOR.get(request.state, "")


def _phase(name: str) -> str:
    """A phase of a job in words: `verify: contrastive` as “Checking: contrastive unlearning”."""
    kind, _colon, strategy = name.partition(": ")
    words = str(PHASES.get(kind, kind))
    return f"{words}: {wording.STRATEGIES.get(strategy, strategy)}" if strategy else words


def _time_left(job: Job) -> timedelta | None:
    """Of the phase, by the pace that it had so far; None while there is too little to tell by."""
    if job.phase_at is None or job.progress < _TELLING:
        return None
    return (timezone.now() - job.phase_at) * (1 - job.progress) / job.progress


def _sharing_job(request: Request) -> list[Request]:
    """Other requests of the same job."""
    return list(request.job.requests.exclude(pk=request.pk).order_by("due_at")[:20]) if request.job else []
