"""Checking a report offline: `python -m audits.reports.verify report.pdf --log-key KEY`.

Needs neither Django nor a database nor a network. The chain of trust starts at the log's public key alone: the key
signs a checkpoint; the checkpoint contains the document; the document names the certificate that signed the PDF; the
signature covers every byte of the file.
"""

from audits.reports.verify.checks import CheckResult, Trust, verify_report

__all__ = ["CheckResult", "Trust", "verify_report"]
