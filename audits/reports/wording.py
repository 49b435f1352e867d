"""What a report says in words; every sentence follows from the document."""

from typing import Any

TITLES = {"erase": "Evidence of erasure", "unshare": "Evidence of unsharing"}

CONCLUSIONS = {
    "exact": (
        "The model was trained again without the withdrawn data; the result is the model that never had it, "
        "and its digest can be recomputed."
    ),
    "equivalent": (
        "The influence of the withdrawn data was removed from the model: what is left lies within the margin "
        "agreed beforehand, and no test that was run tells the model from one that never saw the data."
    ),
    "certified": (
        "Taken alone, the withdrawn data could not be found even in a model that knew it. The way of forgetting that "
        "was used is certified on this model: what it leaves of requests of this kind lies within the margin."
    ),
}

LIMITS = {
    "exact": (
        "The claim rests on what was run (code, configuration, seed and data roots below), not on a test. It "
        "covers the model named here, not copies or recommendations handed out earlier."
    ),
    "equivalent": (
        "The claim is statistical and holds for the attacks that were run, at the margin and assurance level "
        "stated. It is an interim effect; retraining makes it exact. It covers the model named here, not copies "
        "or recommendations handed out earlier."
    ),
    "certified": (
        "The check of this one request proves nothing by itself; the claim is the certification's, which is a report "
        "of its own and about the method. It is an interim effect; retraining makes it exact."
    ),
}

VERDICTS = {
    "removed_within_margin": "removed within margin",
    "residual_influence": "residual influence",
    "over_forgotten": "over-forgotten",
    "inconclusive": "inconclusive",
    "not_testable": "not testable",
}

STRATEGIES = {
    "contrastive": "contrastive unlearning",
    "retrain": "retraining without the data",
}

STATISTICS = {
    "fold_in_on_item_rows": "Fold-in, item rows",
    "fold_in_on_item_views": "Fold-in, item views",
    "neighbours_on_item_rows": "Similar items, item rows",
    "pairs_on_rows": "Pairs, own rows",
    "pairs_on_views": "Pairs, views",
}

ATTACK_NAMES = {
    "lira": "likelihood ratio (LiRA)",
    "lira_per_example": "LiRA, spread of each pair",
    "population": "population (RMIA)",
    "u_lira": "likelihood ratio on unlearned models (U-LiRA)",
}

DISTANCES = {
    "procrustes_residual": "Procrustes residual",
    "cosine_structure": "Cosines to other items",
    "neighbours_changed": "Nearest items (Jaccard distance)",
    "energy_distance": "Energy distance",
    "mmd": "Maximum mean discrepancy",
}

ATTACKS = [
    (
        "Membership inference",
        "run",
        "likelihood ratio and population attacks, on scores by the subject's other items and by similar items, and on "
        "the subject's own row where it remains",
    ),
    ("Attribute inference", "not run", ""),
    ("Exfiltration", "not run", "not applicable: the model has no generative output"),
    ("Regurgitation of training data", "not run", "not applicable: the model has no generative output"),
    ("Model inversion", "not run", ""),
    ("Reconstruction", "not run", ""),
]
"""Attack classes of EDPB Opinion 28/2024 § 55, and what was done about each."""

GLOSSARY = [
    (
        "Residual influence ρ",
        "0: like a model that never had the data. 1: like the model before. Negative: the "
        "model avoids the data, which betrays it as well.",
    ),
    (
        "Positive control",
        "The same test must find the data in the model before. If it can't, it proves nothing about the model after.",
    ),
    (
        "Reference model",
        "A model trained without the data, with a fresh seed. How much references differ from "
        "each other is the noise that a difference must exceed.",
    ),
    (
        "Fold-in",
        "Scoring an item by the subject's other items. It needs no record of the subject, so it works "
        "after the record is deleted.",
    ),
    (
        "Power",
        "The chance that exact retraining would pass the equivalence test. A statistic is asked for equivalence only "
        "where the plan's power is reached; it is known before the model is looked at. Needed: how many models of "
        "each kind would give that power if the method were run again on many.",
    ),
    (
        "AUC of the attack",
        "Chance that an attacker ranks a withdrawn pair of this model above one of a reference model. 0.5 is guessing.",
    ),
    ("Commitment", "A keyed digest that stands for a subject. Once the key is destroyed it points at nobody."),
]


def reading_of_ladder(document: dict[str, Any]) -> str:
    """How the request came to its conclusion."""
    rungs = document["ladder"]
    first = rungs[0]
    if len(rungs) == 1:
        return f"The first strategy, {STRATEGIES[first['strategy']]}, reached the conclusion."
    return (
        f"The check after {STRATEGIES[first['strategy']]} found: {VERDICTS[first['verdict']]}. So the request went on "
        f"to {STRATEGIES[rungs[-1]['strategy']]}, which is exact by construction."
    )


def certification_sentence(document: dict[str, Any]) -> str:
    """One sentence for the cover of a certification."""
    held = sum(cell["verdict"] == "removed_within_margin" for cell in document["cells"])
    return (
        f"{STRATEGIES[document['strategy']].capitalize()} removed the data's influence within the margin in {held} of "
        f"{len(document['cells'])} kinds and sizes of request, over many models. A kind of request is certified "
        "where that holds for every size."
    )
