"""The command line."""

import argparse
import json
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pyhanko.keys import load_certs_from_pemder

from audits.evidence.tlog.handover import Handover
from audits.evidence.tlog.note import ProofError, VerifierKey
from audits.reports.verify.checks import Trust, is_sound, verify_report

_KEY = re.compile(r"[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44,48}")


class Unusable(ValueError):
    """An argument that can't be used; the message names it and says what to give."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line. Returns 0 if every check holds, 1 if one does not, 2 for unusable arguments."""
    parser = argparse.ArgumentParser(prog="python -m audits.reports.verify", description="Check a report offline.")
    parser.add_argument("report", type=Path, help="the PDF")
    parser.add_argument(
        "--log-key", required=True, action="append", help="the log's verifier key, or a file that holds one or more"
    )
    parser.add_argument("--handovers", type=Path, help="file with the log's changes of keys, as its holder serves it")
    parser.add_argument(
        "--witness-key", action="append", default=[], help="of a witness that must have cosigned the log, or a file"
    )
    parser.add_argument("--trust", type=Path, help="PEM file with roots that the certificates must lead to")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    options = parser.parse_args(arguments)
    # What a parser grumbles about in a hostile file is not what was asked; the checks say what is wrong.
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    try:
        pdf = options.report.read_bytes()
        trust = Trust(
            log_keys=_keys("--log-key", options.log_key),
            handovers=_handovers(options.handovers),
            witnesses=_keys("--witness-key", options.witness_key),
            roots=_roots(options.trust),
        )
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    results = verify_report(pdf, trust)
    sound = is_sound(results, trust)
    if options.json:
        print(json.dumps({"sound": sound, "checks": [vars(result) for result in results]}, indent=2))
    else:
        for result in results:
            print(f"{'ok    ' if result.ok else 'FAILED'}  {result.name}: {result.detail}")
        for name, fact in results[-1].facts:
            print(f"        {name}: {fact}")
        if sound:
            print("The attached document is sound, and says the above; hold the printed pages against it.")
        print("The report is sound." if sound else "The report does NOT verify.")
    return 0 if sound else 1


def _keys(option: str, given: Sequence[str]) -> list[VerifierKey]:
    """Keys given themselves or in files. White space, as a line break in a report brings it in, is dropped."""
    found = []
    for one in given:
        if not _KEY.fullmatch(_joined(one)) and not Path(one).exists():
            raise Unusable(f"{option}: {one!r} is neither a key (NAME+HASH+KEY) nor a file that holds one")
        texts = [_joined(one)] if _KEY.fullmatch(_joined(one)) else _lines(Path(one).read_text(errors="replace"))
        try:
            found += [VerifierKey.parse(text) for text in texts]
        except ProofError as error:
            raise Unusable(f"{option}: {error}") from None
        if not texts:
            raise Unusable(f"{option}: give a key (name+hash+key) or a file that holds it")
    return found


def _lines(content: str) -> list[str]:
    """One key on each line; or one key, broken over several."""
    lines = content.split()
    return lines if all(_KEY.fullmatch(line) for line in lines) else [_joined(content)]


def _handovers(path: Path | None) -> list[Handover]:
    if path is None:
        return []
    try:
        return [Handover(one["entry"], one["proof"]) for one in json.loads(path.read_text())["handovers"]]
    except (ValueError, KeyError, TypeError):
        raise Unusable("--handovers: this is no list of handovers; fetch it anew from the log's /keys") from None


def _roots(path: Path | None) -> list[object]:
    if path is None:
        return []
    path.read_bytes()
    try:
        return list(load_certs_from_pemder([str(path)]))
    except ValueError:
        raise Unusable("--trust: give a file with certificates in PEM") from None


def _joined(text: str) -> str:
    return "".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
