"""From one key of a log to the next: an entry that the old key proves, naming the new one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from audits.evidence.canonical import canonical_json
from audits.evidence.tlog.checkpoint import check_offline_proof
from audits.evidence.tlog.merkle import leaf_hash
from audits.evidence.tlog.note import ProofError, VerifierKey

ROTATED = "log.key_rotated"
"""Kind of the entry."""


@dataclass(frozen=True)
class Handover:
    """One change of keys."""

    entry: dict[str, Any]
    """The log entry; its payload is `{"from": key, "to": key}`."""
    proof: str
    """That the entry is in the log, under the old key (C2SP tlog-proof)."""


def trusted_keys(given: Sequence[VerifierKey], handovers: Iterable[Handover]) -> list[VerifierKey]:
    """The given keys, and those that they were handed over to, the handovers in their order.

    Raises:
        ProofError: a handover does not prove what it says.
    """
    trusted = {str(key): key for key in given}
    for handover in handovers:
        if handover.entry.get("kind") != ROTATED:
            raise ProofError("a handover is of another kind of entry")
        old, new = handover.entry["payload"]["from"], handover.entry["payload"]["to"]
        if old in trusted:
            check_offline_proof(handover.proof, leaf_hash(canonical_json(handover.entry)), trusted[old])
            trusted[new] = VerifierKey.parse(new)
    return list(trusted.values())
