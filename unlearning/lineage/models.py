"""Subjects, items, shared interactions, and the frozen datasets that versions learned from."""

import uuid

from django.db import models
from django.db.models import Q


class Subject(models.Model):
    """A customer, known by a keyed digest only. Erasure empties every field that could point at anyone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    identity_digest = models.BinaryField(max_length=32, null=True, unique=True)
    learning_key = models.BigIntegerField(
        null=True, unique=True, help_text="What learning knows the subject by; from the identity digest"
    )
    wrapped_key = models.BinaryField(max_length=40, null=True, help_text="The subject's random key, wrapped")
    created_at = models.DateTimeField(auto_now_add=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="subject_erased_whole",
                condition=Q(erased_at=None, identity_digest__isnull=False, wrapped_key__isnull=False)
                | Q(erased_at__isnull=False, identity_digest=None, learning_key=None, wrapped_key=None),
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Identifier(models.Model):
    """A further name of a subject, by keyed digest: an e-mail address, its SHA-256, a shop's customer number.

    Gone with the subject's identity.
    """

    subject = models.ForeignKey(Subject, on_delete=models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=150, help_text="email, phone, shopify:SHOP, hubspot:PORTAL, …")
    form = models.CharField(max_length=10, help_text="raw, sha256, sha1, md5")
    digest = models.BinaryField(max_length=32, unique=True)

    class Meta:
        indexes = [models.Index(fields=["kind"])]

    def __str__(self) -> str:
        return f"{self.kind} ({self.form})"


class Item(models.Model):
    """Something that is recommended."""

    external_id = models.CharField(max_length=200, unique=True)
    category = models.CharField(max_length=100, blank=True, db_index=True, help_text="What consent may be limited to")
    learning_key = models.BigIntegerField(unique=True, help_text="First 8 bytes of SHA-256 of the external id")

    def __str__(self) -> str:
        return self.external_id


class Interaction(models.Model):
    """A shared interaction. It is here exactly as long as it is shared.

    What the consent does not cover is never stored; what is withdrawn leaves at once.
    """

    # The indexes below that begin with the subject find its rows.
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="interactions", db_index=False)
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="interactions")
    occurred_at = models.DateTimeField()
    rank = models.FloatField(help_text="Place on the slider, in [0, 1): shared iff below the share ratio")
    held_out = models.BooleanField(help_text="Kept for evaluation, never trained on")
    shared_from = models.DateTimeField(help_text="Versions frozen before this never saw it")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "item", "occurred_at"], name="interaction_once"),
            models.CheckConstraint(condition=Q(rank__gte=0, rank__lt=1), name="rank_in_unit_interval"),
        ]
        indexes = [models.Index(fields=["subject", "rank"]), models.Index(fields=["shared_from"])]

    def __str__(self) -> str:
        return f"interaction {self.pk}"


class Dataset(models.Model):
    """What was shared as of a moment, less what was withdrawn since: what a version learned from.

    Membership needs no join table: it is every live row with `shared_from` ≤ `as_of`. The root
    commits to the rows as they were.
    """

    version = models.OneToOneField("models_engine.ModelVersion", on_delete=models.PROTECT, related_name="dataset")
    as_of = models.DateTimeField()
    salt = models.BinaryField(max_length=32)
    root = models.CharField(max_length=64, help_text="Salted Merkle root over the rows, hexadecimal")
    subjects = models.PositiveIntegerField()
    pairs = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"dataset of {self.version}"


class Suppression(models.Model):
    """An identity that was erased and must not come back with a file or a backup."""

    digest = models.BinaryField(max_length=32, unique=True)
    # The day alone: a moment to the microsecond could be matched with the request's own.
    since = models.DateField(auto_now_add=True)

    def __str__(self) -> str:
        return f"suppression {self.pk}"
