"""`python -m benchmarks.evidence.page EVIDENCE.json TAMPERING.json`: the page of the docs, from what was measured."""

import json
import sys
from pathlib import Path

from benchmarks import report

_DOCS = Path(__file__).parents[2] / "docs"


def main() -> None:
    """Write the page."""
    evidence, tampering = (json.loads(Path(name).read_text()) for name in sys.argv[1:3])
    columns = ["what was done", "files", "verified", "crashed", "slowest", "refused by"]
    figures = [*tampering["figures"], *evidence["figures"]]
    rows = [figure | {"met": {True: "yes", False: "no", None: ""}[figure["met"]]} for figure in figures]
    content = [
        Path(__file__).with_name("head.md").read_text(),
        "## Forgeries\n",
        report.markdown(tampering["rows"], columns),
        "\n*Refused by* names the check that failed; the verifier says why in a sentence. Seed 20261124.\n",
        "## Figures\n",
        report.markdown(rows, ["what", "value", "target", "met"]),
        "\nReports and verification: processor time of one core, median of five. Four writers on two cores, commits "
        "forced to disk.\n",
    ]
    (_DOCS / "benchmarks" / "evidence.md").write_text("\n".join(content))


if __name__ == "__main__":
    main()
