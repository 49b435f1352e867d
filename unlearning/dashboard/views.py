"""Pages for privacy officers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, F
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from audits.evidence.document import EVIDENCE
from audits.reports import plots, wording
from audits.reports.measured import last_measured, telling
from models_engine.registry.models import Recommender
from unlearning.api.requests import pdf_response
from unlearning.jobs import control
from unlearning.jobs.models import Job, JobEvent
from unlearning.requests.actions import By
from unlearning.requests.errors import NotAllowed
from unlearning.requests.models import Request
from unlearning.requests.states import FINAL, State

_PAGE_SIZE = 50
_REASON_LENGTH = 500

PHASES = {
    State.RECEIVED: "Waiting for acceptance.",
    State.IDENTITY_PENDING: "Waiting for the identity check.",
    State.ACCEPTED: "The rows are gone. Waiting for other requests that can share the work.",
    State.SCHEDULED: "Waiting for a worker.",
    State.ON_HOLD: "On hold.",
    State.NEEDS_ATTENTION: "Several attempts failed: see the reason below.",
}


@dataclass(frozen=True)
class Control:
    """A button on a job."""

    act: Callable[[UUID, By], Job]
    action: JobEvent.Action
    label: str
    says: str
    """What it will do."""
    done: str


CONTROLS = {
    "pause": Control(
        control.pause, JobEvent.Action.PAUSE, "Pause",
        "The worker stops within a second or so; nothing of what it did so far is lost.", "The job is paused.",
    ),
    "continue": Control(
        control.go_on, JobEvent.Action.GO_ON, "Continue",
        "From its last checkpoint, with as many attempts as a new one.", "The job goes on.",
    ),
    "cancel": Control(
        control.cancel, JobEvent.Action.CANCEL, "Cancel the job",
        "Its open requests, this one and others that share it, go on hold until released. Their periods go on.",
        "The job is cancelled; its open requests are on hold.",
    ),
}  # fmt: skip


@login_required
@require_safe
def requests(http: HttpRequest) -> HttpResponse:
    """All requests: open ones in front, the first that is due foremost."""
    found = Request.objects.select_related("job").prefetch_related("evidence__reports")
    found = found.annotate(subject_count=Count("subjects"))
    open_first = found.order_by(F("completed_at").desc(nulls_first=True), "due_at")
    page = Paginator(open_first, _PAGE_SIZE).get_page(http.GET.get("page"))
    models = Recommender.objects.select_related("serving")
    return render(http, "dashboard/requests.html", {"page": page, "models": models})


@login_required
@require_safe
def request_detail(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """One request: what was asked, how far it is, what came of it."""
    request = _get(request_id)
    context = _progress(request)
    document = _document(request)
    if document:
        context |= {
            "document": document,
            "sentence": wording.CONCLUSIONS[document["conclusion"]],
            "ladder_reading": wording.reading_of_ladder(document),
            "ladder": [
                rung
                | {
                    "name": wording.STRATEGIES[rung["strategy"]],
                    "verdict_name": wording.VERDICTS[rung["verdict"]],
                    "reason": wording.reason(rung["reason"]),
                    "telling": telling(rung),
                }
                for rung in document["ladder"]
            ],
            "has_plots": last_measured(document) is not None,
        }
    return render(http, "dashboard/request.html", context)


@login_required
@require_safe
def request_progress(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """The live part of a request's page; tells the browser to reload once the request has ended."""
    request = _get(request_id)
    response = render(http, "dashboard/_progress.html", _progress(request))
    if request.state in FINAL:
        response["HX-Refresh"] = "true"
    return response


@login_required
@require_POST
def control_job(http: HttpRequest, request_id: UUID, action: str) -> HttpResponse:
    """Pause, continue or cancel the job of a request."""
    request = _get(request_id)
    if request.job is None or action not in CONTROLS:
        raise Http404
    by = By(http.user.get_username(), http.POST.get("reason", "").strip()[:_REASON_LENGTH])
    try:
        CONTROLS[action].act(request.job.pk, by)
        messages.success(http, CONTROLS[action].done)
    except NotAllowed as refused:
        messages.error(http, f"Nothing was done: {refused}.")
    return redirect("dashboard:request", request_id)


@login_required
@require_safe
def report(http: HttpRequest, request_id: UUID) -> FileResponse:
    """The signed PDF, in the `language` that is asked for, where it was written in it."""
    return pdf_response(_get(request_id), http.GET.getlist("language"))


@login_required
@require_safe
@csp_replace({"style-src": ["'unsafe-inline'"], "default-src": ["'none'"]})  # of the picture alone: it styles itself
def plot(http: HttpRequest, request_id: UUID, plot: str) -> HttpResponse:
    """A plot of the request's evidence: `influence` or `distribution`."""
    document = _document(_get(request_id))
    rung = document and last_measured(document)
    if not rung:
        raise Http404
    measured = telling(rung)
    match plot:
        case "influence":
            svg = plots.residual_influence(measured["membership"], document["plan"]["margin"])
        case "distribution":
            svg = plots.score_distributions(measured["histogram"])
        case _:
            raise Http404
    return HttpResponse(svg, content_type="image/svg+xml")


def _get(request_id: UUID) -> Request:
    return get_object_or_404(Request.objects.select_related("job", "evidence"), pk=request_id)


def _document(request: Request) -> dict[str, Any] | None:
    """The evidence, if it is of the version that these pages show; older ones are in their reports."""
    evidence = request.evidence
    return evidence.content if evidence and evidence.schema == EVIDENCE else None


def _progress(request: Request) -> dict[str, object]:
    working = request.state in (State.UNLEARNING, State.VERIFYING)
    return {
        "request_row": request,
        "job": request.job,
        "working": working,
        "ended": request.state in FINAL,
        "waiting_for": "Paused." if _state(request.job) == Job.State.PAUSED else PHASES.get(request.state, ""),
        "controls": [
            {"action": action, "label": one.label, "says": one.says}
            for action, one in CONTROLS.items()
            if _state(request.job) in control.ALLOWED_IN[one.action]
        ],
    }


def _state(job: Job | None) -> str | None:
    return job.state if job is not None else None
