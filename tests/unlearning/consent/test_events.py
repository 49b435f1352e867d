from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from tests.unlearning.people import ask_slider, make_subject
from unlearning.consent.models import ConsentEvent, ConsentState
from unlearning.consent.services import record_consent
from unlearning.lineage.models import Interaction

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE unlearning_consentevent SET share_percent = 100",
        "DELETE FROM unlearning_consentevent",
        "TRUNCATE unlearning_consentevent CASCADE",
    ],
)
def test_the_database_refuses_to_change_the_history(statement):
    make_subject("ann", 50)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as if the rows had been committed long ago
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert ConsentEvent.objects.get().share_percent == 50


def test_the_state_is_the_latest_event_by_effective_time():
    subject = make_subject("ann", 50)
    yesterday = timezone.now() - timedelta(days=1)
    record_consent(subject=subject, share_percent=20, channel="t", recorded_by="t", effective_at=yesterday)
    assert ConsentState.objects.get(subject=subject).share_percent == 50
    record_consent(subject=subject, share_percent=80, channel="t", recorded_by="t")
    assert ConsentState.objects.get(subject=subject).share_percent == 80
    assert subject.consent_events.count() == 3


def test_a_ratio_over_a_hundred_is_refused_by_the_database():
    subject = make_subject("ann", 50)
    with pytest.raises(DatabaseError), transaction.atomic():
        record_consent(subject=subject, share_percent=101, channel="t", recorded_by="t")


def test_a_decision_by_a_clock_that_is_ahead_does_not_outrank_the_next():
    """GDPR art. 7(3): what is withdrawn now is withdrawn, whatever the sender's clock said before."""
    subject = make_subject("ann", 20)
    ahead = timezone.now() + timedelta(minutes=3)
    ask_slider("ann", 80, "s-1", effective_at=ahead)
    assert ask_slider("ann", 80, "s-1", effective_at=ahead) is None  # sent again, it is known
    ask_slider("ann", 0, "s-2")
    assert ConsentState.objects.get(subject=subject).share_percent == 0
    assert not Interaction.objects.filter(subject=subject).exists()
