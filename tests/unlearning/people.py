"""Subjects with consent and interactions, for tests of the domain."""

from datetime import UTC, datetime

from unlearning.consent.services import record_consent
from unlearning.jobs.training import simulated_fleet
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import ensure_subjects

WHEN = datetime(2024, 5, 1, tzinfo=UTC)


def make_subject(identity: str, share_percent: int, items: int = 40) -> Subject:
    """A subject with a consent and as many interactions, of which the server gets what is covered."""
    subject = ensure_subjects([identity])[identity]
    record_consent(subject=subject, share_percent=share_percent, channel="test", recorded_by="test")
    table = InteractionTable([identity] * items, [f"item-{n}" for n in range(items)], [WHEN] * items, None)
    load_interactions(table, fleet=simulated_fleet())
    return subject
