"""The states of a request, and the only ways between them."""

from django.db import models


class State(models.TextChoices):
    RECEIVED = "received", "received"
    IDENTITY_PENDING = "identity_pending", "identity pending"
    ACCEPTED = "accepted", "accepted"
    SCHEDULED = "scheduled", "scheduled"
    UNLEARNING = "unlearning", "unlearning"
    VERIFYING = "verifying", "verifying"
    COMPLETED = "completed", "completed"
    REFUSED = "refused", "refused"
    ON_HOLD = "on_hold", "on hold"
    CANCELLED = "cancelled", "cancelled"
    NEEDS_ATTENTION = "needs_attention", "needs attention"


TRANSITIONS: dict[State, tuple[State, ...]] = {
    State.RECEIVED: (State.IDENTITY_PENDING, State.ACCEPTED, State.REFUSED, State.CANCELLED, State.ON_HOLD),
    State.IDENTITY_PENDING: (State.ACCEPTED, State.REFUSED, State.CANCELLED, State.ON_HOLD),
    State.ACCEPTED: (State.SCHEDULED, State.ON_HOLD),
    State.ON_HOLD: (State.RECEIVED, State.IDENTITY_PENDING, State.ACCEPTED, State.REFUSED, State.CANCELLED),
    # Back to accepted where its job was cancelled.
    State.SCHEDULED: (State.UNLEARNING, State.NEEDS_ATTENTION, State.ACCEPTED),
    # A rung that does not convince is followed by the next one.
    State.UNLEARNING: (State.VERIFYING, State.SCHEDULED, State.NEEDS_ATTENTION),
    State.VERIFYING: (State.UNLEARNING, State.COMPLETED, State.SCHEDULED, State.NEEDS_ATTENTION),
    State.NEEDS_ATTENTION: (State.SCHEDULED, State.ACCEPTED),
    State.COMPLETED: (),
    State.REFUSED: (),
    State.CANCELLED: (),
}
"""After acceptance the rows are gone, so nothing leads back to refusal or cancellation."""

FINAL = tuple(state for state, following in TRANSITIONS.items() if not following)
PAIRS = [(source.value, target.value) for source, targets in TRANSITIONS.items() for target in targets]
