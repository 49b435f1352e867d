"""The plan: what it must hold, and that it can't be changed afterwards."""

from dataclasses import fields, replace

import pytest

from audits.verification import distances, plan, protocol, results
from audits.verification.engine import AFTER_UNSHARING
from audits.verification.errors import AuditError
from audits.verification.plan import LEVELS, QUICK, STANDARD, AuditPlan

PLAN = AuditPlan.at(STANDARD, ("fold_in_on_item_rows",), tuple(range(64)), seed=1)


def test_a_plan_survives_json_with_its_digest():
    assert AuditPlan.from_json(PLAN.as_json()) == PLAN
    assert AuditPlan.from_json(PLAN.as_json()).digest() == PLAN.digest()


def test_a_level_divides_its_seeds():
    assert (PLAN.reference_seeds, PLAN.known_seeds) == (tuple(range(32)), tuple(range(32, 64)))
    assert AuditPlan.at(QUICK, ("fold_in_on_item_rows",), tuple(range(19)), seed=1).known_seeds == ()


@pytest.mark.parametrize("name", [field.name for field in fields(AuditPlan)])
def test_a_change_of_any_field_after_freezing_is_refused(name):
    frozen = PLAN.digest()
    value = getattr(PLAN, name)
    changes = {str: lambda v: v + "x", int: lambda v: v + 1, float: lambda v: v / 2, bool: lambda v: not v}
    changes[tuple] = lambda v: v[:-1] if len(v) > 1 else ("pairs_on_rows",)
    changed = replace(PLAN, **{name: changes[type(value)](value)})
    with pytest.raises(AuditError, match="changed after it was frozen"):
        changed.assert_frozen(frozen)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference_seeds": (1, 1, 2)}, "reference_seeds: a seed stands twice"),
        ({"reference_seeds": (1, 2)}, "reference_seeds: 2 are too few"),
        ({"known_seeds": (7, 8)}, "known_seeds: 2 are too few"),
        ({"known_seeds": (), "repeats": True}, "repeats: there is no model that knows"),
        ({"statistics": ()}, "statistics"),
        ({"statistics": ("fold_in_on_item_rows",) * 2}, "each once"),
        ({"statistics": ("guess_on_rows",)}, "guess_on_rows is unknown"),
        ({"attacks": ("oracle",)}, "oracle is unknown"),
        ({"known_seeds": (1, 2, 77)}, "a seed is a reference's too"),
        ({"margin": 0.0}, "margin must lie between"),
        ({"margin": 0.5}, "margin must lie between"),
        ({"contrast_items": 0}, "contrast_items"),
        ({"distance_margin": float("inf")}, "distance_margin"),
        ({"alpha": 1.0}, "alpha must lie between"),
    ],
)
def test_a_plan_that_can_carry_no_verdict_is_refused(change, message):
    with pytest.raises(AuditError, match=message):
        replace(PLAN, **change)


def test_the_names_that_plans_and_documents_know_are_those_that_are_run():
    assert set(plan.ATTACKS) == set(protocol.ATTACKS)
    assert set(results.SAMPLES) == set(protocol._SAMPLES)
    assert set(results.DISTANCES) == set(distances._KINDS)
    assert {name.partition("_on_")[0] for name in AFTER_UNSHARING} == set(plan.STATISTICS)


def test_a_level_is_not_a_label():
    with pytest.raises(AuditError, match="trains 19 models, 3 were given"):
        AuditPlan.at(QUICK, ("fold_in_on_item_rows",), (1, 2, 3), seed=1)


@pytest.mark.parametrize("level", LEVELS.values())
def test_levels_say_what_they_can_and_can_not_claim(level):
    assert level.references >= 19  # below, an exact rank test can never reject at 10 %
    assert str(level.references) in level.claim
    assert level.limit
