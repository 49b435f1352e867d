"""`python -m benchmarks.verdicts.page FILE …`: docs/benchmarks/verdicts.md and its plot, from what was measured."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from benchmarks import report

_DOCS = Path(__file__).parents[2] / "docs"
_COLUMNS = ["withdrawal", "level", "left", "audits", "removed", "residual", "over", "inconclusive", "not testable", "ρ"]
_BANDS = {
    "removed": ("#0f766e", ""),
    "inconclusive": ("#e5e7eb", ""),
    "not testable": ("#ffffff", "...."),
    "residual": ("#b45309", "////"),
    "over": ("#7c3aed", "\\\\\\\\"),
}
_STYLE = {"font.family": "DejaVu Sans", "font.size": 8, "svg.hashsalt": "fedshare", "hatch.linewidth": 0.6}


def _panels(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    panels: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        panels.setdefault((row["dataset"], row["withdrawal"], row["level"]), []).append(row)
    return panels


def _plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    panels = _panels(rows)
    across = 4
    down = -(-len(panels) // across)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(2.6 * across, 1.9 * down + 0.5), layout="constrained")
        grid = figure.subplots(down, across, sharey=True, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (name, mine) in zip(grid.flat, panels.items(), strict=False):
            places, bottom = range(len(mine)), [0.0] * len(mine)
            for band, (colour, hatch) in _BANDS.items():
                shares = [row[band] / row["audits"] for row in mine]
                axes.bar(
                    places,
                    shares,
                    0.9,
                    bottom,
                    label=band,
                    color=colour,
                    hatch=hatch,
                    edgecolor="#111827",
                    linewidth=0.5,
                )
                bottom = [b + s for b, s in zip(bottom, shares, strict=True)]
            axes.set_title(f"{name[0]}, {name[2]}\n{name[1]}", fontsize=7, loc="left")
            axes.set_xticks(places, [f"{row['part']:g}" for row in mine], fontsize=6)
            axes.spines[["top", "right"]].set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("share of audits")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
        figure.supxlabel("part of the influence that is left", fontsize=8)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what --json wrote; several are joined")
    measured = [json.loads(path.read_text()) for path in parser.parse_args().files]
    rows = [row for one in measured for row in one["rows"]]
    figures = [
        figure | {"met": {True: "yes", False: "**no**", None: ""}[figure["met"]]}
        for one in measured
        for figure in one["figures"]
    ]
    parts = [Path(__file__).with_name("head.md").read_text()]
    parts += ["## Against the targets\n", report.markdown(figures, ["what", "value", "target", "met"]), ""]
    for dataset in dict.fromkeys(row["dataset"] for row in rows):
        parts += [f"## {dataset}\n", report.markdown([row for row in rows if row["dataset"] == dataset], _COLUMNS), ""]
    (_DOCS / "benchmarks").mkdir(parents=True, exist_ok=True)
    (_DOCS / "benchmarks" / "verdicts.md").write_text("\n".join(parts))
    _plot(rows, _DOCS / "images" / "verdicts.svg")


if __name__ == "__main__":
    main()
