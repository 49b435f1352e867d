"""The offline verifier against sound reports and against everything that was done to them."""

import copy
import random
import subprocess
import sys
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.evidence.document import validate
from audits.evidence.keys import log_verifier_key
from audits.evidence.tlog.note import VerifierKey
from audits.reports.request import render
from audits.reports.signing import sign_pdf
from audits.reports.verify import Trust, verify_report
from audits.reports.verify.__main__ import main
from audits.reports.verify.consistency import assert_consistent
from audits.reports.verify.errors import CheckFailed
from audits.verification.errors import AuditError
from audits.verification.plan import FULL, AuditPlan
from tests.audits.reports.sample import (
    DETECTION,
    INTERVAL,
    WITHIN,
    logged_proof,
    sample_batch,
    sample_certification,
    sample_document,
    sample_measurements,
    sample_plan,
    sample_register,
    signed_report,
)

pytestmark = pytest.mark.django_db

CHECKS = 6


def trust(key: str | None = None) -> Trust:
    """In a log's key alone; this log's, if none is given."""
    return Trust([VerifierKey.parse(key or log_verifier_key())])


def _failed(pdf: bytes, key: str | None = None) -> tuple[str, str]:
    """Name and detail of the check that fails; fails the test if none does."""
    results = verify_report(pdf, trust(key))
    assert not results[-1].ok
    return results[-1].name, results[-1].detail


def _underpowered_one():
    """Its own check can't show removal, the method's on many models does."""
    return _full(one={"power": 0.1})


@pytest.mark.parametrize(
    "document",
    [
        sample_document,
        sample_certification,
        sample_batch,
        sample_register,
        lambda: _full(),
        lambda: _underpowered_one(),
    ],
)
def test_a_sound_report_passes_every_check(document):
    results = verify_report(signed_report(document()), trust())
    assert [result.detail for result in results if not result.ok] == []
    assert len(results) == CHECKS


def test_a_report_is_byte_deterministic_before_it_is_signed():
    document = sample_document()
    proof = logged_proof(document)
    first = render(document, proof, "en")
    time.sleep(1.1)  # fonts state the second in which they were made
    assert render(document, proof, "en") == first


def test_one_flipped_bit_anywhere_fails():
    report = signed_report(sample_document())
    generator = random.Random(1)
    # Every 400th byte, in a random bit, so that every part of the file is hit.
    for place in range(0, len(report), 400):
        damaged = bytearray(report)
        damaged[place] ^= 1 << generator.randrange(8)
        assert _failed(bytes(damaged))[1]


def test_bytes_behind_the_end_fail():
    assert _failed(signed_report(sample_document()) + b"\n% more")[0] == "signature"


def test_a_document_changed_after_logging_is_not_in_the_log():
    document = sample_document()
    proof = logged_proof(document)
    changed = copy.deepcopy(document)
    changed["request"]["rows_removed"] = 4000
    name, detail = _failed(sign_pdf(render(changed, proof, "en")))
    assert (name, "root" in detail) == ("inclusion in the log", True)


def test_another_logs_key_fails():
    other = VerifierKey("other.test/log", Ed25519PrivateKey.generate().public_key())
    assert _failed(signed_report(sample_document()), str(other))[0] == "inclusion in the log"


def test_a_certificate_that_the_document_does_not_name_fails():
    assert _failed(signed_report(sample_document(signer_certificate_sha256="cd" * 32)))[0] == "signer"


def _certification(**changes):
    document = sample_certification()
    document["cells"][1] |= changes
    return document


FULL_PLAN = AuditPlan.at(FULL, ("fold_in_on_item_rows",), tuple(range(128)), 7)


def _full(one=None, many=None, repeated=True):
    """A document at the full level: the one model that serves, and the method run again on many."""
    document = sample_document(plan=sample_plan(FULL_PLAN, FULL))
    document["ladder"][0] |= {
        "measurements": _measured(1, one),
        "repeated": _measured(64, many) if repeated else None,
        "reason": WITHIN | {"models": 64},
    }
    return document


def _measured(models, changes):
    measurements = sample_measurements(FULL_PLAN, models)
    measurements["membership"][0] |= changes or {}
    return measurements


def _without(name):
    """A document whose measurements lack something of the plan's."""
    document = sample_document()
    measurements = document["ladder"][0]["measurements"]
    if name == "distances":
        del measurements["distances"][0]
    else:
        measurements["membership"][0][name] = "pairs_on_rows" if name == "name" else []
    return document


def _member(**changes):
    """A document with a statistic whose numbers contradict each other."""
    document = sample_document()
    document["ladder"][0]["measurements"]["membership"][0] |= changes
    return document


def _rung(**changes):
    document = sample_document()
    document["ladder"][0] |= changes
    return document


@pytest.mark.parametrize(
    "document",
    [
        lambda: _rung(verdict="inconclusive"),
        lambda: _rung(concluded="exact"),
        lambda: sample_document(conclusion="exact"),
        lambda: sample_document() | {"plan": sample_document()["plan"] | {"margin": 0.9}},
        lambda: sample_document() | {"method": sample_document()["method"] | {"strategy": "retrain"}},
        lambda: _rung(measurements=None),
        lambda: _full(many={"power": 0.5}),
        lambda: _full(repeated=False),
        lambda: _full() | {"plan": sample_document()["plan"]},
        lambda: _without("name"),
        lambda: _without("attacks"),
        lambda: _certification(verdict="removed_within_margin"),
        lambda: sample_certification(certified=["erase", "unshare"]),
        lambda: sample_certification(certified=[]),
        lambda: sample_certification(cells=sample_certification()["cells"][:2]),
        lambda: _without("distances"),
        lambda: _rung(exact=True, concluded="exact"),
        lambda: _rung(repeated=sample_measurements()),
        lambda: _member(influence=INTERVAL | {"estimate": 0.0}),
        lambda: _member(influence=INTERVAL | {"low": 0.1}),
        lambda: _member(detection=DETECTION | {"t": -60.0}),
        lambda: _member(power=7.0),
    ],
)
def test_a_claim_that_does_not_follow_is_inconsistent(document):
    with pytest.raises((CheckFailed, AuditError)):
        assert_consistent(validate(document()))


def test_a_conclusion_that_does_not_follow_fails_even_when_logged_and_signed():
    assert _failed(signed_report(_rung(verdict="inconclusive")))[0] == "internal consistency"


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"garbage" * 150_000, b"%PDF-1.7\n" + b"\0" * 1_000_000])
def test_garbage_is_refused_with_a_reason(content):
    assert _failed(content)[0] == "signature"


def test_an_unsigned_report_is_refused():
    document = sample_document()
    assert _failed(render(document, logged_proof(document), "en")) == (
        "signature",
        "the file carries 0 signatures instead of one",
    )


def test_the_command_line_needs_neither_django_nor_a_database(tmp_path):
    report, key = tmp_path / "report.pdf", tmp_path / "log.vkey"
    report.write_bytes(signed_report(sample_document()))
    key.write_text(log_verifier_key() + "\n")
    program = (
        "import sys; sys.modules['django'] = None; "
        "from audits.reports.verify.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(report), "--log-key", str(key)],
        capture_output=True, text=True, env={"PATH": "/usr/bin"}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("The report is sound.\n")


def test_the_command_line_says_what_failed(tmp_path, capsys):
    report = tmp_path / "report.pdf"
    report.write_bytes(b"nothing")
    assert main([str(report), "--log-key", log_verifier_key()]) == 1
    assert "FAILED  signature" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_exit_code_two(tmp_path, capsys):
    assert main([str(tmp_path / "absent.pdf"), "--log-key", "a+b+c"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
