"""`python -m benchmarks.forgetting.page`: the page of the docs, from the measurements that are kept beside it."""

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt

from benchmarks import report
from benchmarks.configs import CONFIGS
from benchmarks.forgetting.attack import BARS

_DOCS = Path(__file__).parents[2] / "docs"
PAGE = _DOCS / "benchmarks" / "forgetting.md"
_MEASURED = _DOCS / "benchmarks" / "forgetting"
"""Files as `python -m benchmarks.forgetting --json` writes them; Gowalla's were taken down from an earlier page."""
_MEASURES = ("AUC [95 %]", "AUC, any items", "TPR@1%", "ρ [90 %]", "hidden", "recall", "NDCG", "gap", "1/time")
COLUMNS = ("request", "kind", "strategy", *_MEASURES)
_MARKS = {
    "contrastive": "o",
    "contrastive, in turn": "*",
    "retrain": "s",
    "fine_tune": "^",
    "gradient_ascent": "v",
    "influence": "D",
    "calibrated_replay": "P",
    "drop_edges": "x",
}


_CURVES = {"nothing": ("#b45309", "untouched"), "contrastive": ("#0f766e", "after contrastive")}


def distributions(rows: list[dict[str, Any]], path: Path) -> None:
    """What the attacker sees where a tenth has its data erased: Λ, cumulated over pairs and models."""
    chosen = [row for row in rows if (row["request"], row["kind"]) == ("tenth", "erase") and row["strategy"] in _CURVES]
    chosen = [row for row in chosen if row["ratios"]]
    names = list(dict.fromkeys(row["dataset"] for row in chosen))
    figure, panels = plt.subplots(1, len(names), figsize=(3.2 * len(names), 2.8), squeeze=False, layout="constrained")
    levels = [level / 100 for level in range(1, 100)]
    for name, panel in zip(names, panels[0], strict=True):
        for row in (row for row in chosen if row["dataset"] == name):
            after, never = row["ratios"]
            color, label = _CURVES[row["strategy"]]
            panel.plot(after, levels, color=color, lw=1.2, label=label)
        panel.plot(never, levels, color="#111827", lw=0.8, ls="--", label="never knew")
        panel.set_title(name)
        panel.set_xlabel("Λ, log-likelihood ratio")
        panel.set_ylim(0, 1)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0][0].set_ylabel("share of pairs and models below")
    panels[0][-1].legend(frameon=False, fontsize=7, loc="lower right")
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """AUC of the attack against the share of a training that forgetting costs; one panel for each dataset."""
    names = list(dict.fromkeys(row["dataset"] for row in rows))
    figure, panels = plt.subplots(1, len(names), figsize=(3.2 * len(names), 3.2), squeeze=False, layout="constrained")
    for name, panel in zip(names, panels[0], strict=True):
        panel.axhspan(*BARS, color="#ccfbf1", lw=0)
        panel.axhline(0.5, color="#9ca3af", lw=0.8)
        for strategy, mark in _MARKS.items():
            chosen = [r for r in rows if (r["dataset"], r["strategy"]) == (name, strategy) and r.get("auc")]
            if not chosen:
                continue
            cost, auc = [1 / row["speed"] for row in chosen], [row["auc"]["estimate"] for row in chosen]
            errors = [[abs(row["auc"][end] - row["auc"]["estimate"]) for row in chosen] for end in ("low", "high")]
            color = "#0f766e" if strategy.startswith("contrastive") else "#6b7280"
            panel.errorbar(cost, auc, errors, fmt=mark, color=color, ms=5, lw=0.8, label=strategy.replace("_", " "))
        panel.set_xscale("log")
        panel.set_title(name)
        panel.set_xlabel("time, as a part of one training")
    panels[0][0].set_ylabel("AUC of the attack (0.5: can't tell)")
    handles = {label: handle for p in panels[0] for handle, label in zip(*p.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=7)
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Write page and plots."""
    content = kept()
    rows = [row for part in content for row in part["rows"]]
    plt.rcParams.update({"svg.hashsalt": "fedshare", "font.family": "DejaVu Sans", "font.size": 8})
    plot(rows, _DOCS / "images" / "forgetting.svg")
    distributions(rows, _DOCS / "images" / "forgetting-ratios.svg")
    PAGE.write_text(text(content))


def kept() -> list[dict[str, Any]]:
    """The measurements, by dataset."""
    content = [json.loads(file.read_text()) for file in sorted(_MEASURED.glob("*.json"))]
    return sorted(content, key=lambda part: list(CONFIGS).index(part["rows"][0]["dataset"]))


def text(content: list[dict[str, Any]]) -> str:
    """The page, in Markdown."""
    head = Path(__file__).with_name("head.md").read_text()
    parts = _joined(content)
    names = [_datasets(part) for part in parts]
    return "\n".join([head, *(_section(part, names.count(_datasets(part)) > 1) for part in parts)])


def _joined(content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts that were measured alike, such as the sizes of one dataset one by one, as one."""
    joined: dict[str, dict[str, Any]] = {}
    for part in content:
        alike = json.dumps([_datasets(part), part["code"], part["sizes"], part["device"], part["about"]["torch"]])
        if alike in joined:
            joined[alike]["rows"] = joined[alike]["rows"] + part["rows"]
        else:
            joined[alike] = dict(part)
    return list(joined.values())


def _datasets(part: dict[str, Any]) -> str:
    return ", ".join(dict.fromkeys(row["dataset"] for row in part["rows"]))


def _section(part: dict[str, Any], one_of_several: bool) -> str:
    """One run, with what it was run with."""
    rows, sizes = part["rows"], part["sizes"]
    measured = (
        f"{sizes['targets']} models that forget; {sizes['shadows']} shadow models that learned the data and as many "
        f"that never did, {sizes['held_out']} more of these held out; {sizes['interactions']} requests of one "
        f"interaction and {sizes['subjects']} of one subject, of each kind; {sizes['leavers']} leavers; seeds 0 to "
        f"{sizes['targets'] - 1}; {part['device']}, torch {part['about']['torch']}; "
        f"code {part['code'][:12] if part['code'] else 'not on record'}."
    )
    heading = _datasets(part)
    if one_of_several:
        heading += f": {'; '.join(dict.fromkeys(row['request'] for row in rows))}"
    beforehand = "\n\n".join(_kept(name, one, part["rehearsals"][name]) for name, one in part.get("bytes", {}).items())
    return f"## {heading}\n\n{measured}\n\n{beforehand}\n\n{report.markdown(rows, COLUMNS)}\n"


def _kept(name: str, found: dict[str, int], rehearsal: dict[str, float]) -> str:
    """What is kept for forgetting, of what stored updates would take, and what it costs beforehand."""
    share = found["updates"] / found["history"]
    within = ""
    if "within, delete" in rehearsal:  # measurements since pairs of a subject are looked at one by one
        within = (
            f"; of how the pairs of one subject differ {rehearsal['within, delete']:.0%} and "
            f"{rehearsal['within, unshare']:.0%}"
        )
    return (
        f"Kept for forgetting beside a model of {name}: {found['history'] / 1e6:.1f} MB; the updates that FedEraser "
        f"stores of such a training would take {found['updates'] / 1e6:,.0f} MB, {share:,.0f} times as much, and less "
        f"where a device keeps its longest alone, as FRU does (target: 20 times). The rehearsal, once for each model, "
        f"takes as long as {rehearsal['trainings']:.0f} trainings; its features tell {rehearsal['alone, delete']:.0%} "
        f"of how the falls of single pairs vary where devices delete them, {rehearsal['alone, unshare']:.0%} where "
        f"they go back; of subjects who leave {rehearsal['whole, delete']:.0%}, of those who unshare everything "
        f"{rehearsal['whole, unshare']:.0%}{within} (cross-validated)."
    )


if __name__ == "__main__":
    main()
