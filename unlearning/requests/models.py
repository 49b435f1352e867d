"""Requests to unshare or erase, and what is kept of them."""

import uuid
from datetime import timedelta

import pgtrigger
from django.db import models
from django.db.models import Q

from audits.evidence.append_only import append_only
from unlearning.requests.grounds import Extension, Ground
from unlearning.requests.states import FINAL, PAIRS, State


class Manner(models.TextChoices):
    """How a request reached us (11 CCR § 7101(b))."""

    API = "api", "API"
    SUBJECT_PAGE = "subject_page", "page for the subject"
    OPENDSR = "opendsr", "OpenDSR"
    SHOPIFY = "shopify", "Shopify"
    HUBSPOT = "hubspot", "HubSpot"
    DROP = "drop", "California DROP"
    DRP = "drp", "Data Rights Protocol"
    DESK = "desk", "letter, e-mail, telephone or in person"
    REPLAY = "replay", "repeated after a restore"


class Request(models.Model):
    """Someone asked for data back. One request may concern many subjects."""

    class Kind(models.TextChoices):
        UNSHARE = "unshare", "unshare"
        ERASE = "erase", "erase"

    class Regime(models.TextChoices):
        GDPR = "gdpr", "GDPR"
        CCPA = "ccpa", "CCPA"

    class Scope(models.TextChoices):
        ALL = "all", "everything"
        RATIO = "ratio", "what a new share ratio no longer covers"
        ITEMS = "items", "some items"
        CATEGORIES = "categories", "some categories"
        DATES = "dates", "a span of time"

    class Conclusion(models.TextChoices):
        EXACT = "exact", "exact"
        EQUIVALENT = "equivalent", "equivalent"
        CERTIFIED = "certified", "certified"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.ALL)
    regime = models.CharField(max_length=10, choices=Regime, default=Regime.GDPR)
    state = models.CharField(max_length=20, choices=State, default=State.RECEIVED)
    held_from = models.CharField(max_length=20, choices=State, null=True, help_text="On hold: what it returns to")  # noqa: DJ001
    manner = models.CharField(max_length=20, choices=Manner, default=Manner.API)
    external_id = models.CharField(max_length=100, help_text="The sender's own id; a repeat finds this request")
    source = models.CharField(max_length=100, help_text="OAuth client or connector that sent it")
    share_percent_before = models.PositiveSmallIntegerField(null=True, help_text="Unshare: the slider as it was")
    share_percent_after = models.PositiveSmallIntegerField(null=True, help_text="Unshare: the slider as it is")
    part = models.CharField(max_length=64, blank=True, help_text="Keyed digest of the items or dates that were named")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="End of the period that the regime allows")
    time_zone = models.CharField(max_length=50, blank=True, db_default="", help_text="Whose days its period counts")
    holidays = models.CharField(
        max_length=40, blank=True, db_default="", help_text="Country or region on whose holidays it does not end"
    )
    identity_asked_at = models.DateTimeField(null=True, help_text="While the requester's identity is in doubt")
    paused = models.DurationField(default=timedelta(0), help_text="How long it was, as far as that stops the clock")
    extended_at = models.DateTimeField(null=True)
    extension_reason = models.CharField(max_length=20, choices=Extension, blank=True)
    denial = models.CharField(max_length=30, choices=Ground, blank=True, help_text="Refused: on which ground")
    closed_at = models.DateTimeField(null=True, help_text="Refused or cancelled: when")
    rows_removed_at = models.DateTimeField(null=True, help_text="When the rows left the live tables")
    rows_removed = models.PositiveIntegerField(default=0)
    reached = models.ManyToManyField(
        "models_engine.ModelVersion",
        related_name="+",
        help_text="Versions that had learned from the data when it was withdrawn",
    )
    job = models.ForeignKey("unlearning.Job", null=True, on_delete=models.PROTECT, related_name="requests")
    traceparent = models.CharField(
        max_length=55, blank=True, db_default="", help_text="Trace of the HTTP request that opened it (W3C)"
    )
    plan = models.JSONField(null=True, help_text="Of its audit, as it was frozen; the log has its digest")
    conclusion = models.CharField(max_length=12, choices=Conclusion, null=True)  # noqa: DJ001  (none yet is not empty)
    verdict = models.CharField(
        max_length=24, blank=True, db_default="", help_text="Of the last check; its document has the reasons"
    )
    completed_at = models.DateTimeField(null=True)
    evidence = models.OneToOneField(
        "audits.IssuedDocument",
        null=True,
        on_delete=models.SET_NULL,
        related_name="request",
        help_text="What can be handed out; gone once its retention is over",
    )

    subject_count: int | None = None
    """How many subjects it concerns, where whoever read or made it counted them."""

    class Meta:
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="request_once"),
            models.CheckConstraint(
                name="completed_with_conclusion",
                condition=Q(state=State.COMPLETED, conclusion__isnull=False, completed_at__isnull=False)
                | (~Q(state=State.COMPLETED) & Q(conclusion=None, completed_at=None)),
            ),
            models.CheckConstraint(
                name="refused_on_a_ground",
                condition=(Q(state=State.REFUSED, closed_at__isnull=False) & ~Q(denial=""))
                | Q(state=State.CANCELLED, closed_at__isnull=False, denial="")
                | (~Q(state__in=[State.REFUSED, State.CANCELLED]) & Q(closed_at=None, denial="")),
            ),
            models.CheckConstraint(
                name="held_from_somewhere",
                condition=Q(state=State.ON_HOLD, held_from__isnull=False)
                | (~Q(state=State.ON_HOLD) & Q(held_from=None)),
            ),
            models.CheckConstraint(
                name="rows_gone_is_no_way_back",
                condition=Q(rows_removed_at=None) | ~Q(state__in=[State.REFUSED, State.CANCELLED]),
            ),
            models.CheckConstraint(
                name="extended_with_reason",
                condition=Q(extended_at=None, extension_reason="")
                | (Q(extended_at__isnull=False) & ~Q(extension_reason="")),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "received_at"]),
            models.Index(fields=["source", "-received_at", "id"]),
            models.Index(fields=["-received_at"], name="request_received"),
            models.Index(fields=["due_at"], name="request_due", condition=~Q(state__in=FINAL)),
            models.Index(fields=["completed_at"], name="request_completed", condition=Q(completed_at__isnull=False)),
        ]
        triggers = [pgtrigger.FSM(name="transitions", field="state", transitions=PAIRS)]

    def __str__(self) -> str:
        return str(self.id)

    def senders(self) -> list[str]:
        """Whoever asked for it."""
        return [self.source, *self.duplicates.values_list("source", flat=True)]


class Duplicate(models.Model):
    """Another submission that asked for what an open request asks already; it ends with that one."""

    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="duplicates")
    source = models.CharField(max_length=100)
    external_id = models.CharField(max_length=100)
    manner = models.CharField(max_length=20, choices=Manner)
    regime = models.CharField(max_length=10, choices=Request.Regime, blank=True, db_default="")
    received_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="duplicate_once")]

    def __str__(self) -> str:
        return f"duplicate of {self.request_id}"


class TakenBack(models.Model):
    """A submission that was taken back while others asked for the same: its id stands for that alone."""

    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="taken_back")
    source = models.CharField(max_length=100)
    external_id = models.CharField(max_length=100)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="taken_back_once")]

    def __str__(self) -> str:
        return f"taken back from {self.request_id}"


class RequestEvent(models.Model):
    """Something that happened to a request beside its way, and who did it. Append-only."""

    class Action(models.TextChoices):
        ASK_IDENTITY = "identity_asked", "identity asked"
        VERIFY_IDENTITY = "identity_verified", "identity verified"
        HOLD = "held", "held"
        RELEASE = "released", "released"
        EXTEND = "extended", "extended"
        MERGE = "merged", "a duplicate was merged"
        REFUSE = "refused", "refused"
        CANCEL = "cancelled", "cancelled"
        TAKE_IN = "taken_in", "taken in by hand"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="events")
    action = models.CharField(max_length=20, choices=Action)
    by = models.CharField(max_length=310, help_text="Client or officer; of four eyes both")
    reason = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.action} {self.request_id}"


class Proposal(models.Model):
    """An officer's wish to close a request without doing what it asks; another officer decides (four eyes)."""

    class Action(models.TextChoices):
        REFUSE = "refuse", "refuse"
        CANCEL = "cancel", "close without doing it"

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", "confirmed"
        DECLINED = "declined", "declined"
        LAPSED = "lapsed", "lapsed: the request's state no longer allowed it"

    request = models.ForeignKey(Request, on_delete=models.PROTECT, related_name="proposals")
    action = models.CharField(max_length=10, choices=Action)
    ground = models.CharField(max_length=30, choices=Ground, blank=True)
    reason = models.CharField(max_length=500)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)

    class Meta:
        ordering = ["proposed_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["request"], condition=Q(decided_at=None), name="one_open_proposal"),
            models.CheckConstraint(
                name="proposal_decided_whole",
                condition=Q(decided_at=None, decided_by="", outcome="")
                | (Q(decided_at__isnull=False) & ~Q(decided_by="") & ~Q(outcome="")),
            ),
            models.CheckConstraint(
                name="confirmed_by_another", condition=~Q(outcome="confirmed", decided_by=models.F("proposed_by"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.request_id}"


class RequestSubject(models.Model):
    """A subject of a request. After an erasure only the commitment is left of it."""

    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="subjects")
    subject = models.ForeignKey("unlearning.Subject", on_delete=models.PROTECT, related_name="requests")
    commitment = models.CharField(max_length=64, help_text="HMAC(subject key, request id), as the log has it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "subject"], name="request_subject_once")]

    def __str__(self) -> str:
        return self.commitment[:12]


class SealedForgetSet(models.Model):
    """The withdrawn interactions, encrypted, for the request's own job alone; gone when it ends."""

    request = models.OneToOneField(Request, on_delete=models.CASCADE, related_name="forget_set")
    wrapped_key = models.BinaryField(max_length=40)
    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"forget set of {self.request_id}"


class Policy(models.Model):
    """How requests are batched, checked and counted, as an administrator set it.

    The latest row is in force. Append-only.
    """

    assurance = models.CharField(max_length=20, help_text="Level at which every request is checked")
    margin_percent = models.PositiveSmallIntegerField(
        help_text="ρ0: how much of the influence may be left, or overdone, for it to count as removed"
    )
    batch_window = models.PositiveIntegerField(help_text="Seconds that a request waits for others to share a job with")
    urgent_days = models.PositiveSmallIntegerField(
        default=3, db_default=3, help_text="So long before its period ends, a request waits for no others any more"
    )
    holidays = models.CharField(  # noqa: DJ001  (not set is not none)
        max_length=40, null=True, help_text="Country or region on whose holidays no period ends; null: the operator's"
    )
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "policies"
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.assurance}, ±{self.margin_percent} %, {self.batch_window} s"
