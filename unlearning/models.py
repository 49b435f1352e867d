"""Gathers the domain's tables for Django."""

from unlearning.api.models import ClientScopes, IdempotentAnswer
from unlearning.connectors.models import Callback, ConnectorSecret
from unlearning.consent.models import ConsentEvent, ConsentState, Exclusion
from unlearning.dashboard.models import SavedView
from unlearning.jobs.models import Job, JobEvent, RecommendationSample
from unlearning.lineage.models import Dataset, Identifier, Interaction, Item, Subject, Suppression
from unlearning.officers.models import AccessRecord, Officer
from unlearning.requests.models import (
    Duplicate,
    Policy,
    Proposal,
    Request,
    RequestEvent,
    RequestSubject,
    SealedForgetSet,
    TakenBack,
)
from unlearning.webhooks.models import Delivery, DeliveryAttempt, Endpoint

__all__ = [
    "AccessRecord",
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
    "Officer",
    "Policy",
    "Proposal",
    "RecommendationSample",
    "Request",
    "RequestEvent",
    "RequestSubject",
    "SavedView",
    "SealedForgetSet",
    "Subject",
    "Suppression",
    "TakenBack",
]
