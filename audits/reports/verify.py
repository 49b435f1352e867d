"""Checking a report offline: `python -m audits.reports.verify report.pdf --log-key KEY`.

Needs neither Django nor a database nor a network. The chain of trust starts at the log's public
key alone: the key signs a checkpoint; the checkpoint contains the evidence document; the document
names the certificate that signed the PDF; the signature covers every byte of the file.
"""

import argparse
import hashlib
import io
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import EmbeddedPdfSignature, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from audits.evidence.canonical import canonical_json
from audits.evidence.checkpoint import ProofError, check_offline_proof
from audits.evidence.document import EVIDENCE, log_entry, validate
from audits.evidence.measurements import measured_from_json
from audits.evidence.merkle import leaf_hash
from audits.reports.spelling import canonical_contents
from audits.verification.errors import AuditError
from audits.verification.plan import AuditPlan
from audits.verification.verdict import Conclusion, Verdict, alarms, conclude, decide, join

EXACT_STRATEGIES = ("retrain", "rollback_replay")
CELLS = {(kind, size) for kind in ("erase", "unshare") for size in ("subject", "tenth")}
"""What a certification covers."""

_EVIDENCE, _PROOF = "evidence.json", "evidence.tlog-proof"
_MAX_BYTES = 50 * 1024 * 1024


class CheckFailed(ValueError):
    """A check that does not hold; the message says why."""


@dataclass(frozen=True)
class CheckResult:
    """One check and how it went."""

    name: str
    ok: bool
    detail: str


_KEY = re.compile(r"[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44,48}")


def verify_report(pdf: bytes, log_key: str) -> list[CheckResult]:
    """Run the checks in order; after the first that fails the rest are not run.

    Args:
        log_key: the log's verifier key, `name+hash+key`.
    """
    state: dict[str, Any] = {"pdf": pdf, "log_key": log_key}
    results = []
    for name, check in _CHECKS:
        try:
            results.append(CheckResult(name, True, check(state)))
        except (CheckFailed, ProofError, AuditError) as failure:
            results.append(CheckResult(name, False, str(failure)))
            break
        except Exception as error:  # a hostile file may break any parser: that is a failed check, with its cause
            results.append(CheckResult(name, False, f"the file is malformed ({type(error).__name__})"))
            break
    return results


def _signature(state: dict[str, Any]) -> str:
    pdf = state["pdf"]
    if not pdf.startswith(b"%PDF-") or len(pdf) > _MAX_BYTES:
        raise CheckFailed("this is no PDF file, or one of more than 50 MB")
    reader = PdfFileReader(io.BytesIO(pdf), strict=True)
    signatures = reader.embedded_signatures
    if len(signatures) != 1:
        raise CheckFailed(f"the file carries {len(signatures)} signatures instead of one")
    signature = signatures[0]
    _covers_every_byte(pdf, signature)
    certificate = signature.signer_cert
    # The certificate is trusted because the logged document names it, which a later check shows.
    context = ValidationContext(trust_roots=[certificate], allow_fetching=False)
    status = validate_pdf_signature(signature, signer_validation_context=context)
    if not (status.intact and status.valid):
        raise CheckFailed("the signature does not fit the file's bytes")
    state["reader"] = reader
    state["signer"] = hashlib.sha256(certificate.dump()).hexdigest()
    return f"by certificate {state['signer'][:16]}…, over the whole file"


def _covers_every_byte(pdf: bytes, signature: EmbeddedPdfSignature) -> None:
    """The signed ranges and the signature's own bytes make up the file, and those bytes have one spelling."""
    start, before, after, rest = (int(n) for n in signature.byte_range)
    if start != 0 or after + rest != len(pdf):
        raise CheckFailed("the signature does not cover the whole file")
    if pdf[before:after] != canonical_contents(after - before, signature.pkcs7_content):
        raise CheckFailed("the signature's bytes are not in their canonical form")


def _attachments(state: dict[str, Any]) -> str:
    names = state["reader"].root["/Names"]["/EmbeddedFiles"]["/Names"]
    files = {str(names[i]): names[i + 1] for i in range(0, len(names), 2)}
    found = {_file_name(spec): spec["/EF"]["/F"].data for spec in files.values()}
    if set(found) != {_EVIDENCE, _PROOF}:
        raise CheckFailed(f"the attachments are {sorted(found)} instead of {_EVIDENCE} and {_PROOF}")
    state["evidence"], state["proof"] = found[_EVIDENCE], found[_PROOF].decode()
    return "evidence document and inclusion proof are there"


def _file_name(spec: DictionaryObject) -> str:
    return str(spec["/UF"] if "/UF" in spec else spec["/F"])


def _document(state: dict[str, Any]) -> str:
    try:
        document = validate(json.loads(state["evidence"]))
    except ValueError as error:
        raise CheckFailed(str(error)) from error
    if canonical_json(document) != state["evidence"]:
        raise CheckFailed("the document is not in its canonical form")
    state["document"] = document
    subject = document["request"]["id"] if document["schema"] == EVIDENCE else document["id"]
    return f"{document['schema']}, {subject}"


def _inclusion(state: dict[str, Any]) -> str:
    document = state["document"]
    kind, payload, recorded_at = log_entry(document)
    entry = {"kind": kind, "payload": payload, "recorded_at": recorded_at}
    index, checkpoint = check_offline_proof(state["proof"], leaf_hash(canonical_json(entry)), state["log_key"])
    if document["log"]["key"] != state["log_key"].strip() or document["log"]["origin"] != checkpoint.origin:
        raise CheckFailed("the document names another log than the one whose key was given")
    return f"entry {index} of {checkpoint.size} in the log {checkpoint.origin}"


def _signer(state: dict[str, Any]) -> str:
    if state["document"]["signer_certificate_sha256"] != state["signer"]:
        raise CheckFailed("the PDF was signed by another certificate than the logged document names")
    return "the logged document names the signing certificate"


def _consistency(state: dict[str, Any]) -> str:
    """What is claimed follows from the measurements by the published table."""
    document = state["document"]
    return _follows(document) if document["schema"] == EVIDENCE else _certified(document)


def _follows(document: dict[str, Any]) -> str:
    plan = None if document["plan"] is None else _plan(document["plan"])
    certificate = document["certification"]
    for rung in document["ladder"]:
        if rung["exact"] != (rung["strategy"] in EXACT_STRATEGIES):
            raise CheckFailed(f"{rung['strategy']} is called {'' if rung['exact'] else 'not '}exact")
        if (rung["measurements"] is None) != (plan is None):
            raise CheckFailed("there are measurements without a plan, or a plan without measurements")
        verdict = _verdict(rung, plan)
        # Where nothing could be looked for there was no control either, so a certification has nothing to add.
        certified = plan is not None and certificate is not None and certificate["certified"]
        if verdict != rung["verdict"] or conclude(verdict, rung["exact"], certified) != rung["concluded"]:
            raise CheckFailed(f"the verdict of {rung['strategy']} does not follow from its measurements")
    last = document["ladder"][-1]
    if any(rung["concluded"] for rung in document["ladder"][:-1]) or last["concluded"] != document["conclusion"]:
        raise CheckFailed("the conclusion does not follow from the ladder")
    if (last["strategy"], last["exact"]) != (document["method"]["strategy"], document["method"]["exact"]):
        raise CheckFailed("the method is not the last rung of the ladder")
    return f"{Conclusion(document['conclusion'])} follows from the measurements"


def _certified(document: dict[str, Any]) -> str:
    removed: dict[str, bool] = {}
    for cell in document["cells"]:
        plan = _plan(cell["plan"])
        verdict, _ = _decided(cell["measurements"], plan, len(plan.known_seeds))
        if verdict != cell["verdict"]:
            raise CheckFailed(f"the verdict on {cell['name']} does not follow from its measurements")
        holds = verdict is Verdict.REMOVED_WITHIN_MARGIN
        removed[cell["kind"]] = removed.get(cell["kind"], True) and holds
    if {(cell["kind"], cell["size"]) for cell in document["cells"]} != CELLS:
        raise CheckFailed("a kind or a size of request is missing")
    if document["certified"] != sorted(kind for kind, all_of_them in removed.items() if all_of_them):
        raise CheckFailed("what is certified does not follow from the cells")
    kinds = " and ".join(document["certified"]) or "nothing"
    return f"that {kinds} is certified follows from the measurements of {len(document['cells'])} cells"


def _plan(stored: dict[str, Any]) -> AuditPlan:
    plan = AuditPlan.from_json({n: v for n, v in stored.items() if n not in ("digest", "claim", "limit")})
    if plan.digest() != stored["digest"]:
        raise CheckFailed("the plan does not have the digest that is stated")
    return plan


def _verdict(rung: dict[str, Any], plan: AuditPlan | None) -> Verdict:
    if rung["measurements"] is None or plan is None:
        return Verdict.NOT_TESTABLE
    one, alarmed = _decided(rung["measurements"], plan, 1)
    if rung["exact"] or not plan.repeats:
        if rung["repeated"] is not None:
            raise CheckFailed(f"{rung['strategy']} was run again on many models, which the plan does not have")
        return one
    if rung["repeated"] is None:
        raise CheckFailed(f"the plan has {rung['strategy']} run again on many models, and nothing of that is there")
    return join(one, alarmed, _decided(rung["repeated"], plan, len(plan.known_seeds))[0])


def _decided(measurements: dict[str, Any], plan: AuditPlan, models: int) -> tuple[Verdict, bool]:
    """The verdict on so many models, and whether a test tells them apart by more than its margin."""
    if measurements["plan_digest"] != plan.digest():
        raise CheckFailed("measurements belong to another plan")
    if measurements["models"] != models:
        raise CheckFailed(f"{measurements['models']} models were measured where the plan has {models}")
    measured = measured_from_json(measurements)
    measured.assert_complete(plan, models)
    findings, trials = measured.findings(), measured.trials(plan)
    return decide(findings, trials, plan)[0], bool(alarms(findings, trials, plan))


_CHECKS: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
    ("signature", _signature),
    ("attachments", _attachments),
    ("document", _document),
    ("inclusion in the log", _inclusion),
    ("signer", _signer),
    ("internal consistency", _consistency),
]


def _verifier_key(given: str) -> str:
    """The key itself, or what a file holds. White space, as a line break in a report brings it in, is dropped."""
    text = Path(given).read_text() if not _KEY.fullmatch(_joined(given)) else given
    if not _KEY.fullmatch(_joined(text)):
        raise ValueError("no verifier key")
    return _joined(text)


def _joined(text: str) -> str:
    return "".join(text.split())


def main(arguments: list[str] | None = None) -> int:
    """Command line. Returns 0 if every check holds, 1 if one does not, 2 for unusable arguments."""
    parser = argparse.ArgumentParser(prog="python -m audits.reports.verify", description="Check a report offline.")
    parser.add_argument("report", type=Path, help="the PDF")
    parser.add_argument("--log-key", required=True, help="the log's verifier key, or a file that holds it")
    options = parser.parse_args(arguments)
    try:
        pdf = options.report.read_bytes()
        key = _verifier_key(options.log_key)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError:
        print("--log-key: give the log's key (name+hash+key) or a file that holds it", file=sys.stderr)
        return 2
    results = verify_report(pdf, key)
    for result in results:
        print(f"{'ok    ' if result.ok else 'FAILED'}  {result.name}: {result.detail}")
    holds = len(results) == len(_CHECKS) and all(result.ok for result in results)
    print("The report is sound." if holds else "The report does NOT verify.")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
