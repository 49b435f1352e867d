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
from audits.evidence.document import ISSUED, canonical_digest, validate
from audits.evidence.merkle import leaf_hash
from audits.reports.spelling import canonical_contents
from audits.verification.statistics import Interval
from audits.verification.verdict import Conclusion, Finding, Verdict, conclude, decide

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
        except (CheckFailed, ProofError) as failure:
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
        raise CheckFailed("the evidence document is not in its canonical form")
    state["document"] = document
    return f"{document['schema']}, request {document['request']['id']}"


def _inclusion(state: dict[str, Any]) -> str:
    document = state["document"]
    payload = {"document": canonical_digest(document), "request": document["request"]["id"]}
    # The entry's time is the document's own: it was appended when the request was completed.
    entry = {"kind": ISSUED, "payload": payload, "recorded_at": document["request"]["completed_at"]}
    index, checkpoint = check_offline_proof(state["proof"], leaf_hash(canonical_json(entry)), state["log_key"])
    if document["log"]["key"] != state["log_key"].strip() or document["log"]["origin"] != checkpoint.origin:
        raise CheckFailed("the document names another log than the one whose key was given")
    return f"entry {index} of {checkpoint.size} in the log {checkpoint.origin}"


def _signer(state: dict[str, Any]) -> str:
    if state["document"]["signer_certificate_sha256"] != state["signer"]:
        raise CheckFailed("the PDF was signed by another certificate than the logged document names")
    return "the logged document names the signing certificate"


def _consistency(state: dict[str, Any]) -> str:
    """The conclusion follows from the measurements by the published table."""
    document = state["document"]
    plan = document["plan"]
    frozen = {name: value for name, value in plan.items() if name not in ("digest", "claim", "limit")}
    if hashlib.sha256(canonical_json(frozen)).hexdigest() != plan["digest"]:
        raise CheckFailed("the plan is not the one whose digest was logged")
    for rung in document["ladder"]:
        if rung["measurements"] is not None and rung["measurements"]["plan"] != plan["digest"]:
            raise CheckFailed(f"the measurements of {rung['strategy']} belong to another plan")
        verdict = _verdict(rung["measurements"], plan)
        if verdict != rung["verdict"] or conclude(verdict, rung["exact"]) != rung["concluded"]:
            raise CheckFailed(f"the verdict of {rung['strategy']} does not follow from its measurements")
    last = document["ladder"][-1]
    if any(rung["concluded"] for rung in document["ladder"][:-1]) or last["concluded"] != document["conclusion"]:
        raise CheckFailed("the conclusion does not follow from the ladder")
    if (last["strategy"], last["exact"]) != (document["method"]["strategy"], document["method"]["exact"]):
        raise CheckFailed("the method is not the last rung of the ladder")
    return f"{Conclusion(document['conclusion'])} follows from the measurements"


def _verdict(measurements: dict[str, Any] | None, plan: dict[str, Any]) -> Verdict:
    if measurements is None:
        return Verdict.NOT_TESTABLE
    findings = [
        Finding(
            member["name"],
            member["control"]["adjusted_p"] <= plan["alpha"],
            _interval(member["influence"]),
        )
        for member in measurements["membership"]
    ]
    return decide(findings, measurements["detected"], plan["margin"])[0]


def _interval(values: dict[str, float | None]) -> Interval:
    def bound(value: float | None, unbounded: float) -> float:
        return unbounded if value is None else value

    return Interval(
        bound(values["estimate"], float("nan")),
        bound(values["low"], float("-inf")),
        bound(values["high"], float("inf")),
        bound(values["confidence"], float("nan")),
    )


_CHECKS: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
    ("signature", _signature),
    ("attachments", _attachments),
    ("evidence document", _document),
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
