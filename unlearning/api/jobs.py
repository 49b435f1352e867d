"""Jobs: see them all, and pause, continue or cancel one. For the controller's own back office."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from unlearning.api import sandbox
from unlearning.api.base import ClientView, PageQuery, described, page, paged, query
from unlearning.api.fields import Choice, Strict
from unlearning.api.request_actions import ActionIn
from unlearning.jobs import control
from unlearning.jobs.models import Job
from unlearning.requests.actions import By

_MANAGED = "requests:manage"


class JobsQuery(Strict):
    """Filters of the list."""

    state = Choice(choices=Job.State.choices, required=False)


class WholeJobOut(serializers.ModelSerializer):
    """A job and how far it is."""

    recommender = serializers.CharField(source="recommender.name")
    requests = serializers.SerializerMethodField(help_text="How many requests share it")
    seconds = serializers.FloatField(help_text="That the phases of the last attempt took so far; see estimated_seconds")

    class Meta:
        model = Job
        fields = [
            "id",
            "recommender",
            "state",
            "requests",
            "phase",
            "progress",
            "trouble",
            "attempt",
            "estimated_seconds",
            "seconds",
            "created_at",
            "started_at",
            "finished_at",
        ]

    @extend_schema_field(serializers.IntegerField())
    def get_requests(self, job: Job) -> int:
        """Their number."""
        counted = getattr(job, "request_count", None)
        return job.requests.count() if counted is None else counted


class _JobView(ClientView):
    def visible(self) -> QuerySet[Job]:
        """All; none for a client of the sandbox."""
        if sandbox.is_sandbox(self.client):
            return Job.objects.none()
        return Job.objects.select_related("recommender").annotate(request_count=Count("requests"))


class Jobs(_JobView):
    """List jobs."""

    scopes = {"GET": _MANAGED}

    @described(
        "list_jobs",
        "jobs",
        {200: paged(WholeJobOut(many=True), "JobPage")},
        parameters=[JobsQuery, *PageQuery.PARAMETERS],
    )
    def get(self, http: HttpRequest) -> Response:
        """The latest first."""
        return page(http, self, self.visible().filter(**query(JobsQuery, http)), WholeJobOut, "-created_at", "id")


class _Controlled(_JobView):
    scopes = {"POST": _MANAGED}
    take: Callable[[UUID, By], Job]

    def act(self, job_id: UUID) -> Response:
        """Check the body and act."""
        if not self.visible().filter(pk=job_id).exists():
            raise Http404

        def act(wanted: dict[str, Any]) -> Response:
            return Response(WholeJobOut(type(self).take(job_id, By(self.client, wanted["reason"]))).data)

        return self.write(ActionIn, act)


class Pause(_Controlled):
    """Stop a job where it is."""

    take = staticmethod(control.pause)

    @described("pause_job", "jobs", {200: WholeJobOut}, writes=True, missing=True, request=ActionIn)
    def post(self, http: HttpRequest, job_id: UUID) -> Response:
        """Its worker notices within a second or so, and writes nothing any more."""
        return self.act(job_id)


class GoOn(_Controlled):
    """Let a job go on that is paused or needs attention."""

    take = staticmethod(control.go_on)

    @described("continue_job", "jobs", {200: WholeJobOut}, writes=True, missing=True, request=ActionIn)
    def post(self, http: HttpRequest, job_id: UUID) -> Response:
        """From its last checkpoint, with as many attempts as a new one."""
        return self.act(job_id)


class CancelJob(_Controlled):
    """Give a job up."""

    take = staticmethod(control.cancel)

    @described("cancel_job", "jobs", {200: WholeJobOut}, writes=True, missing=True, request=ActionIn)
    def post(self, http: HttpRequest, job_id: UUID) -> Response:
        """Its open requests are put on hold until they are released; their periods go on."""
        return self.act(job_id)
