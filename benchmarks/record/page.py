"""`python -m benchmarks.record.page RECORD.json`: write docs/benchmarks/record.md."""

import argparse
import json
from pathlib import Path

from benchmarks import report

_PAGE = Path("docs/benchmarks/record.md")
_COLUMNS = ("rows", "import, rows/s", "COPY, rows/s", "lineage p99, ms", "freezing, s", "slider p99, ms")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    found = json.loads(parser.parse_args().record.read_text())
    figures = [
        {"what": one["what"], "measured": one["value"], "target": one["target"], "met": _met(one["met"])}
        for one in found["figures"]
    ]
    sizes = [
        dict(
            zip(
                _COLUMNS,
                (
                    f"{step['rows']:,}", f"{step['imported']:,.0f}", f"{step['copied']:,.0f}",
                    f"{1000 * step['lineage_p99']:.1f}", f"{step['freezing']:.1f}", f"{1000 * step['slider_p99']:.1f}",
                ),
                strict=True,
            )
        )
        for step in found["steps"]
    ]  # fmt: skip
    parts = [
        (Path(__file__).parent / "head.md").read_text(),
        report.markdown(figures, ("what", "measured", "target", "met")),
        "\n## By size\n\n![Cost by number of rows](../images/record.svg)\n",
        report.markdown(sizes, _COLUMNS),
    ]
    _PAGE.write_text("\n".join(parts) + "\n")


def _met(met: bool | None) -> str:
    return {True: "yes", False: "**no**", None: ""}[met]


if __name__ == "__main__":
    main()
