"""`python -m benchmarks.forgetting.page FILE.json …`: the page of the docs, from what was measured."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

from benchmarks import report
from benchmarks.forgetting.attack import BARS

_DOCS = Path(__file__).parents[2] / "docs"
_COLUMNS = ("request", "kind", "strategy", "AUC [95 %]", "TPR@1%", "ρ [90 %]", "hidden", "recall", "NDCG", "1/time")
_MARKS = {
    "contrastive": "o",
    "retrain": "s",
    "fine_tune": "^",
    "gradient_ascent": "v",
    "influence": "D",
    "drop_edges": "x",
}


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """AUC of the attack against the share of a training that forgetting costs; one panel for each dataset."""
    names = list(dict.fromkeys(row["dataset"] for row in rows))
    plt.rcParams.update({"svg.hashsalt": "fedshare", "font.family": "DejaVu Sans", "font.size": 8})
    figure, panels = plt.subplots(1, len(names), figsize=(4.6 * len(names), 3.2), squeeze=False, layout="constrained")
    for name, panel in zip(names, panels[0], strict=True):
        panel.axhspan(*BARS, color="#ccfbf1", lw=0)
        panel.axhline(0.5, color="#9ca3af", lw=0.8)
        for strategy, mark in _MARKS.items():
            chosen = [r for r in rows if (r["dataset"], r["strategy"]) == (name, strategy)]
            if not chosen:
                continue
            cost, auc = [1 / row["speed"] for row in chosen], [row["auc"]["estimate"] for row in chosen]
            errors = [[abs(row["auc"][end] - row["auc"]["estimate"]) for row in chosen] for end in ("low", "high")]
            color = "#0f766e" if strategy == "contrastive" else "#6b7280"
            panel.errorbar(cost, auc, errors, fmt=mark, color=color, ms=5, lw=0.8, label=strategy.replace("_", " "))
        panel.set_xscale("log")
        panel.set_title(name)
        panel.set_xlabel("time, as a part of one training")
        panel.set_ylabel("AUC of the attack (0.5: can't tell)")
    panels[0][0].legend(frameon=False, fontsize=7)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Write page and plot."""
    content = [json.loads(Path(name).read_text()) for name in sys.argv[1:]]
    rows = [row for part in content for row in part["rows"]]
    plot(rows, _DOCS / "images" / "forgetting.svg")
    sections = [_section(part["rows"], part["sizes"], part["about"]) for part in content]
    head = Path(__file__).with_name("head.md").read_text()
    (_DOCS / "benchmarks" / "forgetting.md").write_text("\n".join([head, *sections]))


def _section(rows: list[dict[str, Any]], sizes: dict[str, int], about: dict[str, Any]) -> str:
    """One run, with what it was run with."""
    measured = (
        f"{sizes['targets']} models that forget; {sizes['shadows']} shadow models that learned the data and as many "
        f"that never did, {sizes['held_out']} more of these held out; {sizes['interactions']} requests of one "
        f"interaction and {sizes['subjects']} of one subject, of each kind; seeds 0 to {sizes['targets'] - 1}; "
        f"{about['threads']} threads, torch {about['torch']}."
    )
    names = ", ".join(dict.fromkeys(row["dataset"] for row in rows))
    return f"## {names}\n\n{measured}\n\n{report.markdown(rows, _COLUMNS)}\n"


if __name__ == "__main__":
    main()
