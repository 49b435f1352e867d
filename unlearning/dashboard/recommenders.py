"""The pages on models: their versions, what each was trained on, and whose influence they still carry."""

from uuid import UUID

from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from audits.certification.models import Certification
from audits.certification.services import certification_of
from audits.reports import plots as report_plots
from audits.reports import wording
from audits.reports.measured import operating_curve, worst
from models_engine.fedshare.training import snapshot_rounds
from models_engine.registry.models import ModelVersion, Recommender
from unlearning.dashboard import figures, plots
from unlearning.dashboard.access import page
from unlearning.jobs.models import Job
from unlearning.requests.models import Request
from unlearning.requests.states import FINAL

_MOST_VERSIONS = 100


@page()
def models(http: HttpRequest) -> HttpResponse:
    """Every recommender."""
    return render(http, "dashboard/models/list.html", {"models": figures.models()})


@page()
def model(http: HttpRequest, name: str) -> HttpResponse:
    """One recommender and its versions."""
    recommender = get_object_or_404(Recommender.objects.select_related("serving__recommender"), name=name)
    versions = recommender.versions.select_related("dataset", "parent").order_by("-number")[:_MOST_VERSIONS]
    certifications = Certification.objects.filter(version__recommender=recommender)
    context = {
        "recommender": recommender,
        "versions": versions,
        "jobs": Job.objects.filter(recommender=recommender).annotate(n=Count("requests"))[:20],
        "certification": certification_of(recommender.serving) if recommender.serving else None,
        "certifications": certifications.select_related("version", "document").prefetch_related("document__reports"),
        "config": sorted(recommender.config.items()),
    }
    return render(http, "dashboard/models/one.html", context)


@page()
def version(http: HttpRequest, name: str, number: int) -> HttpResponse:
    """What a version was trained on, its snapshots, and whose influence they still carry."""
    one = _version(name, number)
    waiting = Request.objects.filter(reached=one).exclude(state__in=FINAL)
    snapshots = snapshot_rounds(one.recommender.fedshare_config().rounds)
    context = {
        "recommender": one.recommender,
        "version": one,
        "dataset": getattr(one, "dataset", None),
        "method": wording.STRATEGIES.get(one.method, one.get_method_display()),
        "waiting": waiting.order_by("due_at")[:50],
        "carried": waiting.aggregate(requests=Count("pk"), rows=Sum("rows_removed")),
        "snapshots": [] if one.destroyed_at else snapshots,
        "samples": one.samples.select_related("subject"),
    }
    return render(http, "dashboard/models/version.html", context)


@page()
def training_plot(http: HttpRequest, name: str, number: int) -> HttpResponse:
    """The loss of the training that a version comes from."""
    losses = _version(name, number).metrics.get("losses")
    if not losses:
        raise Http404
    return plots.answer(http, plots.training(losses))


@page()
def certification_plot(http: HttpRequest, certification_id: UUID) -> HttpResponse:
    """What is left of the influence, in each cell of a certification."""
    content = get_object_or_404(Certification, pk=certification_id).document.content
    rows = [
        (str(wording.CELLS[cell["kind"], cell["size"]]), worst(cell["measurements"], cell["plan"])["influence"])
        for cell in content["cells"]
    ]
    return plots.answer(http, report_plots.influences(rows, content["cells"][0]["plan"]["margin"]))


@page()
def operating_plot(http: HttpRequest, certification_id: UUID) -> HttpResponse:
    """How often a certification like this one would say “removed”, by what is truly left."""
    cells = get_object_or_404(Certification, pk=certification_id).document.content["cells"]
    margin = cells[0]["plan"]["margin"]
    rhos = [place * margin / 15 for place in range(-45, 46)]
    curves = {
        str(wording.CELLS[cell["kind"], cell["size"]]): operating_curve(cell["measurements"], cell["plan"], rhos)
        for cell in cells
    }
    return plots.answer(http, report_plots.operating_curves(curves, rhos, margin))


def _version(name: str, number: int) -> ModelVersion:
    found = ModelVersion.objects.select_related("recommender", "dataset", "parent")
    return get_object_or_404(found, recommender__name=name, number=number)
