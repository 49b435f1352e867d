"""Webhooks: who is told of what, and how that went."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers
from rest_framework.request import Request as HttpRequest
from rest_framework.response import Response

from unlearning.api.base import ClientView, PageQuery, described, page, paged, query
from unlearning.api.fields import Choice, Strict
from unlearning.webhooks import addresses, catalogue, delivering, endpoints
from unlearning.webhooks.models import Delivery, DeliveryAttempt, Endpoint

_EVENTS = [(name, name) for name in catalogue.NAMES]


class EndpointIn(Strict):
    """An endpoint."""

    name = serializers.CharField(max_length=100, help_text="As reports list it among the recipients")
    url = serializers.URLField(max_length=500, help_text="https://, and no address inside")
    events = serializers.ListField(child=Choice(choices=_EVENTS), min_length=1, max_length=len(_EVENTS))

    def validate_url(self, url: str) -> str:
        """One that may be sent to."""
        try:
            addresses.check_url(url)
        except addresses.Forbidden as forbidden:
            raise serializers.ValidationError(f"{str(forbidden)[0].upper()}{str(forbidden)[1:]}.") from None
        return url


class EmptyIn(Strict):
    """Nothing."""


class DeliveriesQuery(Strict):
    """Filters of the deliveries."""

    state = Choice(choices=Delivery.State.choices, required=False)
    event = Choice(choices=_EVENTS, required=False)


class EndpointOut(serializers.ModelSerializer):
    """An endpoint; its secret is shown when it is made, and not again."""

    class Meta:
        model = Endpoint
        fields = ["id", "name", "url", "events", "disabled_at", "disabled_because", "created_at"]


class NewEndpointOut(EndpointOut):
    """An endpoint with its secret."""

    secret = serializers.CharField(help_text="As Standard Webhooks writes it; shown this once")

    class Meta(EndpointOut.Meta):
        fields = [*EndpointOut.Meta.fields, "secret"]


class AttemptOut(serializers.ModelSerializer):
    """One attempt."""

    class Meta:
        model = DeliveryAttempt
        fields = ["at", "status", "trouble", "milliseconds"]


class DeliveryOut(serializers.ModelSerializer):
    """One event for one endpoint."""

    attempts = AttemptOut(many=True)

    class Meta:
        model = Delivery
        fields = ["id", "event", "payload", "occurred_at", "state", "next_at", "attempts"]


class CatalogueOut(serializers.Serializer):
    """An event that can be subscribed to."""

    name = serializers.CharField()
    when = serializers.CharField()
    example = serializers.DictField()


class _Webhook(ClientView):
    """Endpoints of this client."""

    def mine(self) -> QuerySet[Endpoint]:
        """All of them."""
        return Endpoint.objects.registered().filter(owner=self.client)

    def one(self, endpoint_id: UUID) -> Endpoint:
        """One of them; 404 for any other."""
        try:
            return self.mine().get(pk=endpoint_id)
        except Endpoint.DoesNotExist:
            raise Http404 from None


class Catalogue(ClientView):
    """The events."""

    scopes = {"GET": "webhooks:manage"}

    @described("list_webhook_events", "webhooks", {200: CatalogueOut(many=True)})
    def get(self, http: HttpRequest) -> Response:
        """What can be subscribed to, with an example of each body's `data`."""
        return Response(CatalogueOut(catalogue.CATALOGUE, many=True).data)


class Webhooks(_Webhook):
    """Register an endpoint, or list them."""

    scopes = {"GET": "webhooks:manage", "POST": "webhooks:manage"}

    @described(
        "register_webhook",
        "webhooks",
        {201: NewEndpointOut},
        writes=True,
        parameters=[],
        request=EndpointIn,
        examples=[
            OpenApiExample(
                "A mailing tool",
                {
                    "name": "Mailing tool",
                    "url": "https://hooks.example.org/fedshare",
                    "events": ["data.withdrawn", "request.completed"],
                },
                request_only=True,
            )
        ],
    )
    def post(self, http: HttpRequest) -> Response:
        """Signed after Standard Webhooks; retried over three days; 410 disables it."""

        def act(wanted: dict[str, Any]) -> Response:
            endpoint, secret = endpoints.register(owner=self.client, **wanted)
            headers = {"Location": f"/api/v1/webhooks/{endpoint.pk}"}
            body = EndpointOut(endpoint).data | {"secret": secret}
            return Response(body, status=201, headers=headers)

        return self.write(EndpointIn, act, keep=False)

    @described(
        "list_webhooks",
        "webhooks",
        {200: paged(EndpointOut(many=True), "EndpointPage")},
        parameters=PageQuery.PARAMETERS,
    )
    def get(self, http: HttpRequest) -> Response:
        """This client's."""
        return page(http, self, self.mine(), EndpointOut, "created_at", "id")


class OneWebhook(_Webhook):
    """An endpoint."""

    scopes = dict.fromkeys(("GET", "PUT", "DELETE"), "webhooks:manage")

    @described("get_webhook", "webhooks", {200: EndpointOut}, missing=True)
    def get(self, http: HttpRequest, endpoint_id: UUID) -> Response:
        """As it is."""
        return Response(EndpointOut(self.one(endpoint_id)).data)

    @described("change_webhook", "webhooks", {200: EndpointOut}, writes=True, missing=True, request=EndpointIn)
    def put(self, http: HttpRequest, endpoint_id: UUID) -> Response:
        """Another name, address or set of events; one that was disabled is enabled again."""
        endpoint = self.one(endpoint_id)

        def act(wanted: dict[str, Any]) -> Response:
            endpoints.change(endpoint, **wanted)
            return Response(EndpointOut(endpoint).data)

        return self.write(EndpointIn, act)

    @described("delete_webhook", "webhooks", {204: None}, missing=True)
    def delete(self, http: HttpRequest, endpoint_id: UUID) -> Response:
        """What it was to be told is given up; what it was told stays on record."""
        endpoints.remove(self.one(endpoint_id))
        return Response(status=204)


class Rotation(_Webhook):
    """A new secret."""

    scopes = {"POST": "webhooks:manage"}

    @described(
        "rotate_webhook_secret", "webhooks", {200: NewEndpointOut}, writes=True, missing=True, parameters=[],
        request=EmptyIn,
    )  # fmt: skip
    def post(self, http: HttpRequest, endpoint_id: UUID) -> Response:
        """The one before signs beside it, until the next rotation."""
        endpoint = self.one(endpoint_id)

        def act(wanted: dict[str, Any]) -> Response:
            return Response(EndpointOut(endpoint).data | {"secret": endpoints.rotate(endpoint)})

        return self.write(EmptyIn, act, keep=False)


class Test(_Webhook):
    """A test."""

    scopes = {"POST": "webhooks:manage"}

    @described("test_webhook", "webhooks", {202: DeliveryOut}, writes=True, missing=True, request=EmptyIn)
    def post(self, http: HttpRequest, endpoint_id: UUID) -> Response:
        """Send `webhook.test`, whether it is subscribed to or not."""
        endpoint = self.one(endpoint_id)

        def act(wanted: dict[str, Any]) -> Response:
            return Response(DeliveryOut(delivering.send_test(endpoint)).data, status=202)

        return self.write(EmptyIn, act)


class Deliveries(_Webhook):
    """What an endpoint was told."""

    scopes = {"GET": "webhooks:manage"}

    @described(
        "list_deliveries",
        "webhooks",
        {200: paged(DeliveryOut(many=True), "DeliveryPage")},
        missing=True,
        parameters=[DeliveriesQuery, *PageQuery.PARAMETERS],
    )
    def get(self, http: HttpRequest, endpoint_id: UUID) -> Response:
        """The latest first, with every attempt."""
        found = self.one(endpoint_id).deliveries.filter(**query(DeliveriesQuery, http)).prefetch_related("attempts")
        return page(http, self, found, DeliveryOut, "-occurred_at", "id")


class Replay(_Webhook):
    """Tell it again."""

    scopes = {"POST": "webhooks:manage"}

    @described("replay_delivery", "webhooks", {202: DeliveryOut}, writes=True, missing=True, request=EmptyIn)
    def post(self, http: HttpRequest, endpoint_id: UUID, delivery_id: UUID) -> Response:
        """Under the same `webhook-id`, so that who had it already can tell."""
        delivery = self.one(endpoint_id).deliveries.filter(pk=delivery_id).first()
        if delivery is None:
            raise Http404

        def act(wanted: dict[str, Any]) -> Response:
            delivering.replay(delivery)
            return Response(DeliveryOut(delivery).data, status=202)

        return self.write(EmptyIn, act)
