"""The offline verifier against sound reports and against everything that was done to them."""

import copy
import io
import random
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

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
from audits.verification.plan import FULL, QUICK, AuditPlan
from tests.audits.reports.sample import (
    DETECTION,
    HASH,
    INTERVAL,
    PLAN,
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
    document["audit_models"] |= {"references": 64, "known": 64}
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


def _part(name, **changes):
    """A document with something changed within one of its parts."""
    document = sample_document()
    document[name] = document[name] | changes
    return document


def _loosened(**changes):
    """A document whose plan, and everything that follows from it, is laxer than its level."""
    plan = replace(PLAN, **changes)
    document = sample_document(plan=sample_plan(plan, QUICK))
    document["ladder"][0]["measurements"]["plan_digest"] = plan.digest()
    return document


def _batched(**changes):
    document = sample_batch()
    document["requests"][0] |= changes
    return document


def _deadline(**changes):
    return {"zone": "UTC", "holidays": [], "paused_seconds": 0, "extended": None} | changes


def _registered(**changes):
    document = sample_register()
    document["requests"][0] |= changes
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
        lambda: _part("lineage", data_root_after=HASH),
        lambda: _part("lineage", pairs_learned=41),
        lambda: _part("lineage", pairs_after=1001),
        lambda: _part("request", due_at="2026-04-03T11:58:00+00:00"),
        lambda: _part("audit_models", references=3),
        lambda: _part("attacks", model_inversion="run"),
        lambda: _part("response", nature="exact"),
        lambda: sample_document(destroyed=[]),
        lambda: sample_document(consent=[]),
        lambda: sample_document(kept_until="2027-03-02T12:00:00+00:00"),
        lambda: sample_document(timeline=sample_document()["timeline"][::-1]),
        lambda: sample_document(timeline=sample_document()["timeline"][:3] + sample_document()["timeline"][4:]),
        lambda: _loosened(margin=0.49),
        lambda: _loosened(alpha=0.9),
        lambda: _part("plan", claim="Removal is proven with certainty."),
        lambda: _batched(conclusion="exact"),
        lambda: _batched(verdict="residual_influence", conclusion="certified"),
        lambda: _batched(completed_at="2026-03-02T11:00:00+00:00"),
        lambda: sample_batch(requests=sample_batch()["requests"] * 2),
        lambda: sample_batch(versions=[sample_batch()["versions"][0] | {"exact": True}]),
        lambda: _registered(due_at="2099-01-01T00:00:00+00:00"),
        lambda: _registered(deadline=_deadline(paused_seconds=86_400)),
        lambda: _registered(deadline=_deadline(holidays=["2026-03-03"])),
        lambda: _registered(deadline=_deadline(zone="Nowhere/Else")),
        lambda: _registered(answered_at="2026-02-01T00:00:00+00:00"),
        lambda: _registered(denial="no"),
        lambda: _registered(state="unlearning"),
        lambda: sample_register(totals=sample_register()["totals"] | {"late": 0}),
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


def _attached_more(change):
    """A sound report with something more in it, signed anew with the true key."""
    document = sample_document()
    writer = IncrementalPdfFileWriter(io.BytesIO(render(document, logged_proof(document), "en")))
    change(writer)
    buffer = io.BytesIO()
    writer.write(buffer)
    return sign_pdf(buffer.getvalue())


def _second_evidence(writer):
    names = writer.root["/Names"]["/EmbeddedFiles"]
    names["/Names"].insert(0, generic.pdf_string("evidence.json"))
    names["/Names"].insert(1, names["/Names"].raw_get(2))
    writer.update_container(names)


def _script(writer):
    script = generic.DictionaryObject({generic.pdf_name("/S"): generic.pdf_name("/JavaScript")})
    writer.root["/OpenAction"] = writer.add_object(script)
    writer.update_root()


def _hidden_stream(writer):
    kind = {generic.pdf_name("/Type"): generic.pdf_name("/EmbeddedFile")}
    writer.root["/Hidden"] = writer.add_object(generic.StreamObject(kind, stream_data=b"{}"))
    writer.update_root()


def _other_stream_under_another_name(writer):
    specification = writer.root["/Names"]["/EmbeddedFiles"]["/Names"][1]
    specification["/EF"]["/UF"] = writer.add_object(generic.StreamObject(stream_data=b"{}"))
    writer.update_container(specification)


@pytest.mark.parametrize("change", [_second_evidence, _script, _hidden_stream, _other_stream_under_another_name])
def test_nothing_else_may_be_in_the_file_even_signed_by_the_true_key(change):
    assert _failed(_attached_more(change))[0] == "attachments"


def test_a_sound_report_says_what_its_document_says():
    results = verify_report(signed_report(sample_document()), trust())
    assert ("conclusion", "equivalent") in results[-1].facts
    assert all(not result.facts for result in results[:-1])
