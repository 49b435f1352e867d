"""Gathers the audits' tables for Django."""

from audits.certification.models import Certification
from audits.evidence.models import IssuedDocument, LogCheckpoint, LogEntry, LogLeaf, LogNode, Report, WaitingEntry

__all__ = [
    "Certification",
    "IssuedDocument",
    "LogCheckpoint",
    "LogEntry",
    "LogLeaf",
    "LogNode",
    "Report",
    "WaitingEntry",
]
