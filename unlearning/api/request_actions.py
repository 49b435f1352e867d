"""What may be done about a request: its sender takes it back, the controller verifies, holds, extends, refuses."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from unlearning.api.base import described
from unlearning.api.fields import Choice, Strict
from unlearning.api.requests import RequestOut, RequestView
from unlearning.requests import actions
from unlearning.requests.actions import By
from unlearning.requests.grounds import Extension, Ground
from unlearning.requests.models import Request


class ActionIn(Strict):
    """An action without more."""

    reason = serializers.CharField(
        max_length=500, required=False, default="", help_text="For the history; nothing that tells of a person"
    )


class ExtensionIn(Strict):
    """An extension of the period."""

    reason = Choice(choices=Extension.choices, help_text="Which the requester is told")


class RefusalIn(ActionIn):
    """A refusal."""

    ground = Choice(choices=Ground.choices, help_text="Of the request's own regime")


class Cancellation(RequestView):
    """Take a request back."""

    scopes = {"POST": "requests:write"}

    @described("cancel_request", "requests", {200: RequestOut}, writes=True, missing=True, request=ActionIn)
    def post(self, http: HttpRequest, request_id: UUID) -> Response:
        """Until it is accepted: after that the rows are gone."""
        request = self.one(request_id)

        def act(wanted: dict[str, Any]) -> Response:
            by, number = By(self.client, wanted["reason"]), self.shown(request)["external_id"]
            # Under the client's own id, also where the request stays for others alone.
            return Response(self.shown(actions.cancel_submission(request, self.client, by), number))

        return self.write(ActionIn, act)


class _Managed(RequestView):
    """An action of the controller's."""

    scopes = {"POST": "requests:manage"}
    serializer: type = ActionIn

    def act(self, request_id: UUID) -> Response:
        """Check the body and act."""
        request = self.one(request_id)
        return self.write(self.serializer, lambda wanted: Response(self.shown(self.perform(request, wanted))))

    def perform(self, request: Request, wanted: dict[str, Any]) -> Request:
        """The action itself."""
        raise NotImplementedError

    def by(self, wanted: dict[str, Any]) -> By:
        """Who acts, and why."""
        return By(self.client, wanted.get("reason", ""))


class IdentityCheck(_Managed):
    """Say that the requester is who they say."""

    @described("verify_identity", "requests", {200: RequestOut}, writes=True, missing=True, request=ActionIn)
    def post(self, http: HttpRequest, request_id: UUID) -> Response:
        """The request is accepted, and the rows leave; the period goes on from where the doubt stopped it (GDPR)."""
        return self.act(request_id)

    def perform(self, request: Request, wanted: dict[str, Any]) -> Request:
        return actions.verify_identity(request, self.by(wanted))


class Hold(_Managed):
    """Put a request on hold."""

    @described("hold_request", "requests", {200: RequestOut}, writes=True, missing=True, request=ActionIn)
    def post(self, http: HttpRequest, request_id: UUID) -> Response:
        """The period goes on."""
        return self.act(request_id)

    def perform(self, request: Request, wanted: dict[str, Any]) -> Request:
        return actions.hold(request, self.by(wanted))


class Release(_Managed):
    """Let a held request go on."""

    @described("release_request", "requests", {200: RequestOut}, writes=True, missing=True, request=ActionIn)
    def post(self, http: HttpRequest, request_id: UUID) -> Response:
        """Where it was."""
        return self.act(request_id)

    def perform(self, request: Request, wanted: dict[str, Any]) -> Request:
        return actions.release(request, self.by(wanted))


class ExtensionOfPeriod(_Managed):
    """Extend the period."""

    serializer = ExtensionIn

    @described("extend_request", "requests", {200: RequestOut}, writes=True, missing=True, request=ExtensionIn)
    def post(self, http: HttpRequest, request_id: UUID) -> Response:
        """Once, within the first period, with a reason (GDPR art. 12(3); Cal. Civ. Code § 1798.130(a)(2))."""
        return self.act(request_id)

    def perform(self, request: Request, wanted: dict[str, Any]) -> Request:
        return actions.extend(request, By(self.client), wanted["reason"])


class Refusal(_Managed):
    """Refuse a request."""

    serializer = RefusalIn

    @described("refuse_request", "requests", {200: RequestOut}, writes=True, missing=True, request=RefusalIn)
    def post(self, http: HttpRequest, request_id: UUID) -> Response:
        """On a ground that the law has (GDPR art. 12(4), 17(3); Cal. Civ. Code § 1798.105(d))."""
        return self.act(request_id)

    def perform(self, request: Request, wanted: dict[str, Any]) -> Request:
        return actions.refuse(request, self.by(wanted), wanted["ground"])
