"""Addresses of the connectors."""

from django.urls import path

from unlearning.connectors.drop.views import webhook as drop
from unlearning.connectors.drp import views as drp
from unlearning.connectors.hubspot.views import webhook as hubspot
from unlearning.connectors.opendsr import views as opendsr
from unlearning.connectors.shopify.views import webhook as shopify

app_name = "connectors"
urlpatterns = [
    path("webhooks/shopify", shopify, name="shopify"),
    path("webhooks/hubspot", hubspot, name="hubspot"),
    path("webhooks/drop", drop, name="drop"),
    path("opendsr/v2/discovery", opendsr.discovery, name="opendsr-discovery"),
    path("opendsr/v2/certificate.pem", opendsr.certificate, name="opendsr-certificate"),
    path("opendsr/v2/requests", opendsr.requests, name="opendsr-requests"),
    path("opendsr/v2/requests/<uuid:subject_request_id>", opendsr.one_request, name="opendsr-request"),
    path("drp/v1/agent/<str:agent_id>", drp.agent, name="drp-agent"),
    path("drp/v1/data-rights-request", drp.requests, name="drp-requests"),
    path("drp/v1/data-rights-request/<uuid:request_id>", drp.one_request, name="drp-request"),
]
