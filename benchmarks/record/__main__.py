"""`python -m benchmarks.record [--quick] [--minutes N] [--json FILE] [--plot FILE]`"""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from benchmarks import report
from benchmarks.service import begin_service


def main() -> None:
    """Run it."""
    options = report.options(__doc__)
    options.add_argument("--rows", type=int, default=10_000_000, help="interactions in the end")
    options.add_argument("--minutes", type=float, default=1.0, help="of requests over HTTP")
    options.add_argument("--plot", type=Path, metavar="FILE", help="draw the cost by size here, as SVG")
    chosen = options.parse_args()
    rows, subjects = (50_000, 1_000) if chosen.quick else (chosen.rows, 100_000)
    seconds = 5 if chosen.quick else 60 * chosen.minutes
    begin_service()
    from benchmarks.record import http, plot, stored
    from unlearning.management.bars import stage

    stored.prepare(subjects)
    with stage(f"Store {rows:,} rows", Console()) as progress:
        steps = list(stored.steps(rows, rows // 10, subjects, progress))
    found = list(stored.figures(steps))
    # Without a pending job's work beside it: what is measured is acceptance.
    found += http.figures(subjects, seconds)
    if chosen.plot:
        chosen.plot.write_text(plot.by_size(steps))
    report.show_figures("The system of record", found)
    content = {"figures": [vars(figure) for figure in found], "steps": [asdict(step) for step in steps]}
    report.write(chosen.json, content)


if __name__ == "__main__":
    main()
