"""The checks of a report, in their order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asn1crypto import x509

from audits.evidence.canonical import canonical_json, parse_json
from audits.evidence.document import log_entry, validate
from audits.evidence.tlog.checkpoint import check_offline_proof, note_of_proof
from audits.evidence.tlog.handover import Handover, trusted_keys
from audits.evidence.tlog.merkle import leaf_hash
from audits.evidence.tlog.note import ProofError, VerifierKey
from audits.evidence.tlog.witness import check_cosignature
from audits.reports.verify.attachments import EVIDENCE_NAME, PROOF_NAME, attached
from audits.reports.verify.consistency import assert_consistent
from audits.reports.verify.errors import CheckFailed
from audits.reports.verify.facts import Fact, facts
from audits.reports.verify.signature import Signed, assert_trusted, opened
from audits.verification.errors import AuditError


@dataclass(frozen=True)
class Trust:
    """What a reader brings along; the rest follows from the report."""

    log_keys: Sequence[VerifierKey]
    """Published keys of the log: one that the report's log is signed with, or has been handed over from."""
    handovers: Sequence[Handover] = ()
    """From an earlier key to a later one, as the log's holder publishes them."""
    witnesses: Sequence[VerifierKey] = ()
    """Each must have cosigned the log."""
    roots: Sequence[x509.Certificate] = ()
    """If there are any, the signer's and the time stamp's certificates must lead to them."""


@dataclass(frozen=True)
class CheckResult:
    """One check and how it went."""

    name: str
    ok: bool
    detail: str
    facts: Sequence[Fact] = ()
    """Of the last check alone: what the document says, for the reader to hold the pages against."""


@dataclass
class _State:
    """What earlier checks have found."""

    pdf: bytes
    trust: Trust
    signed: Signed = field(init=False)
    attached: dict[str, bytes] = field(init=False)
    document: dict[str, Any] = field(init=False)


def verify_report(pdf: bytes, trust: Trust) -> list[CheckResult]:
    """Run the checks in order; after the first that fails the rest are not run.

    The report is sound if every check is ok and `checks_for(trust)` of them were run.
    """
    state = _State(pdf, trust)
    results = []
    for name, check in _chosen(trust):
        try:
            results.append(
                CheckResult(name, True, check(state), facts(state.document) if check is _consistency else ())
            )
        except (CheckFailed, ProofError, AuditError) as failure:
            results.append(CheckResult(name, False, str(failure)))
            break
        except Exception as error:  # a hostile file may break any parser: that is a failed check, with its cause
            results.append(CheckResult(name, False, f"the file is malformed ({type(error).__name__})"))
            break
    return results


def is_sound(results: Sequence[CheckResult], trust: Trust) -> bool:
    """Whether every check was run, and holds."""
    return len(results) == len(_chosen(trust)) and all(result.ok for result in results)


def _signature(state: _State) -> str:
    state.signed = opened(state.pdf)
    when = ""
    if state.signed.stamped:
        by = "" if state.trust.roots else " by an authority that was not checked: see --trust"
        when = f", time-stamped {state.signed.stamped:%Y-%m-%d %H:%M:%S} UTC{by}"
    return f"by certificate {state.signed.certificate[:16]}…, over the whole file{when}"


def _certificates(state: _State) -> str:
    assert_trusted(state.signed, state.trust.roots)
    return "signer and time stamp lead to the given roots, by what the file carries"


def _attachments(state: _State) -> str:
    state.attached = attached(state.signed.reader)
    return "document and inclusion proof are there, and nothing else is attached or runs"


def _document(state: _State) -> str:
    content = state.attached[EVIDENCE_NAME]
    try:
        document = validate(parse_json(content))
    except ValueError as error:
        raise CheckFailed(str(error)) from error
    if canonical_json(document) != content:
        raise CheckFailed("the document is not in its canonical form")
    state.document = document
    return f"{document['schema']}, {document['id']}"


def _inclusion(state: _State) -> str:
    log = state.document["log"]
    key = next((k for k in trusted_keys(state.trust.log_keys, state.trust.handovers) if str(k) == log["key"]), None)
    if key is None or key.name != log["origin"]:
        raise CheckFailed("the document names another log than the one whose key was given")
    leaf = leaf_hash(canonical_json(log_entry(state.document)))
    index, checkpoint = check_offline_proof(state.attached[PROOF_NAME].decode(), leaf, key)
    return f"entry {index}, counted from 0, of {checkpoint.size} in the log {checkpoint.origin}"


def _witnessed(state: _State) -> str:
    note = note_of_proof(state.attached[PROOF_NAME].decode())
    moments = [(witness.name, check_cosignature(note, witness)) for witness in state.trust.witnesses]
    return "; ".join(f"{name} saw the log at {moment:%Y-%m-%d %H:%M:%S} UTC" for name, moment in moments)


def _signer(state: _State) -> str:
    if state.document["signer_certificate_sha256"] != state.signed.certificate:
        raise CheckFailed("the PDF was signed by another certificate than the logged document names")
    if state.signed.stamped and state.signed.stamped < datetime.fromisoformat(state.document["issued_at"]).replace(
        microsecond=0
    ):
        raise CheckFailed("the time stamp is older than the document")
    return "the logged document names the signing certificate"


def _consistency(state: _State) -> str:
    return assert_consistent(state.document)


def _chosen(trust: Trust) -> list[tuple[str, Callable[[_State], str]]]:
    return [
        ("signature", _signature),
        *([("certificates", _certificates)] if trust.roots else []),
        ("attachments", _attachments),
        ("document", _document),
        ("inclusion in the log", _inclusion),
        *([("witness", _witnessed)] if trust.witnesses else []),
        ("signer", _signer),
        ("internal consistency", _consistency),
    ]
