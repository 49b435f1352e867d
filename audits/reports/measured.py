"""What a page shows of the measurements of one check."""

from collections.abc import Sequence
from typing import Any

from audits.reports import plots, wording
from audits.reports.pdf import inline
from audits.verification.statistics.equivalence import equivalence_power
from audits.verification.statistics.multiplicity import holm


def telling(rung: dict[str, Any]) -> dict[str, Any] | None:
    """The measurements that a rung's verdict rests on: over many models where the method was run again."""
    return rung["repeated"] or rung["measurements"]


def last_measured(document: dict[str, Any]) -> dict[str, Any] | None:
    """The last rung of which anything was measured."""
    return next((rung for rung in reversed(document["ladder"]) if rung["measurements"]), None)


def worst(measurements: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    """The statistic that is farthest from nothing left, among those that are asked for equivalence if there are any."""
    members = measurements["membership"]
    asked = [member for member in members if member["power"] >= plan["power"]]
    return max(asked or members, key=lambda member: abs(member["influence"]["estimate"] or 0.0))


def operating_curve(measurements: dict[str, Any], plan: dict[str, Any], rhos: Sequence[float]) -> list[float]:
    """Chance that a check like this one calls it removed, at most, at each residual influence that there might be.

    Every statistic that is asked for equivalence has to pass; the chance that all do is at most the least of theirs.
    """
    members = measurements["membership"]
    asked = [member for member in members if member["power"] >= plan["power"]] or members
    sizes = (measurements["models"], len(plan["known_seeds"]) or 1, len(plan["reference_seeds"]))
    effects = [(member["known"] - member["reference_mean"]) / member["reference_sd"] for member in asked]
    return [
        min(equivalence_power(effect, *sizes, plan["margin"], plan["confidence"], rho) for effect in effects)
        for rho in rhos
    ]


def shown(measurements: dict[str, Any], plan: dict[str, Any]) -> dict[str, Any]:
    """Rows of the tables, each with what tells the models apart, and the plot of the margins.

    Args:
        measurements: of a document.
        plan: that they were made by.
    """
    members, apart = measurements["membership"], set(measurements["apart"])
    control = holm([member["control"]["p"] for member in members])
    attacks = [
        attack
        | {
            "label": wording.ATTACK_NAMES[attack["name"]],
            "statistic": wording.STATISTICS[member["name"]],
            "auc_apart": f"{attack['name']}_auc_{member['name']}" in apart,
            "tpr_apart": f"{attack['name']}_tpr_{member['name']}" in apart,
        }
        for member in members
        for attack in member["attacks"]
    ]
    distances, samples = (
        [row | {"label": wording.DISTANCES[row["name"]], "apart": row["name"] in apart} for row in measurements[kind]]
        for kind in ("distances", "samples")
    )
    return measurements | {
        "statistics": [
            member
            | {
                "label": wording.STATISTICS[member["name"]],
                "control_p": p,
                "found": p <= plan["alpha"],
                "apart": member["name"] in apart,
            }
            for member, p in zip(members, control, strict=True)
        ],
        "attacks": attacks,
        "distances": distances,
        "samples": samples,
        "tests": len(members) + 2 * len(attacks) + len(distances) + len(samples),
        "plot": inline(plots.score_distributions(measurements["histogram"])),
    }
