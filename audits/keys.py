"""All keys of the service at once."""

from audits.evidence.keys import make_log_key
from audits.evidence.master import make_master_key
from audits.reports.signer import make_signer


def make_keys() -> list[str]:
    """Make the keys that are missing; those that exist are never touched. Returns the names of the files made."""
    return make_master_key() + make_log_key() + make_signer()
