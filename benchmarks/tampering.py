"""Ten thousand forged reports: `python -m benchmarks.tampering [--quick] [--json FILE]`. None may verify."""

import random
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.progress import Progress

from benchmarks import report
from benchmarks.report import Figure
from benchmarks.service import begin_service

_SEED = 20261124
_COLUMNS = ["what was done", "files", "verified", "crashed", "slowest", "refused by"]


def main() -> None:
    """Run it."""
    chosen = report.options(__doc__).parse_args()
    begin_service()
    with TemporaryDirectory() as folder, Progress(transient=True) as bar:
        rows = list(_rows(Path(folder), 20 if chosen.quick else 1, bar))
    report.show("Forged reports", rows, _COLUMNS)
    files, verified = (sum(row[name] for row in rows) for name in ("files", "verified"))
    slowest = max(row["seconds"] for row in rows if "garbage" in row["what was done"])
    found = [
        Figure("forged reports that verify", f"{verified} of {files:,}", "0", verified == 0),
        Figure("a million bytes of garbage refused, at worst", f"{slowest:.2f} s", "≤ 1 s", slowest <= 1),
    ]
    report.show_figures("Tampering", found)
    report.write(chosen.json, {"rows": rows, "figures": [vars(figure) for figure in found]})
    sys.exit(verified > 0)


def _rows(folder: Path, thinned: int, bar: Progress) -> Any:
    from audits.evidence.canonical import canonical_json
    from audits.reports.verify import verify_report
    from audits.reports.verify.checks import is_sound
    from benchmarks.evidence.mutations import MUTATIONS, with_attachments

    forger, trust = _forger(folder)
    assert is_sound(verify_report(forger.report, trust), trust), "the report itself has to verify"
    # The control: done to what is true, the forger's way of putting a file together gives nothing away by itself.
    control = with_attachments(forger, canonical_json(forger.document), forger.proof.encode())
    assert is_sound(verify_report(control, trust), trust), verify_report(control, trust)[-1]
    for name, (mutation, count) in MUTATIONS.items():
        generator, count = random.Random(f"{_SEED} {name}"), -(-count // thinned)
        refused: Counter[str] = Counter()
        verified = crashed = 0
        slowest = 0.0
        forged = mutation(forger, generator)
        task = bar.add_task(name, total=count)
        for _ in range(count):
            file = next(forged)
            start = time.perf_counter()
            try:
                results = verify_report(file, trust)
            except Exception:
                crashed += 1
                continue
            slowest = max(slowest, time.perf_counter() - start)
            verified += is_sound(results, trust)
            refused[results[-1].name] += not results[-1].ok
            bar.advance(task)
        yield {
            "what was done": name,
            "files": count,
            "verified": verified,
            "crashed": crashed,
            "slowest": f"{slowest:.2f} s",
            "seconds": slowest,
            "refused by": ", ".join(f"{check} {number}" for check, number in refused.most_common()),
        }


def _forger(folder: Path) -> Any:
    """A forger with a true report, and what its reader trusts in: the log's key and a witness's."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from django.conf import settings

    from audits.evidence.keys import log_key, log_verifier_keys
    from audits.evidence.models import LogLeaf
    from audits.evidence.tlog.witness import Witness
    from audits.reports.signing import sign_pdf
    from audits.reports.verify import Trust
    from audits.reports.writing import RENDERERS
    from benchmarks.evidence.mutations import Forger
    from tests.audits.reports.sample import logged_proof, sample_document

    settings.FEDSHARE_WITNESSES = [str(folder)]
    document = sample_document()
    proof = logged_proof(document)
    unsigned = RENDERERS[document["schema"]](document, proof, "en")
    keys = log_verifier_keys()
    name = f"{settings.FEDSHARE_LOG_ORIGIN}/witness/{folder.name}"
    witness = Witness(name, _private(folder / "witness.pem"), keys, folder)
    forger = Forger(
        report=sign_pdf(unsigned),
        document=document,
        proof=proof,
        unsigned=unsigned,
        log_key=log_key(),
        other_key=Ed25519PrivateKey.generate(),
        witness=witness,
        entries=[bytes(leaf) for leaf in LogLeaf.objects.values_list("hash", flat=True)],
    )
    return forger, Trust(keys, witnesses=[witness.key])


def _private(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(path.read_bytes(), password=None)


if __name__ == "__main__":
    main()
