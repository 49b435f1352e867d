"""Every row of the verdict's table, and every conclusion."""

import math

import pytest

from audits.verification.statistics import Interval
from audits.verification.verdict import Conclusion, Finding, Verdict, conclude, decide

MARGIN = 0.2


def _finding(estimate, half_width, controlled=True, name="fold_in"):
    return Finding(name, controlled, Interval(estimate, estimate - half_width, estimate + half_width, 0.9))


@pytest.mark.parametrize(
    ("findings", "detected", "verdict"),
    [
        ([_finding(0.0, 0.1)], [], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.08, 0.1)], ["fold_in"], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.0, 0.1)], ["attack_fold_in"], Verdict.INCONCLUSIVE),
        ([_finding(0.5, 0.1)], ["fold_in"], Verdict.RESIDUAL_INFLUENCE),
        ([_finding(-0.5, 0.1)], ["fold_in"], Verdict.OVER_FORGOTTEN),
        ([_finding(0.15, 0.1)], [], Verdict.INCONCLUSIVE),
        ([_finding(-0.15, 0.1)], [], Verdict.INCONCLUSIVE),
        ([_finding(0.0, math.inf)], [], Verdict.INCONCLUSIVE),
        ([_finding(0.0, 0.1, controlled=False)], [], Verdict.NOT_TESTABLE),
        ([_finding(0.9, 0.1, controlled=False)], ["fold_in"], Verdict.NOT_TESTABLE),
        ([_finding(0.0, 0.1), _finding(0.0, 9.0, False, "pairs")], [], Verdict.REMOVED_WITHIN_MARGIN),
        ([_finding(0.0, 0.1), _finding(0.6, 0.1, True, "pairs")], ["pairs"], Verdict.RESIDUAL_INFLUENCE),
        (
            [_finding(-0.6, 0.1), _finding(0.6, 0.1, True, "pairs")],
            ["pairs", "fold_in"],
            Verdict.RESIDUAL_INFLUENCE,
        ),
    ],
)
def test_the_verdict_follows_the_table(findings, detected, verdict):
    found, reason = decide(findings, detected, MARGIN)
    assert found is verdict
    assert reason.endswith(".")


def test_nothing_to_decide_on_is_refused():
    with pytest.raises(ValueError, match="no statistic"):
        decide([], [], MARGIN)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_exact_method_concludes_whatever_the_check_found(verdict):
    assert conclude(verdict, exact_method=True) is Conclusion.EXACT


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_statistical_method_concludes_only_when_removal_was_shown(verdict):
    expected = Conclusion.EQUIVALENT if verdict is Verdict.REMOVED_WITHIN_MARGIN else None
    assert conclude(verdict, exact_method=False) is expected
