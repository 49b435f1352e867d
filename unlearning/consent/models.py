"""Consent as a history of events, and its present state as a projection."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from audits.evidence.append_only import append_only


class ConsentEvent(models.Model):
    """One decision of a subject. Append-only: the database refuses to change or delete it."""

    class LegalBasis(models.TextChoices):
        CONSENT = "consent", "consent (GDPR art. 6(1)(a))"

    subject = models.ForeignKey("unlearning.Subject", on_delete=models.PROTECT, related_name="consent_events")
    share_percent = models.PositiveSmallIntegerField(help_text="How much of the history is shared, 0 to 100")
    categories = ArrayField(
        models.CharField(max_length=100), null=True, help_text="Categories of items that it covers; none given: all"
    )
    purposes = ArrayField(models.CharField(max_length=60), help_text="What it may be used for")
    legal_basis = models.CharField(max_length=20, choices=LegalBasis, default=LegalBasis.CONSENT)
    notice_version = models.CharField(max_length=40, help_text="The privacy notice that was shown")
    channel = models.CharField(max_length=40, help_text="Where it was given: app, web, crm, import")
    recorded_by = models.CharField(max_length=100, help_text="Client or command that recorded it")
    external_id = models.CharField(max_length=100, null=True, help_text="The sender's id; each counts once")  # noqa: DJ001
    corrects = models.OneToOneField(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="corrected_by",
        help_text="An event that was recorded wrongly, and no longer counts",
    )
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(share_percent__lte=100), name="event_share_percent"),
            models.UniqueConstraint(fields=["recorded_by", "external_id"], name="event_once"),
        ]
        indexes = [
            models.Index(fields=["subject", "effective_at", "id"]),
            BrinIndex(fields=["recorded_at"], name="event_recorded"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.share_percent} % from {self.effective_at:%Y-%m-%d}"


class ConsentState(models.Model):
    """The decision now in force: the latest event by effective time that was not corrected."""

    subject = models.OneToOneField(
        "unlearning.Subject", primary_key=True, on_delete=models.CASCADE, related_name="consent"
    )
    event = models.ForeignKey(ConsentEvent, on_delete=models.PROTECT, related_name="+")
    share_percent = models.PositiveSmallIntegerField(help_text="As the event has it")
    categories = ArrayField(models.CharField(max_length=100), null=True)

    def __str__(self) -> str:
        return f"{self.share_percent} %"


class Exclusion(models.Model):
    """What a subject took back although the slider covers it: one item, or a span of time."""

    subject = models.ForeignKey("unlearning.Subject", on_delete=models.CASCADE, related_name="exclusions")
    item = models.ForeignKey("unlearning.Item", null=True, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True, help_text="The first moment after the span")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="exclusion_of_item_or_span",
                condition=Q(item__isnull=False, since=None, until=None)
                | Q(item=None, since__isnull=False, until__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["subject", "item", "since", "until"], name="exclusion_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"exclusion {self.pk}"
