"""Gathers the domain's tables for Django."""

from unlearning.api.models import ClientScopes, IdempotentAnswer
from unlearning.connectors.models import Callback, ConnectorSecret
from unlearning.consent.models import ConsentEvent, ConsentState, Exclusion
from unlearning.jobs.models import Job, JobEvent
from unlearning.lineage.models import Dataset, Identifier, Interaction, Item, Subject, Suppression
from unlearning.requests.models import Duplicate, Request, RequestEvent, RequestSubject, SealedForgetSet
from unlearning.webhooks.models import Delivery, DeliveryAttempt, Endpoint

__all__ = [
    "Callback",
    "ClientScopes",
    "ConnectorSecret",
    "ConsentEvent",
    "ConsentState",
    "Dataset",
    "Delivery",
    "DeliveryAttempt",
    "Duplicate",
    "Endpoint",
    "Exclusion",
    "IdempotentAnswer",
    "Identifier",
    "Interaction",
    "Item",
    "Job",
    "JobEvent",
    "Request",
    "RequestEvent",
    "RequestSubject",
    "SealedForgetSet",
    "Subject",
    "Suppression",
]
