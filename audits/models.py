"""Gathers the audits' tables for Django."""

from audits.evidence.models import LogEntry

__all__ = ["LogEntry"]
