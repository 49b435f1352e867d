"""Subjects with consent and interactions, for tests of the domain."""

from datetime import UTC, datetime

from unlearning.consent.services import record_consent
from unlearning.jobs.devices import simulated_fleet
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Identity, ensure_subjects
from unlearning.requests import deciding, opening
from unlearning.requests.deciding import Decision
from unlearning.requests.models import Request
from unlearning.requests.submissions import Submission

WHEN = datetime(2024, 5, 1, tzinfo=UTC)


def make_subject(identity: str, share_percent: int, items: int = 40) -> Subject:
    """A subject with a consent and as many interactions, of which the server gets what is covered."""
    subject = ensure_subjects([identity])[identity]
    record_consent(subject=subject, share_percent=share_percent, channel="test", recorded_by="test")
    table = InteractionTable([identity] * items, [f"item-{n}" for n in range(items)], [WHEN] * items, None)
    load_interactions(table, fleet=simulated_fleet())
    return subject


def ask_erasure(
    *identities: Identity, external_id: str = "e-1", source: str = "crm", regime: str = "gdpr", **more
) -> Request:
    """An erasure as the CRM opens it."""
    return opening.erase(identities, Submission(source, external_id, regime), **more)[0]


def ask_slider(identity: Identity, share_percent: int, external_id: str = "s-1", **more) -> Request | None:
    """A slider as the CRM moves it. Returns the request that it opened."""
    decision = Decision(share_percent, "app", **more)
    return deciding.decide(identity, decision, Submission("crm", external_id))[0]
