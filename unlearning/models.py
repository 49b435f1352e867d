"""Gathers the domain's tables for Django."""

from unlearning.consent.models import ConsentEvent, ConsentState
from unlearning.jobs.models import Job
from unlearning.lineage.models import Dataset, Interaction, Item, Subject, Suppression
from unlearning.requests.models import Request, RequestSubject, SealedForgetSet

__all__ = [
    "ConsentEvent",
    "ConsentState",
    "Dataset",
    "Interaction",
    "Item",
    "Job",
    "Request",
    "RequestSubject",
    "SealedForgetSet",
    "Subject",
    "Suppression",
]
