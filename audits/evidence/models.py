"""The tables of the transparency log, and of the documents that it commits to.

An entry is written in the transaction of what it speaks of, so that either both are or neither. It gets its place in
the tree a moment later, from one writer at a time (see `log.sequence`): so appenders never wait for each other, and a
transaction that rolls back leaves no hole.
"""

from collections.abc import Sequence
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.fields.json import KT

from audits.evidence.append_only import append_only
from audits.evidence.canonical import parse_json


class LogEntry(models.Model):
    """What happened. Holds salted commitments and numbers, never personal data."""

    recorded_at = models.DateTimeField()
    kind = models.CharField(max_length=60, db_index=True)
    payload = models.JSONField()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "log entries"
        indexes = [models.Index(KT("payload__request"), name="plan_of_request", condition=models.Q(kind="plan.frozen"))]
        triggers = [
            *append_only(),
            pgtrigger.Trigger(
                name="queue",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                func="INSERT INTO audits_waitingentry (entry_id) VALUES (NEW.id); RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.kind}"


class WaitingEntry(models.Model):
    """An entry that has no place in the tree yet; the database puts it here."""

    entry = models.OneToOneField(LogEntry, on_delete=models.PROTECT, primary_key=True, related_name="+")

    class Meta:
        verbose_name_plural = "waiting entries"

    def __str__(self) -> str:
        return f"waiting {self.pk}"


class LogLeaf(models.Model):
    """A leaf of the tree."""

    index = models.BigIntegerField(primary_key=True, help_text="Place in the log, from 0, without gaps")
    entry = models.OneToOneField(LogEntry, on_delete=models.PROTECT, related_name="leaf")
    hash = models.BinaryField(max_length=32, help_text="RFC 6962 hash of the canonical entry")

    class Meta:
        ordering = ["index"]
        verbose_name_plural = "log leaves"
        triggers = append_only()

    def __str__(self) -> str:
        return f"leaf {self.index}"


class LogNode(models.Model):
    """A perfect subtree: `index` counts those of its level from the left, each over 2^level leaves."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="log_node_once")]
        triggers = append_only()

    def __str__(self) -> str:
        return f"node {self.level}/{self.index}"


class LogCheckpoint(models.Model):
    """A size that the log had, and the signed note that says so."""

    size = models.BigIntegerField(primary_key=True)
    note = models.TextField(help_text="C2SP signed note, with the witnesses' cosignatures")
    signed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-size"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"checkpoint {self.size}"


class IssuedDocument(models.Model):
    """A document that was handed out, or may be: versioned JSON that the log commits to."""

    schema = models.CharField(max_length=60, help_text="Name and version, as in `audits.evidence.document`")
    canonical = models.TextField(help_text="The document, in the form that the log commits to")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the canonical form")
    log_entry = models.OneToOneField(LogEntry, on_delete=models.PROTECT, related_name="document")
    issued_at = models.DateTimeField()

    class Meta:
        ordering = ["-issued_at"]
        indexes = [models.Index(fields=["schema", "issued_at"])]

    def __str__(self) -> str:
        return f"{self.schema} {self.digest[:12]}"

    @property
    def content(self) -> dict[str, Any]:
        """The document; its schema lies in `audits/evidence/schema`."""
        return parse_json(self.canonical)

    def report(self, languages: Sequence[str] = ()) -> "Report | None":
        """The report in the first of some languages that there is, else in any; None while there is none."""
        reports = {report.language: report for report in self.reports.all()}
        order = [*languages, *settings.FEDSHARE_REPORT_LANGUAGES, *reports]
        return next((reports[language] for language in order if language in reports), None)


class Report(models.Model):
    """A document as a signed PDF."""

    document = models.ForeignKey(IssuedDocument, on_delete=models.CASCADE, related_name="reports")
    language = models.CharField(max_length=5)
    name = models.CharField(max_length=200, help_text="In the report storage")
    written_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["document", "language"], name="report_once")]

    def __str__(self) -> str:
        return self.name
