"""Gathers the audits' tables for Django."""

from audits.certification.models import Certification
from audits.evidence.models import LogEntry

__all__ = ["Certification", "LogEntry"]
