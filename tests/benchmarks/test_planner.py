"""The planner's row of the benchmark."""

import pytest

from benchmarks.forgetting.planner import planner


def _row(strategy: str, hidden: str, speed: float, quality: str = "1.000") -> dict:
    return {
        "strategy": strategy,
        "hidden": hidden,
        "speed": speed,
        "time target": 8,
        "recall": quality,
        "NDCG": quality,
        "gap": "",
        "auc": {"estimate": 0.5},
    }


def test_a_model_that_hides_and_serves_is_kept():
    (row,) = planner([_row("contrastive", "yes", 10.0), _row("retrain", "yes", 1.0)])
    assert (row["strategy"], row["speed"], row["hidden"]) == ("planner: contrastive", 10.0, "yes")


@pytest.mark.parametrize(("hidden", "quality"), [("NO", "1.000"), ("yes", "0.989")])
def test_else_it_learns_again_and_both_are_paid_for(hidden, quality):
    (row,) = planner([_row("contrastive", hidden, 10.0, quality), _row("retrain", "yes", 2.0, "1.000")])
    assert row["strategy"] == "planner: contrastive, then retrain"
    assert row["speed"] == pytest.approx(1 / (1 / 10 + 1 / 2))
    assert (row["hidden"], row["recall"], row["auc"]) == ("exact", "1.000", None)
    assert row["1/time"] == "1.7 (≥8)"


def test_learning_again_costs_a_training_where_it_was_not_timed():
    (row,) = planner([_row("contrastive", "NO", 50.0, quality="")])
    assert row["speed"] == pytest.approx(1 / (1 / 50 + 1))


def test_nothing_is_planned_without_a_measurement():
    assert planner([_row("retrain", "yes", 1.0)]) == []
