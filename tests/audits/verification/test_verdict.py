"""Every row of the verdict's table, and every conclusion."""

import itertools
import math

import pytest

from audits.verification.errors import AuditError
from audits.verification.plan import AuditPlan
from audits.verification.statistics.intervals import Interval
from audits.verification.verdict import Conclusion, Finding, Trial, Verdict, alarms, conclude, decide, join

PLAN = AuditPlan("quick", ("fold_in",), ("lira",), (1, 2, 3), (), seed=0)


def _finding(estimate, half_width, p=0.5, control=1e-9, power=0.995, name="fold_in"):
    interval = Interval(estimate, estimate - half_width, estimate + half_width, 0.9)
    return Finding(name, control, p, estimate > 0, interval, power)


def _trial(p, within=False):
    return Trial("another_test", p, within)


FOUND = 1e-6
"""A p that survives the adjustment."""


@pytest.mark.parametrize(
    ("findings", "trials", "verdict"),
    [
        ([_finding(0.0, 0.1)], [], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.0, 0.1)], [_trial(0.3)], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.08, 0.1, FOUND)], [], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.0, 0.1)], [_trial(FOUND, within=True)], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.0, 0.1)], [_trial(FOUND)], Verdict.INCONCLUSIVE),
        ([_finding(0.5, 0.1, FOUND)], [], Verdict.RESIDUAL_INFLUENCE),
        ([_finding(0.5, 0.1, FOUND)], [_trial(FOUND)], Verdict.RESIDUAL_INFLUENCE),
        ([_finding(0.5, 0.4, FOUND, power=0.1)], [], Verdict.RESIDUAL_INFLUENCE),
        ([_finding(-0.5, 0.1, FOUND)], [], Verdict.OVER_FORGOTTEN),
        ([_finding(0.15, 0.1)], [], Verdict.INCONCLUSIVE),
        ([_finding(-0.15, 0.1)], [], Verdict.INCONCLUSIVE),
        ([_finding(0.0, 0.5, power=0.3)], [], Verdict.INCONCLUSIVE),
        ([_finding(0.0, 0.1, power=0.3)], [], Verdict.INCONCLUSIVE),
        ([_finding(0.0, 0.1, control=0.5)], [], Verdict.NOT_TESTABLE),
        ([_finding(0.0, math.inf, control=0.5)], [_trial(FOUND)], Verdict.INCONCLUSIVE),
        ([_finding(0.9, math.inf, FOUND, control=0.5)], [], Verdict.INCONCLUSIVE),
        ([_finding(-0.9, math.inf, FOUND, control=0.5)], [], Verdict.INCONCLUSIVE),
        ([_finding(0.0, 0.1), _finding(0.0, 9.0, control=0.5, name="pairs")], [], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.0, 0.1), _finding(0.0, 0.5, power=0.2, name="pairs")], [], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.0, 0.1), _finding(0.3, 0.2, name="pairs")], [], Verdict.INCONCLUSIVE),
        ([_finding(0.0, 0.1), _finding(0.6, 0.1, FOUND, name="pairs")], [], Verdict.RESIDUAL_INFLUENCE),
        (
            [_finding(-0.6, 0.1, FOUND), _finding(0.6, 0.1, FOUND, name="pairs")],
            [],
            Verdict.RESIDUAL_INFLUENCE,
        ),
    ],
)
def test_the_verdict_follows_the_table(findings, trials, verdict):
    found, reason = decide(findings, trials, PLAN)
    assert found is verdict
    assert str(reason).endswith(".")


def test_detection_is_adjusted_over_everything_that_is_tested():
    barely = PLAN.alpha * 0.9
    assert decide([_finding(0.5, 0.1, barely)], [], PLAN)[0] is Verdict.RESIDUAL_INFLUENCE
    assert decide([_finding(0.5, 0.1, barely)], [_trial(0.5)], PLAN)[0] is Verdict.INCONCLUSIVE


def test_nothing_to_decide_on_is_refused():
    with pytest.raises(AuditError, match="no statistic"):
        decide([], [], PLAN)


@pytest.mark.parametrize("broken", [math.nan, -0.1, 1.1])
def test_what_is_no_probability_is_refused(broken):
    for finding in (_finding(0.0, 0.1, broken), _finding(0.0, 0.1, control=broken), _finding(0.0, 0.1, power=broken)):
        with pytest.raises(AuditError, match="no probability"):
            decide([finding], [], PLAN)
    with pytest.raises(AuditError, match="no probability"):
        decide([_finding(0.0, 0.1)], [_trial(broken)], PLAN)


@pytest.mark.parametrize(("one", "repeated"), list(itertools.product(Verdict, Verdict)))
def test_the_many_decide_unless_the_one_stands_out(one, repeated):
    assert join(one, False, repeated) is repeated
    assert join(one, True, repeated) is one


def test_what_stands_out_by_less_than_its_margin_is_no_alarm():
    findings = [_finding(0.08, 0.1, FOUND), _finding(0.6, 0.1, FOUND, name="pairs")]
    assert alarms(findings, [_trial(FOUND), Trial("small", FOUND, True)], PLAN) == ["pairs", "another_test"]


@pytest.mark.parametrize(
    ("verdict", "exact", "certified"), list(itertools.product(Verdict, (True, False), (True, False)))
)
def test_every_conclusion(verdict, exact, certified):
    found = conclude(verdict, exact, certified)
    if exact:
        assert found is Conclusion.EXACT
    elif verdict is Verdict.REMOVED_WITHIN_MARGIN:
        assert found is Conclusion.EQUIVALENT
    elif verdict is Verdict.NOT_TESTABLE and certified:
        assert found is Conclusion.CERTIFIED
    else:
        assert found is None
