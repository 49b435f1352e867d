"""What a page shows of the measurements of one check."""

from typing import Any

from audits.reports import plots, wording
from audits.reports.pdf import inline
from audits.verification.statistics.multiplicity import holm


def telling(rung: dict[str, Any]) -> dict[str, Any] | None:
    """The measurements that a rung's verdict rests on: over many models where the method was run again."""
    return rung["repeated"] or rung["measurements"]


def last_measured(document: dict[str, Any]) -> dict[str, Any] | None:
    """The last rung of which anything was measured."""
    return next((rung for rung in reversed(document["ladder"]) if rung["measurements"]), None)


def shown(measurements: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    """Rows of the tables, and the plot of the margins.

    Args:
        measurements: of a document.
        plan: that they were made by.
    """
    control = holm([member["control"]["p"] for member in measurements["membership"]])
    return measurements | {
        "statistics": [
            member
            | {
                "label": wording.STATISTICS[member["name"]],
                "control_p": p,
                "found": p <= plan["alpha"],
                "powered": member["power"] >= plan["power"],
            }
            for member, p in zip(measurements["membership"], control, strict=True)
        ],
        "attacks": [
            attack | {"label": wording.ATTACK_NAMES[attack["name"]], "statistic": wording.STATISTICS[member["name"]]}
            for member in measurements["membership"]
            for attack in member["attacks"]
        ],
        "distances": [
            distance | {"label": wording.DISTANCES[distance["name"]]} for distance in measurements["distances"]
        ],
        "samples": [sample | {"label": wording.DISTANCES[sample["name"]]} for sample in measurements["samples"]],
        "plot": inline(plots.score_distributions(measurements["histogram"])),
    }
