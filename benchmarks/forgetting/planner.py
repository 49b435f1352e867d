"""The ladder's own row: forget contrastively; where that does not convince, learn again."""

from typing import Any

_USEFUL = 0.99


def planner(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the service would do, with this table's attack in the place of its check, whose cost is not counted.

    Args:
        rows: of one request, with that of `retrain` where it was measured.

    Returns:
        The row; none without that of `contrastive`.
    """
    by_name = {row["strategy"]: row for row in rows}
    contrastive = by_name.get("contrastive")
    if contrastive is None:
        return []
    useful = all(float(contrastive[name]) >= _USEFUL for name in ("recall", "NDCG") if contrastive[name])
    if contrastive["hidden"] == "yes" and useful:
        return [contrastive | {"strategy": "planner: contrastive"}]
    retrain = by_name.get("retrain", {})
    # Learning again is one training, whether it was timed for this request or not.
    speed = 1 / (1 / contrastive["speed"] + 1 / retrain.get("speed", 1.0))
    row = contrastive | {
        "strategy": "planner: contrastive, then retrain",
        "auc": None,
        "tpr": None,
        "influence": None,
        "ratios": None,
        "AUC [95 %]": "",
        "AUC, any items": "",
        "TPR@1%": "",
        "ρ [90 %]": "",
        "hidden": "exact",
        "recall": retrain.get("recall", ""),
        "NDCG": retrain.get("NDCG", ""),
        "gap": retrain.get("gap", ""),
        "1/time": in_words(speed, contrastive["time target"]),
        "speed": speed,
    }
    return [row]


def in_words(speed: float, target: float) -> str:
    """How many times faster than a training, beside its target."""
    return f"{speed:.0f} (≥{target})" if speed >= 2 else f"{speed:.1f} (≥{target})"
